import { sharedNow } from "./fleet-clock.ts"

/** What one process of a fleet has handled. None has the whole picture: the director adds them up. */
export class Tally {
  /** Deliveries that this process has handled at least once. */
  handled = 0
  readonly #events: number
  readonly #times: Uint8Array
  readonly #handledAt: Float64Array

  constructor(events: number, subscribers: number) {
    this.#events = events
    this.#times = new Uint8Array(events * subscribers)
    this.#handledAt = new Float64Array(events * subscribers)
  }

  record(subscriber: number, seq: number): void {
    const at = subscriber * this.#events + seq
    const times = (this.#times[at] ?? 0) + 1
    this.#times[at] = times
    if (times > 1) return
    this.#handledAt[at] = sharedNow()
    this.handled += 1
  }

  books(): TallyBooks {
    return { times: this.#times, handledAt: this.#handledAt }
  }
}

/** By delivery: how often it was handled, and when first, on the clock that all processes share; 0 = not here. */
export interface TallyBooks {
  readonly times: Uint8Array
  readonly handledAt: Float64Array
}

export interface AddedUp {
  readonly lost: number
  readonly duplicates: number
  readonly lastHandledAt: number
  readonly handledAt: Float64Array
}

export function addUp(all: readonly TallyBooks[]): AddedUp {
  const deliveries = all[0]?.times.length ?? 0
  const handledAt = new Float64Array(deliveries)
  let lost = 0
  let duplicates = 0
  let lastHandledAt = 0

  for (let at = 0; at < deliveries; at += 1) {
    const times = all.reduce((sum, books) => sum + (books.times[at] ?? 0), 0)
    const firsts = all.map((books) => books.handledAt[at] ?? 0).filter((instant) => instant > 0)
    if (times === 0) lost += 1
    else duplicates += times - 1
    handledAt[at] = firsts.length === 0 ? 0 : Math.min(...firsts)
    lastHandledAt = Math.max(lastHandledAt, handledAt[at] ?? 0)
  }
  return { lost, duplicates, lastHandledAt, handledAt }
}
