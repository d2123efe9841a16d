import type { LagRow } from "../../engine/queries.ts"
import { all, type Program } from "./program.ts"
import { WAITING_JOBS } from "./waiting.ts"

/** Deliveries that are unfinished, by subscription; open batches are counted by what was routed into them. */
export function* lag(): Program<LagRow[]> {
  const sums = new Sums()
  yield* addJobs(sums)
  for (const state of [0, 1] as const) {
    const kind = state === 1 ? "leased" : "waiting"
    yield* addParts(sums, kind, state)
    yield* addBatches(sums, kind, state)
  }
  return sums.rows()
}

type Kind = "waiting" | "leased" | "dead"

class Sums {
  readonly #rows = new Map<number, { -readonly [K in keyof LagRow]: LagRow[K] }>()

  add(subscription: number, kind: Kind, count: number, at: number | null): void {
    const row = this.#rows.get(subscription) ?? {
      subscription,
      waiting: 0,
      leased: 0,
      dead: 0,
      oldestAt: null,
    }
    row[kind] += count
    if (at !== null && (row.oldestAt === null || at < row.oldestAt)) row.oldestAt = at
    this.#rows.set(subscription, row)
  }

  rows(): LagRow[] {
    return [...this.#rows.values()]
  }
}

/** A delayed job is only late from when it is due. */
const READY_AT = "CASE WHEN reason = 'delayed' AND due_at > created_at THEN due_at ELSE created_at END"

const JOBS = [
  ...WAITING_JOBS.map((where) => jobsSql(0, `min(${READY_AT})`, `kind = 'delivery' AND ${where}`)),
  jobsSql(1, "min(created_at)", "kind = 'delivery' AND state = 1"),
  jobsSql(3, "CAST(NULL AS BIGINT)", "state = 3"), // counted in the index alone, a dead run of a workflow with them
].join(" UNION ALL ")

function jobsSql(state: number, oldest: string, where: string): string {
  return `SELECT subscription, ${state} AS state, count(*) AS n, ${oldest} AS oldest
    FROM store.jobs WHERE ${where} GROUP BY subscription`
}

function* addJobs(sums: Sums): Program<void> {
  for (const row of yield* all(JOBS)) {
    if (row.subscription === 0) continue // the product's own
    const kind = row.state === 3 ? "dead" : row.state === 1 ? "leased" : "waiting"
    sums.add(row.subscription as number, kind, row.n as number, row.oldest as number | null)
  }
}

function* addParts(sums: Sums, kind: Kind, state: 0 | 1): Program<void> {
  const rows = yield* all(
    `SELECT subscription, CAST(sum(size) AS BIGINT) AS n, min(created_at) AS oldest
     FROM store.parts WHERE state = ${state} GROUP BY subscription`,
  )
  for (const row of rows) sums.add(row.subscription as number, kind, row.n as number, row.oldest as number)
}

/** Most batches are alike in what they hold, so a million of them are a few rows. */
function* addBatches(sums: Sums, kind: Kind, state: 0 | 1): Program<void> {
  const rows = yield* all(
    `SELECT deliveries, count(*) AS n, min(created_at) AS oldest
     FROM store.batches WHERE state = ${state} GROUP BY deliveries`,
  )
  for (const row of rows) {
    const deliveries = JSON.parse(row.deliveries as string) as Record<string, number>
    for (const [no, count] of Object.entries(deliveries))
      sums.add(Number(no), kind, count * (row.n as number), row.oldest as number)
  }
}
