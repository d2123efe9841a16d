import type { ChangeResult, SettleJob } from "../../engine/commit.ts"
import type {
  HandlerTransaction,
  SqlTransaction,
  TransactionalStage,
  TransactionsPort,
} from "../../engine/transactions.ts"
import { settleJobIn } from "./commit.ts"
import type { Database, HotStatement, TransactionSession } from "./database.ts"
import { toStoreError } from "./failures.ts"
import type { ServerTime } from "./time.ts"

/** What is written inside the application's transactions, and the transactions of handlers. */
export function transactionsOf(db: Database, time: ServerTime): TransactionsPort {
  return {
    stage: (tx, change) => stageIn(db, tx, change),
    begin: (longestMs) => begin(db, time, longestMs),
  }
}

/**
 * One statement with one value, so that every library can send it. It only inserts: no reads, no checks,
 * and no unique value that another transaction could have taken.
 */
const STAGE = `INSERT INTO store.staged (event_group, commit_id, idx, name, scope, sender, key, at, data, extra, id, hash)
  SELECT s.event_group, s.commit_id, s.idx, s.name, s.scope, s.sender, s.key, s.at, s.data, s.extra, s.id, s.hash
  FROM json_to_recordset($1::text::json) AS s (event_group text, commit_id text, idx integer, name text, scope text,
    sender text, key text, at bigint, data text, extra text, id text, hash text)`

async function stageIn(
  db: Database,
  tx: SqlTransaction,
  { eventGroupId, commitId, events }: TransactionalStage,
): Promise<void> {
  const rows = events.map((event, idx) => ({
    event_group: eventGroupId,
    commit_id: commitId,
    idx,
    name: event.name,
    scope: event.scope,
    sender: event.sender,
    key: event.key,
    at: Math.floor(event.at),
    data: event.data,
    extra: event.extra,
    id: event.id,
    hash: event.hash,
  }))
  await tx.query(db.text(STAGE), [JSON.stringify(rows)])
}

/**
 * A transaction of a handler's. The server ends it by itself when nothing is said in it for longer than the
 * handler may run: a frozen process would keep the application's rows locked.
 */
async function begin(db: Database, time: ServerTime, longestMs: number): Promise<HandlerTransaction> {
  const session = await db.beginFor(longestMs)
  return {
    client: session.client,
    query: (sql, values = []) => session.query(sql, values),
    settle: (change) => settle(db, session, time, change),
    rollback: () => endForSure(db, session),
  }
}

async function settle(
  db: Database,
  session: TransactionSession,
  time: ServerTime,
  change: SettleJob,
): Promise<ChangeResult> {
  try {
    const result = await within(db, settleJobIn(session, time, change))
    await within(db, session.end(result.status === "ok" ? "COMMIT" : "ROLLBACK"))
    return result
  } catch (error) {
    throw toStoreError(error)
  }
}

/** A handler's own statements may take long, but ours are answered soon or never. */
async function within<T>(db: Database, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    const { answerTimeoutMs } = db.options
    timer = setTimeout(() => reject(new Error("Query read timeout")), answerTimeoutMs)
  })
  try {
    return await Promise.race([work, limit])
  } finally {
    clearTimeout(timer)
  }
}

const ROLLBACK_MS = 1_000

/** What still runs in it, and would keep the rollback waiting, is ended by the server. */
async function endForSure(db: Database, session: TransactionSession): Promise<void> {
  if (session.hasEnded) return
  const rolledBack = session.end("ROLLBACK").then(
    () => true,
    () => false,
  )
  const late = new Promise<boolean>((resolve) => {
    setTimeout(() => resolve(false), ROLLBACK_MS).unref()
  })
  if (await Promise.race([rolledBack, late])) return
  const pid = session.processId
  session.destroy()
  if (pid !== null) await db.call(TERMINATE, [pid]).catch(() => {}) // the server notices by itself, later
}

const TERMINATE: HotStatement = { name: "carillon_terminate", sql: "SELECT pg_terminate_backend($1)" }
