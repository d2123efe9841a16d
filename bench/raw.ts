import { join } from "node:path"
import { DatabaseSync, type StatementSync } from "node:sqlite"
import { setTimeout as sleep } from "node:timers/promises"
import type { Payload } from "./payloads.ts"

const ROWS_PER_TRANSACTION = 1_000

/**
 * The limit that no store on SQLite can pass: rows of the same events with a unique id index, a thousand to a
 * transaction, each transaction on disk (`synchronous=FULL`) before the next begins.
 *
 * The rows are made before the clock starts, unless `serialise` is set: then each event's data becomes JSON on the way.
 */
export function insertRows(
  {
    payload,
    events,
    warmUp,
    directory,
  }: { payload: Payload; events: number; warmUp: number; directory: string },
  serialise: boolean,
): number {
  const { database, insert } = openRaw(directory)
  const all = warmUp + events
  const made = serialise ? [] : Array.from({ length: all }, (_, seq) => rowOf(payload, seq))
  const insertBetween = (first: number, end: number) => {
    for (let from = first; from < end; from += ROWS_PER_TRANSACTION) {
      database.exec("BEGIN IMMEDIATE")
      for (let seq = from; seq < Math.min(end, from + ROWS_PER_TRANSACTION); seq += 1) {
        insertRow(insert, made[seq] ?? rowOf(payload, seq))
      }
      database.exec("COMMIT")
    }
  }

  insertBetween(0, warmUp)
  const startedAt = performance.now()
  insertBetween(warmUp, all)
  const tookMs = performance.now() - startedAt
  database.close()
  return tookMs
}

/** One event at a time, each in a transaction of its own: how long each commit took, in milliseconds. */
export async function commitAtRate(
  { payload, events, directory }: { payload: Payload; events: number; directory: string },
  perSecond: number,
): Promise<Float64Array> {
  const { database, insert } = openRaw(directory)
  const took = new Float64Array(events)
  const startedAt = performance.now()

  for (let seq = 0; seq < events; seq += 1) {
    const waitMs = startedAt + (seq * 1_000) / perSecond - performance.now()
    if (waitMs > 0) await sleep(waitMs)
    const before = performance.now()
    insertRow(insert, rowOf(payload, seq))
    took[seq] = performance.now() - before
  }

  database.close()
  return took
}

function openRaw(directory: string): { database: DatabaseSync; insert: StatementSync } {
  const database = new DatabaseSync(join(directory, "raw.db"))
  database.exec("PRAGMA journal_mode = WAL")
  database.exec("PRAGMA synchronous = FULL")
  database.exec(`
    CREATE TABLE events (
      seq INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      name TEXT NOT NULL,
      data TEXT NOT NULL,
      account TEXT NOT NULL,
      workspace TEXT NOT NULL,
      at INTEGER NOT NULL
    )
  `)
  const insert = database.prepare(
    "INSERT INTO events (id, name, data, account, workspace, at) VALUES (?, ?, ?, 'default', 'master', ?)",
  )
  return { database, insert }
}

interface Row {
  readonly id: string
  readonly name: string
  readonly data: string
  readonly at: number
}

const FIRST_INSTANT = 1_800_000_000_000

/** Ids in the order of time, as Carillon makes them: random ones would cost the index more. */
function rowOf(payload: Payload, seq: number): Row {
  const { name, data } = payload.event(seq)
  return {
    id: `evt_01K${String(seq).padStart(23, "0")}`,
    name,
    data: JSON.stringify(data),
    at: FIRST_INSTANT + seq,
  }
}

function insertRow(insert: StatementSync, { id, name, data, at }: Row): void {
  insert.run(id, name, data, at)
}
