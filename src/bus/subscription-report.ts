import type { SubscriptionVersion } from "../core/subscription.ts"
import type { LagRow } from "../engine/queries.ts"
import { subscriberOf } from "./find-subscription.ts"
import type { Staff } from "./staff.ts"

/** A subscription, how it does, and who works for it. */
export interface SubscriptionReport {
  readonly id: string
  readonly subscriberId: string
  readonly group: string
  readonly pattern: string
  readonly filter: unknown
  readonly sender: string | null
  readonly scope: string | null // null = every scope; "" = the default scope
  readonly policy: SubscriptionVersion["definition"]["policy"]
  readonly paused: boolean
  readonly ephemeral: boolean
  /** Deliveries that nobody runs now, delayed ones and retries included. */
  readonly waiting: number
  readonly running: number
  readonly dead: number
  /** How long the oldest unfinished delivery could have run already; 0 = it is up to date. */
  readonly lagSeconds: number
  /** The live workers that have a handler for it. */
  readonly workers: readonly number[]
  /** No live worker has a handler for it: what it gets waits. */
  readonly orphaned: boolean
  /** When a worker that had one was last seen; null = it is not known any more. */
  readonly lastHandledAt: Date | null
}

export function subscriptionReport(
  { no, id, group, ephemeral, definition }: SubscriptionVersion,
  lag: LagRow | undefined,
  staff: Staff,
): SubscriptionReport {
  const { pattern, filter, sender, scope, policy, paused } = definition
  const workers = staff.handlersOf(no)
  const seen = staff.workers.filter((each) => each.handles.includes(no)).map((each) => each.seenAt)
  return {
    id,
    subscriberId: subscriberOf(id),
    group,
    pattern,
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
