import { CRASHES_BEFORE_DEATH, CRASHES_BEFORE_ISOLATION } from "../../core/batch.ts"
import { isSwitchedOff } from "../../engine/faults.ts"
import type { Glance, HandBackRequest, Heartbeat, HeartbeatResult, NewWorker } from "../../engine/leases.ts"
import { cancelEnded, endEphemeral } from "./catalog.ts"
import type { Database, Row } from "./database.ts"

/** Who we are to other processes that look whether we still live. */
export interface ProcessIdentity {
  readonly host: string // one machine, one boot, one space of process numbers
  readonly pid: number
  readonly token: string // tells this process from an earlier one with its number
}

export function join(
  db: Database,
  worker: NewWorker,
  self: ProcessIdentity,
  now: number,
): { worker: number } {
  return db.transaction(() => {
    for (const row of db.all("SELECT no, host, pid, name, expires_at FROM workers")) {
      if ((row.expires_at as number) <= now || isDead(row, self)) bury(db, row.no as number, now)
    }
    const no = db.insert(
      `INSERT INTO workers (group_name, name, host, pid, started_at, seen_at, expires_at, handles)
       VALUES (?, ?, ?, ?, ?, ?, ?, '[]')`,
      worker.group,
      self.token,
      self.host,
      self.pid,
      now,
      now,
      now + worker.leaseMs,
    )
    return { worker: no }
  }, true)
}

