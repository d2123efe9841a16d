import type { Database, HotStatement } from "./database.ts"
import { arrayOf } from "./lines.ts"

/** Subscriptions with so many free slots each. */
type Slots = readonly (readonly [subscription: number, free: number])[]

/** More subscriptions than so many are looked through before they are asked one by one. */
const MANY_SUBSCRIPTIONS = 32

// Ordered as their indexes are: so each is one step into an index, whatever the planner believes of the table.
export const WAITING_JOBS: HotStatement = {
  name: "carillon_waiting_jobs",
  sql: `SELECT s.no FROM unnest($1::integer[]) AS s (no)
    WHERE (SELECT 1 FROM store.jobs j WHERE j.state = 0 AND j.key IS NULL AND j.isolated = 0 AND j.subscription = s.no
        ORDER BY j.subscription, j.scope, j.priority, j.due_at, j.no LIMIT 1) = 1
      OR (SELECT 1 FROM store.jobs j WHERE j.state < 2 AND j.key IS NOT NULL AND j.subscription = s.no
        ORDER BY j.subscription, j.no LIMIT 1) = 1
      OR (SELECT 1 FROM store.jobs j WHERE j.state = 0 AND j.isolated = 1 AND j.subscription = s.no
        ORDER BY j.subscription, j.due_at LIMIT 1) = 1`,
}

export const WAITING_PARTS: HotStatement = {
  name: "carillon_waiting_parts",
  sql: `SELECT s.no FROM unnest($1::integer[]) AS s (no)
    WHERE (SELECT 1 FROM store.parts p WHERE p.state = 0 AND p.subscription = s.no
        ORDER BY p.subscription, p.priority, p.no LIMIT 1) = 1`,
}

/** Of many subscriptions, those for which something waits, due or not: each of the others would be asked in vain. */
export async function withWork(db: Database, slots: Slots, waiting: HotStatement): Promise<Slots> {
  if (slots.length <= MANY_SUBSCRIPTIONS) return slots
  const rows = await db.callOn("leases", waiting, [arrayOf(slots.map(([subscription]) => subscription))])
  const found = new Set(rows.map((row) => row.no as number))
  return slots.filter(([subscription]) => found.has(subscription))
}
