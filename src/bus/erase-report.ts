import type { Remains } from "../engine/maintenance.ts"

/** What an erasure took out, or would. It says nothing of what that was. */
export interface EraseReport {
  readonly dryRun: boolean
  readonly events: number
  /** Events that were still held back; they are gone. */
  readonly staged: number
  /** Deliveries with a row of their own: their errors are gone. */
  readonly deliveries: number
  /** Of these: they waited, and are cancelled. */
  readonly cancelled: number
  readonly runs: number
  readonly steps: number // attempts of steps
  readonly open: OpenForErase
  /** Where the bytes may still lie; null = it was a dry run. */
  readonly remains: Remains | null
  readonly ids: ErasedIds
}

/** What was left as it is because it is not over; the same again takes it, once it is. */
export interface OpenForErase {
  readonly events: number // whose deliveries or runs are open
  readonly staged: number // held back
  readonly waiting: number // deliveries
  readonly running: number // deliveries
  readonly runs: number
}

/** At most 10,000 of each. */
export interface ErasedIds {
  readonly events: readonly string[]
  readonly runs: readonly string[]
  readonly open: readonly string[] // events and runs
}

const MOST_IDS = 10_000

type Counts = { -readonly [K in Exclude<keyof EraseReport, "dryRun" | "open" | "remains" | "ids">]: number }

/** Counts while it goes on. */
export class EraseTally {
  readonly counts: Counts = { events: 0, staged: 0, deliveries: 0, cancelled: 0, runs: 0, steps: 0 }
  readonly open = { events: 0, staged: 0, waiting: 0, running: 0, runs: 0 }
  readonly #ids = { events: [] as string[], runs: [] as string[], open: [] as string[] }

  name(what: keyof ErasedIds, id: string): void {
    if (this.#ids[what].length < MOST_IDS) this.#ids[what].push(id)
  }

  report(dryRun: boolean, remains: Remains | null): EraseReport {
    return { dryRun, ...this.counts, open: this.open, remains, ids: this.#ids }
  }
}