/** On one host one need not wait for a lease to run out: the process is there, or it is not. */
function isDead(row: Row, self: ProcessIdentity): boolean {
  if (row.host !== self.host) return false
  if (row.pid === self.pid) return row.name !== self.token
  try {
    process.kill(row.pid as number, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH"
  }
}

export function heartbeat(
  db: Database,
  { worker, leaseMs, handles }: Heartbeat,
  self: ProcessIdentity,
  now: number,
): HeartbeatResult {
  return db.transaction(() => {
    const alive =
      db.run(
        "UPDATE workers SET seen_at = ?, expires_at = ?, handles = ? WHERE no = ?",
        now,
        now + leaseMs,
        JSON.stringify(handles),
        worker,
      ) === 1
    let freed = 0
    for (const row of db.all("SELECT no, host, pid, name, expires_at FROM workers WHERE no <> ?", worker)) {
      if ((row.expires_at as number) <= now || isDead(row, self)) freed += bury(db, row.no as number, now)
    }
    cancelEnded(db, now)
    return { alive, freed, glance: peek() }
  }, true)
}

/** Looking costs no more than asking here, so it is never said that there is nothing. */
export function peek(): Glance {
  return { work: true, released: false, nextDueAt: null, catalogVersion: null }
}

/** A dead worker's work is free again; what it held when it died carries a mark. */
function bury(db: Database, worker: number, now: number): number {
  if (isSwitchedOff("recovery")) return 0
  const held = freeBatches(db, worker)
  // Only one isolated job runs in a process: the one claimed last is the suspect. Those before it had
  // ended and were about to be settled, and what ran beside it is innocent.
  const suspect = db.get(
    "SELECT no FROM jobs WHERE worker = ? AND state = 1 AND isolated = 1 ORDER BY updated_at DESC, no DESC LIMIT 1",
    worker,
  )
  if (suspect !== undefined) blame(db, suspect.no as number, worker, now)
  const mark = suspect === undefined ? 1 : 0
  const jobs = db.run(
    `UPDATE jobs
     SET state = 0, worker = NULL, reason = 'retry', updated_at = ?, crashes = crashes + ?,
         isolated = CASE WHEN crashes + ? >= ? THEN 1 ELSE isolated END
     WHERE worker = ? AND state = 1 AND kind IN ('delivery', 'run')`,
    now,
    mark,
    mark,
    CRASHES_BEFORE_ISOLATION,
    worker,
  )
  // Replays and ticks run no code of the user's: a crash is never theirs.
  const own = db.run(
    "UPDATE jobs SET state = 0, worker = NULL, reason = 'queued', updated_at = ? WHERE worker = ? AND state = 1",
    now,
    worker,
  )
  endEphemeral(db, worker, now)
  db.run("DELETE FROM workers WHERE no = ?", worker)
  return held + jobs + own + (suspect === undefined ? 0 : 1)
}

/** Who kills processes from outside does it again soon: a suspect waits longer after each crash. */
const PAUSE_AFTER_CRASH_MS = 1_000

function blame(db: Database, no: number, worker: number, now: number): void {
  const record = JSON.stringify({ at: now, ms: 0, outcome: "crashed", error: "crashed worker", worker })
  db.run(
    `UPDATE jobs
     SET crashes = crashes + 1, worker = NULL, updated_at = ?, due_at = ? + ? * (1 << max(0, crashes - ?)),
         state = CASE WHEN crashes + 1 >= ? THEN 3 ELSE 0 END,
         reason = CASE WHEN crashes + 1 >= ? THEN 'crashed worker' ELSE 'isolated' END,
         error = CASE WHEN crashes + 1 >= ? THEN 'crashed worker' ELSE error END,
         history = json_insert(coalesce(history, '[]'), '$[#]', json_set(json(?), '$.attempt', attempt + 1))
     WHERE no = ?`,
    now,
    now,
    PAUSE_AFTER_CRASH_MS,
    CRASHES_BEFORE_ISOLATION,
    CRASHES_BEFORE_DEATH,
    CRASHES_BEFORE_DEATH,
    CRASHES_BEFORE_DEATH,
    record,
    no,
  )
}

function freeBatches(db: Database, worker: number): number {
  return (
    db.run("UPDATE batches SET state = 0, worker = NULL WHERE worker = ? AND state = 1", worker) +
    db.run("UPDATE parts SET state = 0, worker = NULL WHERE worker = ? AND state = 1", worker)
  )
}

/** What is leased to a worker that does not know of it: its take counts as little as that of an orderly hand-back. */
export function handBack(
  db: Database,
  { worker, olderThanMs, batches, parts, jobs }: HandBackRequest,
  now: number,
): number {
  const before = now - olderThanMs
  const unknown = "worker = ? AND state = 1 AND no NOT IN (SELECT value FROM json_each(?))"
  const free = (table: "batches" | "parts", known: readonly number[]): number =>
    db.run(
      `UPDATE ${table} SET state = 0, worker = NULL, takes = takes - 1 WHERE ${unknown} AND created_at <= ?`,
      worker,
      JSON.stringify(known),
      before,
    )
  return db.transaction(() => {
    const held = free("batches", batches) + free("parts", parts)
    const waiting = db.run(
      `UPDATE jobs SET state = 0, worker = NULL, reason = 'queued', updated_at = ? WHERE ${unknown} AND updated_at <= ?`,
      now,
      worker,
      JSON.stringify(jobs),
      before,
    )
    return held + waiting
  })
}

export function leave(db: Database, worker: number, now: number): void {
  db.transaction(() => {
    // An orderly hand-back is nobody's crash: the take is not counted.
    db.run(
      "UPDATE batches SET state = 0, worker = NULL, takes = takes - 1 WHERE worker = ? AND state = 1",
      worker,
    )
    db.run(
      "UPDATE parts SET state = 0, worker = NULL, takes = takes - 1 WHERE worker = ? AND state = 1",
      worker,
    )
    db.run(
      "UPDATE jobs SET state = 0, worker = NULL, reason = 'queued', updated_at = ? WHERE worker = ? AND state = 1",
      now,
      worker,
    )
    endEphemeral(db, worker, now)
    db.run("DELETE FROM workers WHERE no = ?", worker)
  })
}

/** A worker that was frozen may still ask for work when it is buried already: it gets none. */
export function isJoined(db: Database, worker: number): boolean {
  return db.get("SELECT 1 FROM workers WHERE no = ?", worker) !== undefined
}
