import { takeTokens } from "../../core/rate.ts"
import type { FleetLimits } from "../../engine/leases.ts"
import type { Claiming } from "./claiming.ts"

/** Nobody tells when a slot becomes free in another worker: who waits for one looks again so soon. */
export const SLOT_LOOK_MS = 50

const NO_LIMITS: FleetLimits = { rate: null, concurrency: null, keyConcurrency: null }

export function limitsOf({ request }: Claiming, subscription: number): FleetLimits {
  return request.limits[subscription] ?? NO_LIMITS
}

/** What the limits over all workers leave of what is wanted; when there is more, once that is used up. */
export function roomFor(
  claiming: Claiming,
  subscription: number,
  want: number,
): { readonly room: number; readonly moreAt: number } {
  const { rate, concurrency } = limitsOf(claiming, subscription)
  const { now } = claiming
  const slots = concurrency === null ? want : Math.max(0, concurrency - leasedOf(claiming, subscription))
  const some = Math.min(want, slots)
  const slotAt = concurrency !== null && slots <= want ? now + SLOT_LOOK_MS : now
  if (rate === null) return { room: some, moreAt: slotAt }
  const { granted, nextAt } = takeTokens(tokensOf(claiming, subscription), rate, now, some)
  return { room: granted, moreAt: granted < slots ? nextAt : Math.max(slotAt, nextAt) }
}

/** Takes the tokens of what was leased. */
export function pay(claiming: Claiming, subscription: number, used: number): void {
  const { rate } = limitsOf(claiming, subscription)
  if (rate === null || used === 0) return
  const { state } = takeTokens(tokensOf(claiming, subscription), rate, claiming.now, used)
  claiming.db.run(
    "INSERT OR REPLACE INTO rates (subscription, tokens, at) VALUES (?, ?, ?)",
    subscription,
    state.tokens,
    state.at,
  )
}

/** How many of each key are leased, in all workers. */
export function leasedKeys({ db }: Claiming, subscription: number): Map<string, number> {
  const rows = db.all(
    `SELECT key, count(*) AS leased FROM jobs INDEXED BY jobs_leased
     WHERE state = 1 AND subscription = ? AND key IS NOT NULL GROUP BY key`,
    subscription,
  )
  return new Map(rows.map((row) => [row.key as string, row.leased as number]))
}

/** Counted among what is leased, which is little; what waits may be a million rows. */
function leasedOf({ db }: Claiming, subscription: number): number {
  const row = db.get(
    "SELECT count(*) AS leased FROM jobs INDEXED BY jobs_leased WHERE state = 1 AND subscription = ?",
    subscription,
  )
  return row?.leased as number
}

function tokensOf({ db }: Claiming, subscription: number): { tokens: number; at: number } | null {
  const row = db.get("SELECT tokens, at FROM rates WHERE subscription = ?", subscription)
  return row === undefined ? null : { tokens: row.tokens as number, at: row.at as number }
}
