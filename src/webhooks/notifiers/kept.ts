import { StoppedError } from "../../core/errors.ts"

interface Held<T> {
  readonly value: T
  users: number
}

export interface KeptOptions<T> {
  /** So many are kept; while all are in use, there may be more. */
  readonly most: number
  readonly close: (value: T) => unknown
}

/** Clients and connections that are used again, by what they were made with; the least recently used go first. */
export class Kept<T> {
  readonly #options: KeptOptions<T>
  readonly #held = new Map<string, Held<T>>()
  readonly #dropped = new Set<Held<T>>() // still in use
  #isClosed = false

  constructor(options: KeptOptions<T>) {
    this.#options = options
  }

  get size(): number {
    return this.#held.size
  }

  /** It is not closed before `act` has ended, unless all are. */
  async use<R>(key: string, make: () => T, act: (value: T) => Promise<R>): Promise<R> {
    if (this.#isClosed) throw new StoppedError("Expected a notifier that is open, got one that was closed.")
    const held = this.#held.get(key) ?? { value: make(), users: 0 }
    this.#held.delete(key)
    this.#held.set(key, held) // the most recently used stands last
    held.users++
    this.#makeRoom()
    try {
      return await act(held.value)
    } finally {
      held.users--
      if (this.#dropped.has(held)) this.#closeUnused(held)
      this.#makeRoom()
    }
  }

  /** Another is made the next time; what still uses this one may end. */
  drop(key: string, value: T): void {
    const held = this.#held.get(key)
    if (held === undefined || held.value !== value) return
    this.#held.delete(key)
    this.#dropped.add(held)
    this.#closeUnused(held)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const all = [...this.#held.values(), ...this.#dropped]
    this.#held.clear()
    this.#dropped.clear()
    await Promise.all(all.map(async ({ value }) => this.#options.close(value)))
  }

  #makeRoom(): void {
    for (const [key, held] of this.#held) {
      if (this.#held.size <= this.#options.most) return
      if (held.users === 0) this.drop(key, held.value)
    }
  }

  #closeUnused(held: Held<T>): void {
    if (held.users > 0) return
    this.#dropped.delete(held)
    void this.#options.close(held.value)
  }
}
