import type { Database } from "./database.ts"

/** How often one looks whether another process wrote to the file. */
export const WATCH_INTERVAL_MS = 50

/**
 * Watches the file's data version, which changes exactly when another connection writes.
 *
 * Differs by necessity: a file cannot notify, but looking costs some microseconds.
 */
export class WriteWatch {
  readonly #db: Database
  #version: number

  constructor(db: Database) {
    this.#db = db
    this.#version = this.#read()
  }

  /** Did another connection write since the last look? */
  changed(): boolean {
    const version = this.#read()
    if (version === this.#version) return false
    this.#version = version
    return true
  }

  #read(): number {
    return this.#db.get("PRAGMA data_version")?.data_version as number
  }
}
