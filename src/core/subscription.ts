import { compileNamePattern } from "./pattern.ts"
import type { ResolvedPolicy } from "./policy.ts"

/** A standing wish: which events, on which terms. Never changed in place: a change is a new version. */
export interface SubscriptionDefinition {
  readonly pattern: string // event name, or wildcards
  readonly otherPatterns?: readonly string[] // that it hears as well
  readonly filter: unknown // an event pattern; null = every event of that name
  readonly sender: string | null // null = any sender
  readonly scope: string | null // scope key; null = every scope
  readonly target: SubscriptionTarget
  readonly policy: ResolvedPolicy
  readonly paused: boolean
}

/**
 * Whom it is for. Workflows and schedules wish for no events: they stand in the catalog so that their runs and
 * ticks are leased, limited and paused like deliveries, by those workers that know them.
 */
export type SubscriptionTarget =
  | { readonly kind: "handler" }
  /** Its recipient, secrets and state stand in records; `revision` changes with them, so that every process looks again. */
  | {
      readonly kind: "webhook"
      readonly notifier: string
      readonly revision: number
      readonly disabled?: true // it is paused for a reason, which its record has, and is enabled rather than resumed
    }
  | {
      readonly kind: "workflow"
      readonly workflow: string
      readonly hash: string
      /** What starting a run of it needs beside; absent = an older Carillon announced it. */
      readonly terms?: WorkflowTerms
    }
  | { readonly kind: "schedule"; readonly schedule: string }

/** The collection of records in which webhook subscriptions keep what routing does not need, by their ids. */
export const WEBHOOK_RECORDS = "webhooks"

/** On what terms runs of a workflow are started, for those who do not know its code. */
export interface WorkflowTerms {
  readonly timeout: number | null // s
  readonly retentionTime: number | null // s
  readonly idempotent: boolean
}

/** Somebody's handler or webhook gets events by it: it is no workflow and no schedule. */
export function wishesForEvents({ definition }: Pick<SubscriptionVersion, "definition">): boolean {
  return definition.target.kind === "handler" || definition.target.kind === "webhook"
}

export function patternsOf({ pattern, otherPatterns = [] }: Heard): readonly string[] {
  return [pattern, ...otherPatterns]
}

/** Whether it hears events of a name. Events of Carillon about itself are heard by those who name them, not by `*`. */
export function hearerOf(definition: Heard): (name: string) => boolean {
  const hearers = patternsOf(definition).map((pattern) => {
    const fits = compileNamePattern(pattern)
    return isOperational(pattern) ? fits : (name: string) => !isOperational(name) && fits(name)
  })
  const [only] = hearers
  return hearers.length === 1 && only !== undefined ? only : (name) => hearers.some((hears) => hears(name))
}

type Heard = Pick<SubscriptionDefinition, "pattern" | "otherPatterns">

export function isOperational(name: string): boolean {
  return name.startsWith("carillon.")
}

/** One version of a subscription: valid for commits routed by catalog versions in [from, to). */
export interface SubscriptionVersion {
  readonly no: number // the subscription's number, the same in all its versions
  readonly id: string
  readonly group: string
  readonly ephemeral: boolean // ends with the worker that made it
  readonly fromVersion: number
  readonly toVersion: number | null // null = still valid
  readonly definition: SubscriptionDefinition
}

/** Everything routing needs to know, at one version. */
export interface Catalog {
  readonly version: number
  readonly subscriptions: readonly SubscriptionVersion[] // all versions that commits of open work may need
}
