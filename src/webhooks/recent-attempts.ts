import type { AttemptCounts } from "./breaker.ts"

const MOST = 20
const LONGEST_MS = 300_000

/** The newest attempts at an endpoint, no more than that and none that is old: how it does now. */
export class RecentAttempts {
  readonly #attempts: { readonly at: number; readonly hasFailed: boolean }[] = []
  #timeouts = 0

  add({ at, hasFailed, isTimeout }: { at: number; hasFailed: boolean; isTimeout: boolean }): void {
    this.#attempts.push({ at, hasFailed })
    this.#timeouts = isTimeout ? this.#timeouts + 1 : 0
  }

  counts(now: number): AttemptCounts {
    const attempts = this.#attempts
    while (attempts.length > MOST || (attempts[0] !== undefined && now - attempts[0].at > LONGEST_MS))
      attempts.shift()
    const failures = attempts.filter(({ hasFailed }) => hasFailed).length
    return { attempts: attempts.length, failures, timeouts: this.#timeouts }
  }

  clear(): void {
    this.#attempts.length = 0
    this.#timeouts = 0
  }
}
