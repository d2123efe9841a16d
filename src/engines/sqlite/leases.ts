import { CRASHES_BEFORE_DEATH, CRASHES_BEFORE_ISOLATION } from "../../core/batch.ts"
import type { EventRow } from "../../core/event.ts"
import { takeTokens } from "../../core/rate.ts"
import { isSwitchedOff } from "../../engine/faults.ts"
import type {
  ClaimedJob,
  ClaimRequest,
  ClaimResult,
  Heartbeat,
  NewWorker,
  TakenBatch,
  TakeRequest,
} from "../../engine/leases.ts"
import { cancelEnded, endEphemeral } from "./catalog.ts"
import type { Database, Row } from "./database.ts"
import { decodeRefs } from "./parts.ts"
import { EVENT_COLUMNS, toEvent, toHistory } from "./rows.ts"

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
): { alive: boolean; freed: number } {
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
    return { alive, freed }
  }, true)
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
     WHERE worker = ? AND state = 1`,
    now,
    mark,
    mark,
    CRASHES_BEFORE_ISOLATION,
    worker,
  )
  endEphemeral(db, worker, now)
  db.run("DELETE FROM workers WHERE no = ?", worker)
  return held + jobs + (suspect === undefined ? 0 : 1)
}

function blame(db: Database, no: number, worker: number, now: number): void {
  const record = JSON.stringify({ at: now, ms: 0, outcome: "crashed", error: "crashed worker", worker })
  db.run(
    `UPDATE jobs
     SET crashes = crashes + 1, worker = NULL, updated_at = ?,
         state = CASE WHEN crashes + 1 >= ? THEN 3 ELSE 0 END,
         reason = CASE WHEN crashes + 1 >= ? THEN 'crashed worker' ELSE 'isolated' END,
         error = CASE WHEN crashes + 1 >= ? THEN 'crashed worker' ELSE error END,
         history = json_insert(coalesce(history, '[]'), '$[#]', json_set(json(?), '$.attempt', attempt + 1))
     WHERE no = ?`,
    now,
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

export function take(db: Database, request: TakeRequest): TakenBatch[] {
  return db.transaction(() => {
    if (!isJoined(db, request.worker)) return []
    return [...takeBatches(db, request), ...takeParts(db, request)]
  }, true)
}

/** A worker that was frozen may still ask for work when it is buried already: it gets none. */
export function isJoined(db: Database, worker: number): boolean {
  return db.get("SELECT 1 FROM workers WHERE no = ?", worker) !== undefined
}

/** Oldest first, whatever is in them: what the taker has no handler for it leaves as parts. */
function takeBatches(db: Database, { worker, group, batches, priorities }: TakeRequest): TakenBatch[] {
  const taken: TakenBatch[] = []
  for (const priority of priorities) {
    if (taken.length >= batches) break
    const rows = db.all(
      `SELECT no, commit_id, epoch, takes FROM batches
       WHERE state = 0 AND group_name = ? AND priority = ? ORDER BY no LIMIT ?`,
      group,
      priority,
      batches - taken.length,
    )
    for (const row of rows) taken.push(takeBatch(db, row, worker, priority))
  }
  return taken
}

function takeBatch(db: Database, row: Row, worker: number, priority: number): TakenBatch {
  const epoch = (row.epoch as number) + 1
  const takes = (row.takes as number) + 1
  db.run(
    "UPDATE batches SET state = 1, worker = ?, epoch = ?, takes = ? WHERE no = ?",
    worker,
    epoch,
    takes,
    row.no as number,
  )
  const commitId = row.commit_id as string
  const version = db.get("SELECT catalog_version FROM commits WHERE commit_id = ?", commitId)
  return {
    source: "batch",
    no: row.no as number,
    epoch,
    takes,
    catalogVersion: version?.catalog_version as number,
    priority,
    subscription: null,
    replay: 0,
    events: db
      .all(`SELECT ${EVENT_COLUMNS} FROM events e WHERE e.commit_id = ? ORDER BY e.idx`, commitId)
      .map(toEvent),
  }
}

function takeParts(db: Database, { worker, slots, priorities }: TakeRequest): TakenBatch[] {
  const taken: TakenBatch[] = []
  for (const [subscription, free] of slots) {
    let room = free
    for (const priority of priorities) {
      if (room <= 0) break
      const rows = db.all(
        `SELECT no, refs, size, epoch, takes, replay, catalog_version FROM parts
         WHERE state = 0 AND subscription = ? AND priority = ? ORDER BY no LIMIT ?`,
        subscription,
        priority,
        Math.ceil(room / 50),
      )
      for (const row of rows) {
        if (room <= 0) break
        room -= row.size as number
        taken.push(takePart(db, row, { worker, subscription, priority }))
      }
    }
  }
  return taken
}

function takePart(
  db: Database,
  row: Row,
  { worker, subscription, priority }: { worker: number; subscription: number; priority: number },
): TakenBatch {
  const epoch = (row.epoch as number) + 1
  const takes = (row.takes as number) + 1
  const replay = row.replay as number
  db.run(
    "UPDATE parts SET state = 1, worker = ?, epoch = ?, takes = ? WHERE no = ?",
    worker,
    epoch,
    takes,
    row.no as number,
  )
  const events: EventRow[] = []
  for (const ref of decodeRefs(row.refs as string)) {
    const event = db.get(
      `SELECT ${EVENT_COLUMNS} FROM events e WHERE e.commit_id = ? AND e.idx = ?`,
      ref.commitId,
      ref.index,
    )
    if (event !== undefined) events.push(toEvent(event))
  }
  return {
    source: "part",
    no: row.no as number,
    epoch,
    takes,
    catalogVersion: row.catalog_version as number,
    priority,
    subscription,
    replay,
    events,
  }
}

const JOB_COLUMNS = `j.no, j.kind, j.id AS job_id, j.subscription, j.scope AS job_scope, j.key AS job_key, j.priority,
  j.attempt, j.crashes, j.isolated, j.replay, j.epoch, j.history, j.data AS job_data, j.due_at, ${EVENT_COLUMNS}`
const JOB_SOURCE = "jobs j LEFT JOIN events e ON e.commit_id = j.commit_id AND e.idx = j.idx"

/** So many keys of an ordered subscription are looked at in one claim; the next claim goes on behind them. */
const KEYS_PER_CLAIM = 256

/** Where the last claim stopped among scopes and keys, so that each gets its turn. */
export class ClaimCursors {
  readonly scopes = new Map<number, string>()
  readonly keys = new Map<number, KeyRound>()
}

/** One round of the keys of a subscription, over as many claims as it takes. */
interface KeyRound {
  readonly from: string // the key behind which it began
  at: string // the key looked at last
  wrapped: boolean
  done: boolean
  dueAt: number | null // the earliest that was not due yet
}

export function claim(db: Database, request: ClaimRequest, cursors: ClaimCursors, now: number): ClaimResult {
  return db.transaction(() => {
    if (!isJoined(db, request.worker)) return { jobs: [], nextDueAt: null }
    return new Claim(db, request, cursors, now).run()
  }, true)
}

class Claim {
  readonly #db: Database
  readonly #request: ClaimRequest
  readonly #cursors: ClaimCursors
  readonly #now: number
  readonly #jobs: ClaimedJob[] = []
  #nextDueAt: number | null = null

  constructor(db: Database, request: ClaimRequest, cursors: ClaimCursors, now: number) {
    this.#db = db
    this.#request = request
    this.#cursors = cursors
    this.#now = now
  }

  run(): ClaimResult {
    if (this.#request.system > 0) this.#claimSystem()
    for (const [subscription, free] of this.#request.slots) {
      const granted = this.#grant(subscription, free)
      const before = this.#jobs.length
      if (granted > 0) this.#claimKeyed(subscription, granted)
      const rest = granted - (this.#jobs.length - before)
      if (rest > 0) this.#claimUnordered(subscription, rest)
      this.#pay(subscription, this.#jobs.length - before)
    }
    if (this.#request.isolated) this.#claimIsolated()
    return { jobs: this.#jobs, nextDueAt: this.#nextDueAt }
  }

  #wait(dueAt: number): void {
    if (this.#nextDueAt === null || dueAt < this.#nextDueAt) this.#nextDueAt = dueAt
  }

  #lease(row: Row): void {
    const epoch = (row.epoch as number) + 1
    this.#db.run(
      "UPDATE jobs SET state = 1, reason = 'running', worker = ?, epoch = ?, updated_at = ? WHERE no = ?",
      this.#request.worker,
      epoch,
      this.#now,
      row.no as number,
    )
    this.#jobs.push(toClaimed(row, epoch))
  }

  #claimSystem(): void {
    const rows = this.#db.all(
      `SELECT ${JOB_COLUMNS} FROM ${JOB_SOURCE}
       WHERE j.state = 0 AND j.kind <> 'delivery' AND j.group_name = ? AND j.due_at <= ? ORDER BY j.due_at LIMIT ?`,
      this.#request.group,
      this.#now,
      this.#request.system,
    )
    for (const row of rows) this.#lease(row)
  }

  /** Round the scopes of a subscription, class by class, from where the last claim stopped. */
  #claimUnordered(subscription: number, free: number): void {
    const scopes = this.#scopesOf(subscription)
    if (scopes.length === 0) return
    let room = free
    let share = Math.ceil(room / scopes.length)
    let turn = scopes
    while (room > 0 && turn.length > 0) {
      const more: string[] = []
      for (const scope of turn) {
        if (room <= 0) break
        const got = this.#claimScope(subscription, scope, Math.min(share, room))
        room -= got
        this.#cursors.scopes.set(subscription, scope)
        if (got === share) more.push(scope)
      }
      turn = more
      share = Math.max(1, Math.ceil(room / Math.max(1, turn.length)))
    }
  }

  #scopesOf(subscription: number): string[] {
    const next = `SELECT min(scope) AS scope FROM jobs
      WHERE state = 0 AND key IS NULL AND isolated = 0 AND subscription = ? AND scope > ?`
    const first = this.#db.get(
      `SELECT min(scope) AS scope FROM jobs WHERE state = 0 AND key IS NULL AND isolated = 0 AND subscription = ?`,
      subscription,
    )
    const scopes: string[] = []
    let scope = first?.scope as string | null
    while (scope !== null && scope !== undefined && scopes.length < 1000) {
      scopes.push(scope)
      scope = this.#db.get(next, subscription, scope)?.scope as string | null
    }
    const last = this.#cursors.scopes.get(subscription)
    const from = last === undefined ? 0 : scopes.findIndex((each) => each > last)
    return from <= 0 ? scopes : [...scopes.slice(from), ...scopes.slice(0, from)]
  }

  #claimScope(subscription: number, scope: string, share: number): number {
    let got = 0
    for (const priority of this.#request.priorities) {
      if (got >= share) break
      const rows = this.#db.all(
        `SELECT ${JOB_COLUMNS} FROM ${JOB_SOURCE}
         WHERE j.state = 0 AND j.key IS NULL AND j.isolated = 0
           AND j.subscription = ? AND j.scope = ? AND j.priority = ?
         ORDER BY j.due_at LIMIT ?`,
        subscription,
        scope,
        priority,
        share - got,
      )
      for (const row of rows) {
        if ((row.due_at as number) > this.#now) {
          this.#wait(row.due_at as number)
          break
        }
        this.#lease(row)
        got++
      }
    }
    return got
  }

  /** The head of each key, if it is due and nobody runs it: order is derived, never stored. */
  #claimKeyed(subscription: number, free: number): void {
    const head = `SELECT ${JOB_COLUMNS}, j.state FROM ${JOB_SOURCE}
      WHERE j.state < 2 AND j.key IS NOT NULL AND j.subscription = ? AND j.key = ? ORDER BY j.no LIMIT 1`
    const nextKey = `SELECT min(key) AS key FROM jobs
      WHERE state < 2 AND key IS NOT NULL AND subscription = ? AND key > ?`
    const round = this.#roundOf(subscription)
    let room = free
    for (let looked = 0; room > 0 && !round.done; looked++) {
      if (looked === KEYS_PER_CLAIM) {
        this.#wait(this.#now) // there are more keys: come back at once
        return
      }
      const next = this.#db.get(nextKey, subscription, round.at)?.key as string | null | undefined
      const atEnd = next === null || next === undefined
      if (atEnd && !round.wrapped) {
        round.wrapped = true
        round.at = ""
        continue
      }
      if (atEnd || (round.wrapped && round.from !== "" && next > round.from)) {
        round.done = true // every key had its turn
        break
      }
      round.at = next
      const row = this.#db.get(head, subscription, next)
      if (row === undefined || row.state !== 0 || row.isolated === 1) continue
      const dueAt = row.due_at as number
      if (dueAt > this.#now) round.dueAt = Math.min(dueAt, round.dueAt ?? dueAt)
      else {
        this.#lease(row)
        room--
      }
    }
    if (round.dueAt !== null) this.#wait(round.dueAt)
  }

  #roundOf(subscription: number): KeyRound {
    const last = this.#cursors.keys.get(subscription)
    if (last !== undefined && !last.done) return last
    const from = last?.at ?? ""
    const round = { from, at: from, wrapped: from === "", done: false, dueAt: null }
    this.#cursors.keys.set(subscription, round)
    return round
  }

  #claimIsolated(): void {
    for (const [subscription] of this.#request.slots) {
      const rows = this.#db.all(
        `SELECT ${JOB_COLUMNS} FROM ${JOB_SOURCE}
         WHERE j.state = 0 AND j.isolated = 1 AND j.subscription = ? ORDER BY j.due_at LIMIT 16`,
        subscription,
      )
      const row = rows.find((each) => each.job_key === null || this.#isHead(subscription, each))
      if (row === undefined) continue
      if ((row.due_at as number) <= this.#now) {
        this.#lease(row)
        return
      }
      this.#wait(row.due_at as number)
    }
  }

  #isHead(subscription: number, row: Row): boolean {
    const head = this.#db.get(
      "SELECT min(no) AS no FROM jobs WHERE state < 2 AND key IS NOT NULL AND subscription = ? AND key = ?",
      subscription,
      row.job_key as string,
    )
    return head?.no === row.no
  }

  /** How many jobs the rate limit allows now; all that are asked for where there is none. */
  #grant(subscription: number, want: number): number {
    const limit = this.#request.limits[subscription]
    if (limit === undefined) return want
    const { granted, nextAt } = takeTokens(this.#tokens(subscription), limit, this.#now, want)
    if (granted < want) this.#wait(nextAt)
    return granted
  }

  #pay(subscription: number, used: number): void {
    const limit = this.#request.limits[subscription]
    if (limit === undefined || used === 0) return
    const { state } = takeTokens(this.#tokens(subscription), limit, this.#now, used)
    this.#db.run(
      "INSERT OR REPLACE INTO rates (subscription, tokens, at) VALUES (?, ?, ?)",
      subscription,
      state.tokens,
      state.at,
    )
  }

  #tokens(subscription: number): { tokens: number; at: number } | null {
    const row = this.#db.get("SELECT tokens, at FROM rates WHERE subscription = ?", subscription)
    return row === undefined ? null : { tokens: row.tokens as number, at: row.at as number }
  }
}

function toClaimed(row: Row, epoch: number): ClaimedJob {
  return {
    no: row.no as number,
    epoch,
    kind: row.kind as ClaimedJob["kind"],
    id: row.job_id as string,
    subscription: row.subscription as number,
    scope: row.job_scope as string,
    key: row.job_key as string | null,
    priority: row.priority as number,
    attempt: row.attempt as number,
    crashes: row.crashes as number,
    isolated: row.isolated === 1,
    replay: row.replay as number,
    history: toHistory(row.history),
    event: row.commit_id === null ? null : toEvent(row),
    data: row.job_data as string | null,
  }
}
