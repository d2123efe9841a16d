import { StoreError } from "../../core/errors.ts"

/** How long a write waits for another process's lock before it fails. */
const PATIENCE_MS = 10_000

/** A writer that keeps the lock this long lets go for a moment when somebody else writes too. */
const BUSY_SPELL_MS = 10
const PAUSE_MS = 2
const COMPANY_MS = 2_000

/**
 * When to wait for the file's write lock, and when to leave it to others.
 *
 * SQLite's own waiting is unfair and blocks: two saturating writers starve one another. Ours has
 * jitter, and whoever writes without a break yields while there is company.
 */
export class Patience {
  #spellStart = 0
  #lastWriteEnd = 0
  #companyUntil = 0
  #waitingSince: number | null = null

  /** How long to wait after a busy answer. Throws when it has been long enough. */
  afterBusy(now: number, random: number): number {
    this.#waitingSince ??= now
    this.#companyUntil = now + COMPANY_MS
    if (now - this.#waitingSince > PATIENCE_MS) {
      this.#waitingSince = null
      throw new StoreError(
        `Expected the database file to be free for writing within ${PATIENCE_MS} ms, but another process keeps it locked. Find that process, or stop it.`,
      )
    }
    return 0.2 + random * 1.8
  }

  sawCompany(now: number): void {
    this.#companyUntil = now + COMPANY_MS
  }

  /** After a write: how long to stay away from the lock; 0 = go on. */
  afterWrite(startedAt: number, now: number): number {
    this.#waitingSince = null
    if (startedAt - this.#lastWriteEnd > 1) this.#spellStart = startedAt
    this.#lastWriteEnd = now
    if (now > this.#companyUntil || now - this.#spellStart < BUSY_SPELL_MS) return 0
    this.#spellStart = now + PAUSE_MS
    return PAUSE_MS
  }
}
