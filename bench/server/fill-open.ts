import type { Client } from "pg"
import type { Filled } from "./fill.ts"
import { EVENTS_PER_COMMIT, fillCommits } from "./fill-commits.ts"

const HOUR_MS = 60 * 60 * 1000
const KEYS = 10_000

/**
 * Deliveries of the last hour that are open: a third waits in a group whose workers have gone (half of it by key), a
 * third is paused, and a third is delayed until tomorrow, for the very subscription that is measured.
 */
export async function fillOpen(
  client: Client,
  { measured, paused, deserted }: Filled,
  deliveries: number,
): Promise<void> {
  const commits = Math.ceil(deliveries / 3 / EVENTS_PER_COMMIT)
  const toMs = Date.now()
  // Not before today: that day has no table yet.
  const fromMs = Math.max(toMs - HOUR_MS, Math.floor(toMs / (24 * HOUR_MS)) * 24 * HOUR_MS)
  await fillCommits(client, { name: "parcel.returned", fromMs, toMs, commits })
  await fillJobs(client, {
    group: "elsewhere",
    subscription: deserted,
    reason: "queued",
    dueInMs: 0,
    keyed: true,
  })
  await fillCommits(client, { name: "order.placed", fromMs, toMs, commits })
  await fillJobs(client, {
    group: "bench",
    subscription: measured,
    reason: "delayed",
    dueInMs: 24 * HOUR_MS,
    keyed: false,
  })
  await fillCommits(client, { name: "invoice.sent", fromMs, toMs, commits })
  await fillParts(client, paused)
}

interface OpenJobs {
  readonly group: string
  readonly subscription: number
  readonly reason: string
  readonly dueInMs: number
  readonly keyed: boolean // every other commit's
}

async function fillJobs(
  client: Client,
  { group, subscription, reason, dueInMs, keyed }: OpenJobs,
): Promise<void> {
  await client.query(
    `INSERT INTO carillon.jobs
       (id, kind, group_name, subscription, commit_id, idx, replay, scope, key, priority, state, reason, due_at,
        attempt, crashes, isolated, epoch, created_at, updated_at)
     SELECT 'dlv_' || f.commit_id || pg_temp.index_digits(idx) || '_${subscription}', 'delivery', '${group}',
       ${subscription}, f.commit_id, idx, 0, '',
       CASE WHEN ${keyed} AND n % 2 = 0 THEN 'customer-' || (n * ${EVENTS_PER_COMMIT} + idx) % ${KEYS} END,
       1, 0, '${reason}', f.at + ${dueInMs}, 0, 0, 0, 0, f.at, f.at
     FROM filled f CROSS JOIN generate_series(0, ${EVENTS_PER_COMMIT - 1}) AS idx`,
  )
}

async function fillParts(client: Client, subscription: number): Promise<void> {
  await client.query(
    `INSERT INTO carillon.parts
       (group_name, subscription, replay, priority, reason, catalog_version, refs, size, first_commit, last_commit,
        state, epoch, takes, created_at)
     SELECT 'bench', ${subscription}, 0, 1, 'paused',
       (SELECT value FROM carillon.meta WHERE name = 'catalog_version'),
       '[["' || commit_id || '",' || (SELECT string_agg(idx::text, ',') FROM generate_series(0, ${EVENTS_PER_COMMIT - 1}) AS idx)
         || ']]', ${EVENTS_PER_COMMIT}, commit_id, commit_id, 0, 0, 0, at
     FROM filled`,
  )
}
