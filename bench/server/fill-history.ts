import type { Client } from "pg"
import type { Filled } from "./fill.ts"
import { EVENTS_PER_COMMIT, fillCommits } from "./fill-commits.ts"

const DAYS = 30
const DAY_MS = 24 * 60 * 60 * 1000

/**
 * Thirty days of events that were delivered: a third of them today, so that the tables now written to are large, the
 * others evenly on the days before. Every other commit went the direct road, the others have a job for each delivery.
 */
export async function fillHistory(client: Client, { measured }: Filled, events: number): Promise<void> {
  const today = Math.floor(Date.now() / DAY_MS) * DAY_MS
  for (let ago = DAYS - 1; ago >= 0; ago -= 1) {
    const fromMs = today - ago * DAY_MS
    const commits = Math.ceil((ago === 0 ? events / 3 : (events * 2) / 3 / (DAYS - 1)) / EVENTS_PER_COMMIT)
    await makeDay(client, fromMs)
    const toMs = ago === 0 ? Date.now() : fromMs + DAY_MS
    await fillCommits(client, { name: "order.placed", fromMs, toMs, commits })
    await fillBatches(client, measured)
    await fillJobs(client, measured)
  }
}

async function makeDay(client: Client, fromMs: number): Promise<void> {
  const name = new Date(fromMs).toISOString().slice(0, 10).replaceAll("-", "")
  await client.query("SELECT carillon.make_day($1, pg_temp.commit_id($2, 0), pg_temp.commit_id($3, 0))", [
    name,
    fromMs,
    fromMs + DAY_MS,
  ])
}

async function fillBatches(client: Client, subscription: number): Promise<void> {
  await client.query(
    `INSERT INTO carillon.batches
       (commit_id, group_name, priority, deliveries, state, worker, epoch, takes, created_at, closed_at, outcome)
     SELECT commit_id, 'bench', 1, '{"${subscription}":${EVENTS_PER_COMMIT}}', 2, 1, 1, 1, at, at + 5,
       '{"${subscription}":[${EVENTS_PER_COMMIT},120,3]}'
     FROM filled WHERE n % 2 = 0`,
  )
}

async function fillJobs(client: Client, subscription: number): Promise<void> {
  await client.query(
    `INSERT INTO carillon.jobs
       (id, kind, group_name, subscription, commit_id, idx, replay, scope, priority, state, reason, due_at, attempt,
        crashes, isolated, worker, epoch, created_at, updated_at, history)
     SELECT 'dlv_' || f.commit_id || pg_temp.index_digits(idx) || '_${subscription}', 'delivery', 'bench',
       ${subscription}, f.commit_id, idx, 0, '', 1, 2, 'delivered', f.at, 1, 0, 0, 1, 1, f.at, f.at + 5,
       '[{"attempt":1,"at":' || f.at || ',"ms":2,"outcome":"delivered","worker":1}]'
     FROM filled f CROSS JOIN generate_series(0, ${EVENTS_PER_COMMIT - 1}) AS idx
     WHERE n % 2 = 1`,
  )
}
