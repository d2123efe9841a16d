import { type Database, isBusy } from "./database.ts"

/** How often one looks whether another process wrote to the file. */
export const WATCH_INTERVAL_MS = 50

/**
 * Watches the file's data version, which changes exactly when another connection writes.
 *
 * Differs by necessity: a file cannot notify, but looking costs some microseconds.
 */
export class WriteWatch {
  readonly #db: Database
  #version: number | null

  constructor(db: Database) {
    this.#db = db
    this.#version = this.#read()
  }

  /** Did another connection write since the last look? */
  changed(): boolean {
    const version = this.#read()
    if (version === null || version === this.#version) return false
    this.#version = version
    return true
  }

  /** Null while another process repairs the file after a crash: the next look will tell. */
  #read(): number | null {
    try {
      return this.#db.get("PRAGMA data_version")?.data_version as number
    } catch (error) {
      if (isBusy(error)) return null
      throw error
    }
  }
}
