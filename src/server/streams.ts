import { HttpError } from "../http/http-error.ts"
import type { Actor } from "../identity/access.ts"

export interface StreamLimits {
  readonly mostPerCredential: number
  readonly mostInAll: number
}

/** The streams that are open: each costs a look at the store several times a second, so they are counted. */
export class Streams {
  readonly #limits: StreamLimits
  readonly #ends = new Map<string, Set<() => void>>()
  #count = 0
  #isClosed = false

  constructor(limits: StreamLimits) {
    this.#limits = limits
  }

  get count(): number {
    return this.#count
  }

  /**
   * Counts one more, until what is returned is called; `end` is called when the server ends.
   *
   * @throws HttpError (429) when there are too many
   */
  add({ kind, id }: Actor, end: () => void): () => void {
    const key = `${kind} ${id}`
    const own = this.#ends.get(key) ?? new Set()
    if (this.#isClosed) throw new HttpError(503, "The server ends.", { headers: RETRY })
    if (own.size >= this.#limits.mostPerCredential || this.#count >= this.#limits.mostInAll)
      throw new HttpError(429, "Too many streams are open. End one, or try again later.", { headers: RETRY })
    this.#ends.set(key, own.add(end))
    this.#count++
    return () => {
      if (!own.delete(end)) return
      this.#count--
      if (own.size === 0) this.#ends.delete(key)
    }
  }

  endAll(): void {
    this.#isClosed = true
    for (const own of [...this.#ends.values()]) for (const end of [...own]) end()
  }
}

const RETRY = { "retry-after": "5" }
