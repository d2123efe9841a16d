import { patternsOf, type SubscriptionVersion } from "../core/subscription.ts"
import type { LagRow } from "../engine/queries.ts"
import { subscriberOf } from "./find-subscription.ts"
import type { Staff } from "./staff.ts"

/** A subscription, how it does, and who works for it. */
export interface SubscriptionReport {
  readonly id: string
  readonly subscriberId: string
  readonly group: string
  /** A function of an application, or a recipient out of the house. */
  readonly target: "handler" | "webhook"
  /** The first of `events`. */
  readonly pattern: string
  /** Every event name or wildcard that it hears. */
  readonly events: readonly string[]
  readonly filter: unknown
  readonly sender: string | null
  readonly scope: string | null // null = every scope; "" = the default scope
  readonly policy: SubscriptionVersion["definition"]["policy"]
  readonly paused: boolean
  readonly ephemeral: boolean
  /**
   * Deliveries that nobody runs now, delayed ones and retries included. null, like the next three, where only some
   * scopes were asked for and it hears all: its numbers are those of others too.
   */
  readonly waiting: number | null
  readonly running: number | null
  readonly dead: number | null
  /** How long the oldest unfinished delivery could have run already; 0 = it is up to date. */
  readonly lagSeconds: number | null
  /** The live workers that have a handler for it. */
  readonly workers: readonly number[]
  /** No live worker has a handler for it: what it gets waits. */
  readonly orphaned: boolean
  /** When a worker that had one was last seen; null = it is not known any more. */
  readonly lastHandledAt: Date | null
}

/** For those who may see all that goes to it. */
export interface CountedSubscription extends SubscriptionReport {
  readonly waiting: number
  readonly running: number
  readonly dead: number
  readonly lagSeconds: number
}

export function withoutCounts(report: SubscriptionReport): SubscriptionReport {
  return { ...report, waiting: null, running: null, dead: null, lagSeconds: null }
}

export function subscriptionReport(
  { no, id, group, ephemeral, definition }: SubscriptionVersion,
  lag: LagRow | undefined,
  staff: Staff,
): CountedSubscription {
  const { pattern, filter, sender, scope, policy, paused } = definition
  const workers = staff.handlersOf(no)
  const seen = staff.workers.filter((each) => each.handles.includes(no)).map((each) => each.seenAt)
  return {
    id,
    subscriberId: subscriberOf(id),
    group,
    target: definition.target.kind === "webhook" ? "webhook" : "handler",
    pattern,
    events: patternsOf(definition),
    filter,
    sender,
    scope,
    policy,
    paused,
    ephemeral,
    waiting: lag?.waiting ?? 0,
    running: lag?.leased ?? 0,
    dead: lag?.dead ?? 0,
    lagSeconds: Math.round(lagMs(lag, staff.now)) / 1000,
    workers: workers.map((each) => each.no),
    orphaned: workers.length === 0,
    lastHandledAt: seen.length === 0 ? null : new Date(Math.max(...seen)),
  }
}

/** How long the oldest unfinished delivery could have run already. */
function lagMs(lag: LagRow | undefined, now: number): number {
  const oldestAt = lag?.oldestAt ?? null
  return oldestAt === null ? 0 : Math.max(0, now - oldestAt)
}
