import type { ClaimedJob, ClaimRequest, ClaimResult } from "../../engine/leases.ts"
import { type KeyRound, KeyWalk } from "./claim-keys.ts"
import { pay, roomFor } from "./claim-limits.ts"
import { Claiming, JOB_COLUMNS, JOB_SOURCE } from "./claiming.ts"
import type { Database, Row } from "./database.ts"
import { WAITING_JOBS, withWork } from "./waiting.ts"
import { isJoined } from "./workers.ts"

/** Where the last claim stopped among scopes and keys, so that each gets its turn. */
export class ClaimCursors {
  readonly scopes = new Map<number, string>()
  readonly keys = new Map<number, KeyRound>()
  readonly keysFirst = new Map<number, boolean>()
}

export function claim(db: Database, request: ClaimRequest, cursors: ClaimCursors, now: number): ClaimResult {
  return db.transaction(() => {
    if (!isJoined(db, request.worker)) return { jobs: [], nextDueAt: null }
    const slots = withWork(db, request.slots, WAITING_JOBS)
    return new Claim(new Claiming(db, { ...request, slots }, now), cursors).run()
  }, true)
}

class Claim {
  readonly #claiming: Claiming
  readonly #db: Database
  readonly #request: ClaimRequest
  readonly #cursors: ClaimCursors

  constructor(claiming: Claiming, cursors: ClaimCursors) {
    this.#claiming = claiming
    this.#db = claiming.db
    this.#request = claiming.request
    this.#cursors = cursors
  }

  run(): ClaimResult {
    const { jobs } = this.#claiming
    if (this.#request.system > 0) this.#claimSystem()
    // Its slot is taken before the others take them all, but it is handed out last: it may ask to be alone.
    const suspect = this.#request.isolated ? this.#claimIsolated() : null
    for (const [subscription, free] of this.#request.slots) this.#claimOf(subscription, free)
    const others = suspect === null ? jobs : jobs.filter((job) => job !== suspect)
    return {
      jobs: suspect === null ? jobs : [...others, suspect],
      nextDueAt: this.#claiming.nextDueAt,
    }
  }

  #claimOf(subscription: number, free: number): void {
    const { room, moreAt } = roomFor(this.#claiming, subscription, free)
    const got = room === 0 ? 0 : this.#claimUpTo(subscription, room)
    pay(this.#claiming, subscription, got)
    if (got === room && room < free && this.#isWaiting(subscription)) this.#claiming.comeAgainAt(moreAt)
  }

  /** Those with a key and those without take turns in being asked first, so that neither starves the other. */
  #claimUpTo(subscription: number, room: number): number {
    const before = this.#claiming.jobs.length
    const got = (): number => this.#claiming.jobs.length - before
    const keys = new KeyWalk(this.#claiming, subscription, this.#cursors.keys)
    const keysFirst = this.#cursors.keysFirst.get(subscription) ?? true
    this.#cursors.keysFirst.set(subscription, !keysFirst)
    if (keysFirst) keys.claim(room)
    if (got() < room) this.#claimUnordered(subscription, room - got())
    if (!keysFirst && got() < room) keys.claim(room - got())
    return got()
  }

  #claimSystem(): void {
    const rows = this.#db.all(
      `SELECT ${JOB_COLUMNS} FROM ${JOB_SOURCE}
       WHERE j.state = 0 AND j.kind = 'replay' AND j.group_name = ? AND j.due_at <= ? ORDER BY j.due_at LIMIT ?`,
      this.#request.group,
      this.#claiming.now,
      this.#request.system,
    )
    for (const row of rows) this.#claiming.lease(row)
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
      for (const row of this.#unordered(subscription, scope, priority, share - got)) {
        if (!this.#claiming.isDue(row)) {
          this.#claiming.comeAgainAt(row.due_at as number)
          break
        }
        this.#claiming.lease(row)
        got++
      }
    }
    return got
  }

  #unordered(subscription: number, scope: string, priority: number, limit: number): Row[] {
    return this.#db.all(
      `SELECT ${JOB_COLUMNS} FROM ${JOB_SOURCE}
       WHERE j.state = 0 AND j.key IS NULL AND j.isolated = 0
         AND j.subscription = ? AND j.scope = ? AND j.priority = ?
       ORDER BY j.due_at LIMIT ?`,
      subscription,
      scope,
      priority,
      limit,
    )
  }

  /** Is something due that only a limit keeps waiting? If not, what is due next is noted. */
  #isWaiting(subscription: number): boolean {
    for (const scope of this.#scopesOf(subscription)) {
      for (const priority of this.#request.priorities) {
        const [first] = this.#unordered(subscription, scope, priority, 1)
        if (first === undefined) continue
        if (this.#claiming.isDue(first)) return true
        this.#claiming.comeAgainAt(first.due_at as number)
      }
    }
    return new KeyWalk(this.#claiming, subscription, this.#cursors.keys).isWaiting()
  }

  #claimIsolated(): ClaimedJob | null {
    for (const [subscription] of this.#request.slots) {
      const rows = this.#db.all(
        `SELECT ${JOB_COLUMNS} FROM ${JOB_SOURCE}
         WHERE j.state = 0 AND j.isolated = 1 AND j.subscription = ? ORDER BY j.due_at LIMIT 16`,
        subscription,
      )
      if (rows.length === 0) continue
      const keys = new KeyWalk(this.#claiming, subscription, this.#cursors.keys)
      const row = rows.find((each) => each.job_key === null || keys.mayRun(each))
      if (row === undefined) continue
      if (!this.#claiming.isDue(row)) {
        this.#claiming.comeAgainAt(row.due_at as number)
        continue
      }
      const { room, moreAt } = roomFor(this.#claiming, subscription, 1)
      if (room === 1) {
        pay(this.#claiming, subscription, 1)
        return this.#claiming.lease(row)
      }
      this.#claiming.comeAgainAt(moreAt)
    }
    return null
  }
}
