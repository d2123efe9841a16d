import type { Database } from "./database.ts"

/** Subscriptions with so many free slots each. */
type Slots = readonly (readonly [subscription: number, free: number])[]

/** More subscriptions than so many are looked through before they are asked one by one. */
const MANY_SUBSCRIPTIONS = 8

/** The subscriptions of the rows that wait, by hopping from one to the next in an index: whatever their number. */
function hopping(table: string, condition: string): string {
  const first = `SELECT min(subscription) FROM ${table} WHERE ${condition}`
  return `SELECT no FROM (
    WITH RECURSIVE found (no) AS (
      ${first}
      UNION ALL
      SELECT (${first} AND subscription > found.no) FROM found WHERE found.no IS NOT NULL
    ) SELECT no FROM found WHERE no IS NOT NULL)`
}

export const WAITING_JOBS = [
  hopping("jobs", "state = 0 AND key IS NULL AND isolated = 0"),
  hopping("jobs", "state = 0 AND key IS NOT NULL AND isolated = 0"),
  hopping("jobs", "state = 0 AND isolated = 1"),
].join(" UNION ")

export const WAITING_PARTS = hopping("parts", "state = 0")

/** Of many subscriptions, those for which something waits, due or not: each of the others would be asked in vain. */
export function withWork(db: Database, slots: Slots, waiting: string): Slots {
  if (slots.length <= MANY_SUBSCRIPTIONS) return slots
  const found = new Set(db.all(waiting).map((row) => row.no as number))
  return slots.filter(([subscription]) => found.has(subscription))
}
