import type { Client } from "pg"
import { createCarillon } from "../../src/index.ts"
import type { Burden } from "../measurement.ts"
import { fillHistory } from "./fill-history.ts"
import { fillOpen } from "./fill-open.ts"
import { checkpoint, createDatabase, onServer } from "./server.ts"

/** The subscriptions that rows are made for, by number. */
export interface Filled {
  /** The one that measurements handle. */
  readonly measured: number
  /** One of the same group that is paused. */
  readonly paused: number
  /** One of a group whose workers have gone. */
  readonly deserted: number
}

/** Makes a database with a store in it and fills that store's own tables; resolves with its URL. */
export async function fillStore(
  server: string,
  burden: Exclude<Burden, "pinned">,
  count: number,
): Promise<string> {
  const database = await createDatabase(server, `filled-${burden}`)
  const filled = await subscribe(database)
  await onServer(database, async (client) => {
    await client.query(COMMIT_ID)
    await client.query(INDEX_DIGITS)
    await (burden === "open" ? fillOpen : fillHistory)(client, filled, count)
    // What a server does by itself within minutes of such a growth.
    await client.query("VACUUM (ANALYZE)")
    await checkpoint(client)
  })
  return database
}

async function subscribe(database: string): Promise<Filled> {
  const bench = await createCarillon({ database, group: "bench", logger: false })
  const elsewhere = await createCarillon({ database, group: "elsewhere", logger: false })
  bench.events.subscribe("order.placed", () => {}, { subscriberId: "subscriber-0" })
  bench.events.subscribe("invoice.sent", () => {}, { subscriberId: "paused" })
  elsewhere.events.subscribe("parcel.returned", () => {}, { subscriberId: "deserted" })
  await bench.start()
  await elsewhere.start()
  await bench.pause("paused@invoice.sent")
  await bench.stop()
  await elsewhere.stop()
  return onServer(database, async (client) => ({
    measured: await numberOf(client, "subscriber-0@order.placed"),
    paused: await numberOf(client, "paused@invoice.sent"),
    deserted: await numberOf(client, "deserted@parcel.returned"),
  }))
}

async function numberOf(client: Client, id: string): Promise<number> {
  const { rows } = await client.query<{ no: number }>("SELECT no FROM carillon.subscriptions WHERE id = $1", [
    id,
  ])
  if (rows[0] === undefined) throw new Error(`Expected the subscription \`${id}\` in the store.`)
  return rows[0].no
}

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

/** As `commitIds` makes them: 48 bits of time, and here a number instead of chance. */
const COMMIT_ID = `
  CREATE FUNCTION pg_temp.commit_id(ms BIGINT, n BIGINT) RETURNS TEXT LANGUAGE sql IMMUTABLE AS $$
    SELECT string_agg(substr('${ALPHABET}', ((ms >> (5 * digit)) & 31)::int + 1, 1), '' ORDER BY digit DESC)
      || lpad(n::text, 16, '0')
    FROM generate_series(0, 9) AS digit
  $$`

/** An index in a commit of a hundred events, as it stands in ids. */
const INDEX_DIGITS = `
  CREATE FUNCTION pg_temp.index_digits(idx INTEGER) RETURNS TEXT LANGUAGE sql IMMUTABLE AS $$
    SELECT '0' || substr('${ALPHABET}', idx / 32 + 1, 1) || substr('${ALPHABET}', idx % 32 + 1, 1)
  $$`
