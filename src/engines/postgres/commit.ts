import type { AdvanceReplay, AppendEvents, Change, ChangeResult, SettleJob } from "../../engine/commit.ts"
import { reach } from "../../engine/faults.ts"
import { endSubscription, putSubscription } from "../sql/catalog.ts"
import { erase } from "../sql/erase.ts"
import { cancel, redrive } from "../sql/job-steering.ts"
import type { Program } from "../sql/program.ts"
import { pruneRecords, putRecord } from "../sql/records.ts"
import { putReplay } from "../sql/replays.ts"
import { signalRun } from "../sql/run-signals.ts"
import { advanceSchedule, putSchedule } from "../sql/schedules.ts"
import { clear, stage } from "../sql/staging.ts"
import { partsOf, recall } from "./append.ts"
import { type Answer, Call, FENCED, KNOWN, OK, type Reader, toContinued } from "./call.ts"
import { withoutCulprits } from "./culprits.ts"
import type { Database, HotStatement, Session, TransactionSession } from "./database.ts"
import { isBadValue, isCollision, isDuplicate, isHomeless, isUnusual } from "./failures.ts"
import { addAll, type HotChange, isHot, isMostlyHot } from "./hot-changes.ts"
import { makePartitionFor } from "./partitions.ts"
import type { ServerTime } from "./time.ts"

/** Writes all changes in one transaction; one that the store refuses stays out alone. */
export async function commit(
  db: Database,
  time: ServerTime,
  changes: readonly Change[],
): Promise<ChangeResult[]> {
  reach("commit.before")
  const results = await commitAll(db, time, changes)
  reach("commit.after")
  return results
}

/** So often a commit that met another is tried again before its caller is told. */
const TRIES = 5

async function commitAll(
  db: Database,
  time: ServerTime,
  changes: readonly Change[],
): Promise<ChangeResult[]> {
  let given = changes
  let inSteps = !changes.every((change) => isHot(change) || isMostlyHot(change))
  for (let tries = 1; ; tries++) {
    try {
      return inSteps ? await commitInSteps(db, time, given) : await commitAtOnce(db, time, given)
    } catch (error) {
      if (isUnusual(error)) inSteps = true
      else if (isHomeless(error)) for (const change of given) await makeRoomFor(db, change)
      else if (isDuplicate(error) && given.some(isNewAppend)) given = given.map(again)
      else if (isBadValue(error)) return commitCarefully(db, time, given)
      else if (!mayPass(error, given) || tries >= TRIES) throw error
    }
  }
}

/**
 * It met another commit, and the same again may well go through: also where both write the same record of a run,
 * because this is the second try of a commit whose first one is still under way.
 */
function mayPass(error: unknown, changes: readonly Change[]): boolean {
  return isCollision(error) || (isDuplicate(error) && changes.some((change) => RUN_WRITES.has(change.kind)))
}

const RUN_WRITES: ReadonlySet<Change["kind"]> = new Set(["start-run", "checkpoint", "end-run", "signal-run"])

async function makeRoomFor(db: Database, change: Change): Promise<void> {
  if (change.kind === "append") await makePartitionFor(db, change.commitId)
}

/** Its row is there: an earlier try, whose connection broke, was written after all. */
function isNewAppend(change: Change): boolean {
  return change.kind === "append" && !change.again
}

function again(change: Change): Change {
  return change.kind === "append" ? { ...change, again: true } : change
}

/**
 * One statement for all of it. The order among changes of different kinds is the statement's own, which
 * is as good as any: none of them reads what another writes.
 */
async function commitAtOnce(
  db: Database,
  time: ServerTime,
  changes: readonly Change[],
): Promise<ChangeResult[]> {
  const call = new Call(time.given)
  if (changes.every(isOnlyDelivered)) call.relax()
  const readers = addAll(call, changes)
  const [row] = await db.callOn("commits", call.statement, call.values)
  return finish(db, changes, readers, row as Answer)
}

async function finish(
  session: Session,
  changes: readonly Change[],
  readers: readonly Reader[],
  row: Answer,
): Promise<ChangeResult[]> {
  const results: ChangeResult[] = []
  for (const [i, change] of changes.entries()) {
    const result = (readers[i] as Reader)(row)
    results.push(result === KNOWN ? await session.run(recall(change as AppendEvents)) : result)
  }
  return results
}

/** Losing such a commit to a power failure only means a redelivery, so it need not wait for the disk. */
function isOnlyDelivered(change: Change): boolean {
  if (change.kind === "settle-job") return change.outcome.kind === "delivered"
  return change.kind === "settle-batch" && change.jobs.length === 0 && change.parts.length === 0
}

