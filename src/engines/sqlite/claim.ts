import { takeTokens } from "../../core/rate.ts"
import type { ClaimedJob, ClaimRequest, ClaimResult } from "../../engine/leases.ts"
import type { Database, Row } from "./database.ts"
import { EVENT_COLUMNS, toEvent, toHistory } from "./rows.ts"
import { isJoined } from "./workers.ts"

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
