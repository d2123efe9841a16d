import { DatabaseSync, type StatementSync } from "node:sqlite"
import { paced } from "./pace.ts"
import { type RawStore, ROWS_PER_TRANSACTION, type Row, rowOf } from "./raw.ts"

/**
 * The limit that no store on SQLite can pass: rows of the same events with a unique id index, each transaction on disk
 * (`synchronous=FULL`) before the next begins.
 */
export const sqliteRows: RawStore = {
  async insertRows({ payload, events, warmUp, database, serialise, onWarm }) {
    const { db, insert } = openRaw(database)
    const all = warmUp + events
    const made = serialise ? [] : Array.from({ length: all }, (_, seq) => rowOf(payload, seq))
    const insertBetween = (first: number, end: number) => {
      for (let from = first; from < end; from += ROWS_PER_TRANSACTION) {
        db.exec("BEGIN IMMEDIATE")
        for (let seq = from; seq < Math.min(end, from + ROWS_PER_TRANSACTION); seq += 1) {
          insertRow(insert, made[seq] ?? rowOf(payload, seq))
        }
        db.exec("COMMIT")
      }
    }

    insertBetween(0, warmUp)
    const readGauges = await onWarm()
    const startedAt = performance.now()
    insertBetween(warmUp, all)
    const tookMs = performance.now() - startedAt
    return { tookMs, commitMs: null, readGauges, close: async () => db.close() }
  },

  async commitRows({ payload, events, warmUp, database, perSecond, onWarm }) {
    const { db, insert } = openRaw(database)
    await paced(warmUp, perSecond, (seq) => insertRow(insert, rowOf(payload, seq)))
    const readGauges = await onWarm()
    const startedAt = performance.now()
    const commitMs = await paced(events, perSecond, (seq) => insertRow(insert, rowOf(payload, warmUp + seq)))
    const tookMs = performance.now() - startedAt
    return { tookMs, commitMs, readGauges, close: async () => db.close() }
  },
}

function openRaw(database: string): { db: DatabaseSync; insert: StatementSync } {
  const db = new DatabaseSync(database.slice("file:".length))
  db.exec("PRAGMA journal_mode = WAL")
  db.exec("PRAGMA synchronous = FULL")
  db.exec(`
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
  const insert = db.prepare(
    "INSERT INTO events (id, name, data, account, workspace, at) VALUES (?, ?, ?, 'default', 'master', ?)",
  )
  return { db, insert }
}

function insertRow(insert: StatementSync, { id, name, data, at }: Row): void {
  insert.run(id, name, data, at)
}
