import { commitTime } from "../../core/ids.ts"
import type { OpenBatches, WorkFacts } from "../../engine/inspection.ts"
import { OUTBOX } from "../../engine/transactions.ts"
import { all, get, type Program } from "./program.ts"

const MOST_STUCK = 20
const COMMITS_LOOKED_AT = 100

export function* workFacts(): Program<WorkFacts> {
  return {
    openBatches: yield* openBatches(),
    strays: yield* strays(),
    stuck: yield* stuck(),
    outbox: yield* outbox(),
    oldestEventAt: yield* oldestCommit("SELECT min(commit_id) AS commit_id FROM store.commits"),
    oldestUnneededAt: yield* oldestCommit(OLDEST_UNNEEDED),
  }
}

function* openBatches(): Program<OpenBatches[]> {
  const rows = yield* all(
    `SELECT group_name, count(*) AS n, min(created_at) AS oldest FROM store.batches
     WHERE state = 0 GROUP BY group_name ORDER BY group_name`,
  )
  return rows.map((row) => ({
    group: row.group_name as string,
    batches: row.n as number,
    oldestAt: row.oldest as number,
  }))
}

/** Nobody will ever settle these, and no burial frees them. */
function* strays(): Program<number> {
  let sum = 0
  for (const table of ["batches", "parts", "jobs"]) {
    const row = yield* get(
      `SELECT count(*) AS n FROM store.${table} t
       WHERE t.state = 1 AND NOT EXISTS (SELECT 1 FROM store.workers w WHERE w.no = t.worker)`,
    )
    sum += row?.n as number
  }
  return sum
}

function* stuck(): Program<string[]> {
  const rows = yield* all(
    `SELECT id FROM store.jobs WHERE state = 1
       AND (kind = 'delivery' AND reason = 'stuck' OR kind = 'run' AND reason LIKE '% goes on past its timeout')
     ORDER BY no LIMIT ?`,
    MOST_STUCK,
  )
  return rows.map((row) => row.id as string)
}

function* outbox(): Program<WorkFacts["outbox"]> {
  const row = yield* get(
    "SELECT count(*) AS n, min(at) AS oldest FROM store.staged WHERE event_group = ?",
    OUTBOX,
  )
  return row?.n ? { events: row.n as number, oldestAt: row.oldest as number } : null
}

/** As pruning decides it. */
const OLDEST_UNNEEDED = `
  SELECT c.commit_id FROM (SELECT commit_id FROM store.commits ORDER BY commit_id LIMIT ${COMMITS_LOOKED_AT}) c
  WHERE NOT EXISTS (SELECT 1 FROM store.batches b WHERE b.commit_id = c.commit_id AND b.state < 2)
    AND NOT EXISTS (SELECT 1 FROM store.jobs j
      WHERE j.id >= 'dlv_' || c.commit_id AND j.id < 'dlv_' || c.commit_id || '~')
    AND NOT EXISTS (SELECT 1 FROM store.parts p
      WHERE p.state < 2 AND p.last_commit >= c.commit_id AND p.first_commit <= c.commit_id)
  ORDER BY c.commit_id LIMIT 1`

function* oldestCommit(sql: string): Program<number | null> {
  const row = yield* get(sql)
  return row?.commit_id ? commitTime(row.commit_id as string) : null
}
