import type { Access } from "./access.ts"

/** What was found, and until when it is true at most; null = as long as any. */
export interface Finding {
  readonly access: Access | null
  readonly until: number | null
}

/** A revocation elsewhere is heard within five seconds, with one of them for the store's answer. */
const GOOD_MS = 4_000
/** What is wrong once stays wrong: a program that goes on with an ended token asks the store for little. */
const BAD_MS = 60_000
const MOST_REMEMBERED = 10_000

interface Remembered {
  readonly access: Access | null
  readonly freshUntil: number // monotonic
  readonly until: number | null // by the wall clock
}

/** Remembers for moments who holds a credential, so that a busy program does not ask the store at each request. */
export class CredentialsCache {
  readonly #clock: { readonly now: () => number; readonly monotonic: () => number }
  readonly #known = new Map<string, Remembered>()
  readonly #asked = new Map<string, Promise<Access | null>>()

  constructor(clock: { readonly now: () => number; readonly monotonic: () => number }) {
    this.#clock = clock
  }

  /** Whether it was good when it was last asked for, however long ago. */
  wasGood(key: string): boolean {
    return (this.#known.get(key)?.access ?? null) !== null
  }

  /** Many who ask at once are one question. */
  async get(key: string, find: () => Promise<Finding>): Promise<Access | null> {
    const known = this.#known.get(key)
    if (known !== undefined && this.#isFresh(known)) return known.access
    const asked = this.#asked.get(key) ?? this.#ask(key, find)
    return asked
  }

  /** What was true may not be any more, also for whoever is asking now. */
  forget(): void {
    for (const [key, known] of this.#known) this.#known.set(key, { ...known, freshUntil: 0 })
    this.#asked.clear()
  }

  #isFresh({ freshUntil, until }: Remembered): boolean {
    return this.#clock.monotonic() < freshUntil && (until === null || this.#clock.now() < until)
  }

  #ask(key: string, find: () => Promise<Finding>): Promise<Access | null> {
    const askedAt = this.#clock.monotonic()
    const asking = find().then(({ access, until }) => {
      if (this.#asked.get(key) === asking)
        this.#keep(key, { access, until, freshUntil: askedAt + (access === null ? BAD_MS : GOOD_MS) })
      return access
    })
    this.#asked.set(key, asking)
    const done = (): void => {
      if (this.#asked.get(key) === asking) this.#asked.delete(key)
    }
    asking.then(done, done)
    return asking
  }

  /** Last in the map is who came last. */
  #keep(key: string, known: Remembered): void {
    this.#known.delete(key)
    this.#known.set(key, known)
    if (this.#known.size <= MOST_REMEMBERED) return
    const [oldest] = this.#known.keys()
    if (oldest !== undefined) this.#known.delete(oldest)
  }
}
