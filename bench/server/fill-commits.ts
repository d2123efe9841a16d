import type { Client } from "pg"

/** Rows are made in commits of so many events. */
export const EVENTS_PER_COMMIT = 100

export interface FilledCommits {
  readonly name: string
  readonly fromMs: number
  readonly toMs: number
  readonly commits: number
}

/**
 * Writes commits with their events, evenly over a stretch of time, and leaves their ids in the temporary table
 * `filled (commit_id, n, at)` for those who write what belongs to them.
 */
export async function fillCommits(
  client: Client,
  { name, fromMs, toMs, commits }: FilledCommits,
): Promise<void> {
  await client.query("DROP TABLE IF EXISTS filled")
  await client.query(
    `CREATE TEMPORARY TABLE filled AS
     SELECT pg_temp.commit_id(m.at, n + (SELECT count(*) FROM carillon.commits)) AS commit_id, n, m.at
     FROM generate_series(1, ${commits}) AS n
     CROSS JOIN LATERAL (SELECT ${fromMs}::bigint + (n * (${toMs} - ${fromMs})::float8 / ${commits + 1})::bigint AS at) AS m`,
  )
  await client.query(
    `INSERT INTO carillon.commits (commit_id, catalog_version, events)
     SELECT commit_id, (SELECT value FROM carillon.meta WHERE name = 'catalog_version'), ${EVENTS_PER_COMMIT} FROM filled`,
  )
  await client.query(
    `INSERT INTO carillon.commit_names (name, commit_id, events)
     SELECT '${name}', commit_id, ${EVENTS_PER_COMMIT} FROM filled`,
  )
  await client.query(
    `INSERT INTO carillon.events (at, idx, commit_id, name, scope, data)
     SELECT f.at, idx, f.commit_id, '${name}', '', '${ORDER}'
     FROM filled f CROSS JOIN generate_series(0, ${EVENTS_PER_COMMIT - 1}) AS idx`,
  )
}

const ORDER = JSON.stringify({
  seq: 0,
  id: "ord_000000000",
  customer: "cus_01HZX3K9Q2",
  currency: "eur",
  total: 12_950,
  email: "ada@example.com",
  items: [{ sku: "BELL-12", quantity: 2 }],
  note: "leave it at the back door",
})
