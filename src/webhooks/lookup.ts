/** What a lookup came to, and how long that is as JSON. */
export interface Found {
  readonly value: unknown
  readonly length: number
  readonly at: number // monotonic ms
}

/** An attempt of a delivery. */
export interface Asker {
  readonly deliveryId: string
  /** Aborted when it waits no longer. */
  readonly signal: AbortSignal
}

/** One call of a resolver that several wait for. It is given up when nobody does any more. */
export class Lookup {
  readonly #controller = new AbortController()
  readonly #found: Promise<Found>
  readonly #askers = new Set<string>()
  #done: Found | null = null // null = it goes on, or failed
  #waiting = 0
  #isOver = false
  #whenVoid = (): void => {}

  constructor(look: (signal: AbortSignal) => Promise<Found>) {
    this.#found = look(this.#controller.signal)
    this.#found.then(
      (found) => {
        this.#isOver = true
        this.#done = found
      },
      () => this.#end(),
    )
  }

  /** 0 = nothing was found yet. */
  get length(): number {
    return this.#done?.length ?? 0
  }

  /** What it found is older than that. */
  isOlder(than: number): boolean {
    return this.#done !== null && this.#done.at < than
  }

  /** In an attempt before. */
  wasAskedBy({ deliveryId }: Asker): boolean {
    return this.#askers.has(deliveryId)
  }

  /** It failed, or was given up: who comes next has to look again. */
  onVoid(whenVoid: () => void): void {
    this.#whenVoid = whenVoid
  }

  async join({ deliveryId, signal }: Asker): Promise<unknown> {
    this.#askers.add(deliveryId)
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    const leave = (): void => reject(signal.reason)
    signal.addEventListener("abort", leave, { once: true })
    this.#waiting++
    try {
      return (await Promise.race([this.#found, aborted])).value
    } finally {
      signal.removeEventListener("abort", leave)
      this.#waiting--
      if (this.#waiting === 0 && !this.#isOver) this.#giveUp(signal.reason)
    }
  }

  #giveUp(reason: unknown): void {
    this.#end()
    this.#controller.abort(reason)
  }

  #end(): void {
    this.#isOver = true
    this.#whenVoid()
  }
}
