import type { RunCounts } from "../../engine/runs.ts"
import { all, type Program } from "./program.ts"
import { LIVE, UNTIL_WOKEN } from "./run-rows.ts"

/** Those that are done or undone, which are most, are not waded through. */
export function* runCounts(): Program<readonly RunCounts[]> {
  const counts = new Map<number, Counts>()
  const of = (no: unknown): Counts => {
    const found = counts.get(no as number) ?? { subscription: no as number, ...NONE }
    counts.set(no as number, found)
    return found
  }
  for (const row of yield* all(LIVE_RUNS)) {
    const found = of(row.subscription)
    if (row.state === 1) found.running += row.n as number
    else if (row.state !== 3) found.waiting += row.n as number
    if (row.due !== null) found.dueAt = Math.min(found.dueAt ?? Number.POSITIVE_INFINITY, row.due as number)
  }
  for (const row of yield* all(CRASHED)) of(row.subscription).crashed = row.n as number
  for (const row of yield* all(FAILED)) {
    const found = of(row.subscription)
    found.failed = row.n as number
    found.failedAt = row.at as number
  }
  return [...counts.values()]
}

type Counts = { -readonly [Name in keyof RunCounts]: RunCounts[Name] }

const NONE = { running: 0, waiting: 0, crashed: 0, failed: 0, failedAt: null, dueAt: null }

const LIVE_RUNS = `
  SELECT r.subscription, j.state, count(*) AS n,
    min(CASE WHEN j.state = 0 AND j.due_at < ${UNTIL_WOKEN} THEN j.due_at END) AS due
  FROM store.runs r LEFT JOIN store.jobs j ON j.id = r.id
  WHERE r.state IN ${LIVE} GROUP BY r.subscription, j.state`

/** By the subscriptions of workflows, in this order: of others there may be a million dead letters. */
const CRASHED = `
  SELECT j.subscription, count(*) AS n
  FROM store.subscriptions s CROSS JOIN store.jobs j
  WHERE s.id LIKE 'workflow:%' AND j.subscription = s.no AND j.state = 3 AND j.kind = 'run' GROUP BY j.subscription`

const FAILED = `
  SELECT subscription, count(*) AS n, max(ended_at) AS at FROM store.runs
  WHERE state IN ('reverted', 'failed') AND state = 'failed' GROUP BY subscription`
