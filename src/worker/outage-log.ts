import { isUnavailable } from "../core/errors.ts"

export interface OutageLogOptions {
  readonly error: (error: unknown) => void
  readonly info: (message: string) => void
  readonly monotonic: () => number
}

const REMIND_MS = 60_000

/**
 * Tells of a store that does not answer once, then once a minute, then when it is back: everything that
 * asks it again and again would else say so each time. Other errors are told as they come.
 */
export class OutageLog {
  readonly #options: OutageLogOptions
  #since: number | null = null // null = the store answers
  #toldAt = 0

  constructor(options: OutageLogOptions) {
    this.#options = options
  }

  report(error: unknown): void {
    if (!isUnavailable(error)) {
      this.#options.error(error)
      return
    }
    const now = this.#options.monotonic()
    if (this.#since === null) {
      this.#since = now
      this.#tell(now, error)
    } else if (now - this.#toldAt >= REMIND_MS) {
      const { message } = error as Error
      this.#tell(now, `The store has not answered for ${lasting(now - this.#since)}: ${message}`)
    }
  }

  /** Something that was asked of the store was answered. */
  answered(): void {
    if (this.#since === null) return
    this.#options.info(`The store answers again, after ${lasting(this.#options.monotonic() - this.#since)}.`)
    this.#since = null
  }

  #tell(now: number, error: unknown): void {
    this.#toldAt = now
    this.#options.error(error)
  }
}

function lasting(ms: number): string {
  const seconds = Math.round(ms / 1_000)
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`
}
