import { leasedKeys, limitsOf, SLOT_LOOK_MS } from "./claim-limits.ts"
import { type Claiming, JOB_COLUMNS, JOB_SOURCE } from "./claiming.ts"
import type { Row } from "./database.ts"

/** So many keys of a subscription are looked at in one claim; the next claim goes on behind them. */
const KEYS_PER_CLAIM = 256

/** A thorough claim makes a whole round by itself, so that nothing found means that there is nothing. */
const KEYS_PER_THOROUGH_CLAIM = 5_000

/** One round of the keys of a subscription, over as many claims as it takes. */
export interface KeyRound {
  readonly from: string // the key behind which it began
  at: string // the key looked at last
  wrapped: boolean
  done: boolean
  dueAt: number | null // the earliest that was not due yet
  found: number // how many it handed out
  cut: boolean // a thorough claim had to stop in it
}

/** Goes round the keys of one subscription and leases what may run now of each. */
export class KeyWalk {
  readonly #claiming: Claiming
  readonly #subscription: number
  readonly #rounds: Map<number, KeyRound>
  readonly #most: number | null // of one key at one time; null = one, in order
  readonly #leased: Map<string, number>

  constructor(claiming: Claiming, subscription: number, rounds: Map<number, KeyRound>) {
    this.#claiming = claiming
    this.#subscription = subscription
    this.#rounds = rounds
    this.#most = limitsOf(claiming, subscription).keyConcurrency
    this.#leased = this.#most === null ? new Map() : leasedKeys(claiming, subscription)
  }

  claim(free: number): void {
    const claiming = this.#claiming
    const { thorough } = claiming.request
    const most = thorough ? KEYS_PER_THOROUGH_CLAIM : KEYS_PER_CLAIM
    let round = this.#round()
    round.cut = false
    let room = free
    for (let looked = 0; room > 0; looked++) {
      if (round.done) {
        // Behind a round that handed out something much may be ready since: another follows it at once.
        if (round.found === 0) break
        round = this.#round()
      }
      if (looked === most) {
        round.cut = thorough
        claiming.comeAgainAt(claiming.now) // there are more keys: come back at once
        return
      }
      const key = this.#next(round)
      if (key === null) continue
      for (const row of this.#ready(key, room, round)) {
        claiming.lease(row)
        this.#leased.set(key, (this.#leased.get(key) ?? 0) + 1)
        round.found++
        room--
      }
    }
    if (round.dueAt !== null) claiming.comeAgainAt(round.dueAt)
  }

  /** Is there a key, among the first, of which something could run now? */
  isWaiting(): boolean {
    const round: KeyRound = {
      from: "",
      at: "",
      wrapped: true,
      done: false,
      dueAt: null,
      found: 0,
      cut: false,
    }
    for (let looked = 0; looked < KEYS_PER_CLAIM; looked++) {
      const key = this.#next(round)
      if (key === null) {
        if (round.dueAt !== null) this.#claiming.comeAgainAt(round.dueAt)
        return false
      }
      if (this.#ready(key, 1, round).length > 0) return true
    }
    return true // more keys than one looks at: perhaps
  }

  /** May this one, which waits, run beside the others of its key? */
  mayRun(row: Row): boolean {
    const key = row.job_key as string
    if (this.#most !== null) return (this.#leased.get(key) ?? 0) < this.#most
    return this.#head(key)?.no === row.no
  }

  #round(): KeyRound {
    const last = this.#rounds.get(this.#subscription)
    const { thorough } = this.#claiming.request
    if (last !== undefined && !last.done && (last.cut || !thorough)) return last
    const from = last?.at ?? ""
    const round = { from, at: from, wrapped: from === "", done: false, dueAt: null, found: 0, cut: false }
    this.#rounds.set(this.#subscription, round)
    return round
  }

  /** The next key of the round; null = it wrapped, or is done. */
  #next(round: KeyRound): string | null {
    const next = this.#claiming.db.get(
      "SELECT min(key) AS key FROM jobs WHERE state < 2 AND key IS NOT NULL AND subscription = ? AND key > ?",
      this.#subscription,
      round.at,
    )?.key as string | null | undefined
    const atEnd = next === null || next === undefined
    if (atEnd && !round.wrapped) {
      round.wrapped = true
      round.at = ""
      return null
    }
    if (atEnd || (round.wrapped && round.from !== "" && next > round.from)) {
      round.done = true // every key had its turn
      return null
    }
    round.at = next
    return next
  }

  /** What of a key may be leased now. */
  #ready(key: string, room: number, round: KeyRound): Row[] {
    return this.#most === null ? this.#readyHead(key, round) : this.#readyOf(key, this.#most, room, round)
  }

  /** Its oldest, if that is due and nobody runs it: order is derived, never stored. */
  #readyHead(key: string, round: KeyRound): Row[] {
    const row = this.#head(key)
    if (row === undefined || row.state !== 0 || row.isolated === 1) return []
    if (this.#claiming.isDue(row)) return [row]
    dueBy(round, row.due_at as number)
    return []
  }

  /** What is due of it, as far as its limit goes; one that is not due holds up nobody. */
  #readyOf(key: string, most: number, room: number, round: KeyRound): Row[] {
    const free = most - (this.#leased.get(key) ?? 0)
    const ready: Row[] = []
    for (const priority of this.#claiming.request.priorities) {
      for (const row of this.#waiting(key, priority, Math.max(0, free - ready.length) + 1)) {
        if (!this.#claiming.isDue(row)) {
          dueBy(round, row.due_at as number)
          break
        }
        if (ready.length === room) return ready
        if (ready.length >= free) {
          dueBy(round, this.#claiming.now + SLOT_LOOK_MS)
          return ready
        }
        ready.push(row)
      }
    }
    return ready
  }

  #head(key: string): Row | undefined {
    return this.#claiming.db.get(
      `SELECT ${JOB_COLUMNS} FROM ${JOB_SOURCE}
       WHERE j.state < 2 AND j.key IS NOT NULL AND j.subscription = ? AND j.key = ? ORDER BY j.no LIMIT 1`,
      this.#subscription,
      key,
    )
  }

  #waiting(key: string, priority: number, limit: number): Row[] {
    return this.#claiming.db.all(
      `SELECT ${JOB_COLUMNS} FROM ${JOB_SOURCE}
       WHERE j.state = 0 AND j.key IS NOT NULL AND j.isolated = 0
         AND j.subscription = ? AND j.key = ? AND j.priority = ?
       ORDER BY j.due_at, j.no LIMIT ?`,
      this.#subscription,
      key,
      priority,
      limit,
    )
  }
}

function dueBy(round: KeyRound, at: number): void {
  round.dueAt = Math.min(at, round.dueAt ?? at)
}
