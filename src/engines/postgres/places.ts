import { StoreUnavailableError } from "../../core/errors.ts"

/** So many may be inside at one time; the others wait their turn, but not for ever. */
export class Places {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(count: number) {
    this.#free = count
  }

  /** Resolves to how to leave. @throws StoreUnavailableError when no place was free in that time */
  async enter(longestMs: number): Promise<() => void> {
    if (this.#free > 0) this.#free--
    else await this.#turn(longestMs)
    let inside = true
    return () => {
      if (inside) this.#leave()
      inside = false
    }
  }

  #turn(longestMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(enter), 1)
        reject(allTaken(longestMs))
      }, longestMs)
      const enter = (): void => {
        clearTimeout(timer)
        resolve()
      }
      this.#waiting.push(enter)
    })
  }

  /** Whoever waits longest has the place at once: nobody can come between. */
  #leave(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free++
    else next()
  }
}

function allTaken(longestMs: number): StoreUnavailableError {
  return new StoreUnavailableError(
    `Expected a connection for the handler's transaction within ${longestMs} ms, but all were in use. Raise \`postgres.transactions\`, or lower the \`concurrency\` of transactional subscriptions.`,
  )
}
