/** Keeps the books of one measurement: which deliveries were handled, and how often. */
export class Book {
  handled = 0
  duplicates = 0
  lastHandledAt = 0
  readonly #events: number
  readonly #deliveries: number
  readonly #times: Uint8Array
  #complete: (() => void) | null = null

  constructor(events: number, subscribers: number) {
    this.#events = events
    this.#deliveries = events * subscribers
    this.#times = new Uint8Array(this.#deliveries)
  }

  get lost(): number {
    return this.#deliveries - this.handled
  }

  record(subscriber: number, seq: number): void {
    const at = subscriber * this.#events + seq
    const times = (this.#times[at] ?? 0) + 1
    this.#times[at] = times
    if (times > 1) {
      this.duplicates += 1
      return
    }

    this.handled += 1
    if (this.handled === this.#deliveries) {
      this.lastHandledAt = performance.now()
      this.#complete?.()
    }
  }

  /** Resolves when every delivery was handled, or when nothing more came within the time: then `lost` tells. */
  async complete(timeoutMs: number): Promise<void> {
    if (this.lost === 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs)
      this.#complete = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
