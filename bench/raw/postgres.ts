import { Client } from "pg"
import { paced } from "./pace.ts"
import { type RawStore, ROWS_PER_TRANSACTION, type Row, rowOf } from "./raw.ts"

/**
 * The limit that no store on PostgreSQL can pass over one connection that waits for each commit: rows of the same events
 * with a unique id index, one statement (arrays, unnested) and one transaction for a thousand of them.
 */
export const postgresRows: RawStore = {
  async insertRows({ payload, events, warmUp, database, serialise, onWarm }) {
    const client = await openRaw(database)
    const all = warmUp + events
    const made = serialise ? [] : Array.from({ length: all }, (_, seq) => rowOf(payload, seq))
    const insertBetween = async (first: number, end: number) => {
      for (let from = first; from < end; from += ROWS_PER_TRANSACTION) {
        const length = Math.min(end, from + ROWS_PER_TRANSACTION) - from
        await insert(
          client,
          Array.from({ length }, (_, index) => made[from + index] ?? rowOf(payload, from + index)),
        )
      }
    }

    await insertBetween(0, warmUp)
    const readGauges = await onWarm()
    const startedAt = performance.now()
    await insertBetween(warmUp, all)
    const tookMs = performance.now() - startedAt
    return { tookMs, commitMs: null, readGauges, close: () => client.end() }
  },

  async commitRows({ payload, events, warmUp, database, perSecond, onWarm }) {
    const client = await openRaw(database)
    await paced(warmUp, perSecond, (seq) => insertOne(client, rowOf(payload, seq)))
    const readGauges = await onWarm()
    const startedAt = performance.now()
    const commitMs = await paced(events, perSecond, (seq) => insertOne(client, rowOf(payload, warmUp + seq)))
    const tookMs = performance.now() - startedAt
    return { tookMs, commitMs, readGauges, close: () => client.end() }
  },
}

async function openRaw(database: string): Promise<Client> {
  const client = new Client({ connectionString: database })
  await client.connect()
  await client.query(`
    CREATE TABLE events (
      seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      name TEXT NOT NULL,
      data TEXT NOT NULL,
      account TEXT NOT NULL,
      workspace TEXT NOT NULL,
      at BIGINT NOT NULL
    )
  `)
  return client
}

const INSERT = {
  name: "insert",
  text: `
    INSERT INTO events (id, name, data, account, workspace, at)
    SELECT id, name, data, 'default', 'master', at
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS row (id, name, data, at)
  `,
}

function insert(client: Client, rows: readonly Row[]): Promise<unknown> {
  return client.query({
    ...INSERT,
    values: [
      rows.map(({ id }) => id),
      rows.map(({ name }) => name),
      rows.map(({ data }) => data),
      rows.map(({ at }) => at),
    ],
  })
}

const INSERT_ONE = {
  name: "insert-one",
  text: "INSERT INTO events (id, name, data, account, workspace, at) VALUES ($1, $2, $3, 'default', 'master', $4)",
}

function insertOne(client: Client, { id, name, data, at }: Row): Promise<unknown> {
  return client.query({ ...INSERT_ONE, values: [id, name, data, at] })
}