/** The rarer changes take several statements; with them everything goes in order, and what follows on each other at once. */
function commitInSteps(db: Database, time: ServerTime, changes: readonly Change[]): Promise<ChangeResult[]> {
  return db.transaction("commits", async (session) => {
    const results: ChangeResult[] = []
    for (let at = 0; at < changes.length; ) {
      const hot = changes.slice(at).findIndex((change) => !isHot(change))
      const count = hot === -1 ? changes.length - at : hot
      if (count > 0) results.push(...(await callFor(session, time, changes.slice(at, at + count))))
      else results.push(await apply(session, time, changes[at] as Change))
      at += Math.max(1, count)
    }
    return results
  })
}

async function callFor(
  session: TransactionSession,
  time: ServerTime,
  changes: readonly Change[],
  left?: ReadonlySet<number>,
): Promise<ChangeResult[]> {
  const call = new Call(time.given, left)
  const readers = addAll(call, changes)
  const [row] = await session.call(call.statement, call.values)
  return finish(session, changes, readers, row as Answer)
}

/** Each change by itself, so that the one with a bad value is found and its neighbours are written. */
async function commitCarefully(
  db: Database,
  time: ServerTime,
  changes: readonly Change[],
): Promise<ChangeResult[]> {
  return db.transaction("commits", async (session) => {
    const results: ChangeResult[] = []
    for (const change of changes) results.push(await applyAlone(session, time, change))
    return results
  })
}

async function applyAlone(
  session: TransactionSession,
  time: ServerTime,
  change: Change,
): Promise<ChangeResult> {
  try {
    return await session.savepoint(() => apply(session, time, change))
  } catch (error) {
    if (!isBadValue(error)) throw error
    if (change.kind === "append")
      return withoutCulprits(session, change, (left) => apply(session, time, change, left))
    return { status: "conflict", message: `The store refused the change: ${(error as Error).message}` }
  }
}

async function apply(
  session: TransactionSession,
  time: ServerTime,
  change: Change,
  left?: ReadonlySet<number>,
): Promise<ChangeResult> {
  if (isHot(change)) {
    const [result] = await callFor(session, time, [change], left)
    return result as ChangeResult
  }
  if (change.kind === "advance-replay") return advanceReplay(session, time, change)
  if (change.kind === "put-subscription" || change.kind === "end-subscription")
    await session.call(LOCK_CATALOG, [])
  return session.run(programOf(change, time.now()))
}

/** Who changes the catalog waits for those who are writing by it, and they for him: see `store.lock_catalog_shared`. */
const LOCK_CATALOG: HotStatement = { name: "carillon_lock_catalog", sql: "SELECT store.lock_catalog()" }

function programOf(change: Exclude<Change, HotChange | AdvanceReplay>, now: number): Program<ChangeResult> {
  switch (change.kind) {
    case "stage":
      return stage(change, now)
    case "clear":
      return clear(change)
    case "put-subscription":
      return putSubscription(change, now)
    case "end-subscription":
      return endSubscription(change, now)
    case "put-replay":
      return putReplay(change.request, change.token, now)
    case "redrive":
      return redrive(change, now)
    case "cancel":
      return cancel(change, now)
    case "erase":
      return erase(change, now)
    case "signal-run":
      return signalRun(change, now)
    case "put-schedule":
      return putSchedule(change, now)
    case "advance-schedule":
      return advanceSchedule(change, now)
    case "put-record":
      return putRecord(change, now)
    case "prune-records":
      return pruneRecords(change)
  }
}

const ADVANCE_REPLAY: HotStatement = {
  name: "carillon_advance_replay",
  sql: "SELECT store.advance_replay($1, $2, $3, $4, $5, $6, $7, $8, $9) AS advanced",
}

async function advanceReplay(
  session: Session,
  time: ServerTime,
  change: AdvanceReplay,
): Promise<ChangeResult> {
  const jobs = change.jobs.map((job, i) => toContinued(job, change.keys[i] ?? null))
  const [row] = await session.call(ADVANCE_REPLAY, [
    time.given,
    change.no,
    change.worker,
    change.epoch,
    change.cursor,
    change.made,
    change.done,
    partsOf(change.parts),
    jobs.length === 0 ? null : JSON.stringify(jobs),
  ])
  return (row as Answer).advanced === true ? OK : FENCED
}

/** Settles an attempt inside a transaction that its handler wrote in. */
export async function settleJobIn(
  session: TransactionSession,
  time: ServerTime,
  change: SettleJob,
): Promise<ChangeResult> {
  return apply(session, time, change)
}
