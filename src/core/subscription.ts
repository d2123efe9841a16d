import type { ResolvedPolicy } from "./policy.ts"

/** A standing wish: which events, on which terms. Never changed in place: a change is a new version. */
export interface SubscriptionDefinition {
  readonly pattern: string // event name, or wildcards
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
  | { readonly kind: "workflow"; readonly workflow: string; readonly hash: string }
  | { readonly kind: "schedule"; readonly schedule: string }

/** Somebody's handler gets events by it: it is no workflow and no schedule. */
export function wishesForEvents({ definition }: SubscriptionVersion): boolean {
  return definition.target.kind === "handler"
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
