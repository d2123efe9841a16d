import type { DraftEvent } from "../core/event.ts"
import type { StagedRelease } from "../engine/commit.ts"
import type { Receipt } from "./committer.ts"

/** What an emit asks for beside being written. */
export interface EmitWishes {
  readonly release?: StagedRelease | null
  readonly receipts?: boolean
  /** Of a release: this one is gone for good. Each of its events is refused alone, for its neighbours are staged no more. */
  readonly onRefused?: (index: number, error: Error) => void
}

/** An emit that is not answered yet. */
export interface WaitingEmit {
  readonly events: readonly DraftEvent[]
  readonly bytes: number
  readonly at: number // when it was called, in real monotonic ms
  readonly release: StagedRelease | null
  readonly receipts: boolean
  readonly joined: boolean // each of its events was an emit of its own
  readonly onRefused?: (index: number, error: Error) => void
  readonly resolve: (receipts: Receipt[]) => void
  readonly reject: (error: Error) => void
  isOver: boolean // it is answered, whatever becomes of its events
}

interface JoinedEmit extends WaitingEmit {
  readonly events: DraftEvent[]
  bytes: number
  readonly promise: Promise<Receipt[]>
}

const EVENTS_PER_COMMIT = 1_000
const BYTES_PER_COMMIT = 4 * 1024 * 1024
// A commit is cut between emits, so what is taken together must be small beside it.
const EVENTS_TOGETHER = 250
const BYTES_TOGETHER = 1024 * 1024

/** The emits that wait for a commit, in their order. */
export class EmitQueue {
  readonly #emits: WaitingEmit[] = []
  #joined: JoinedEmit | null = null // the last, if others may join it
  #bytes = 0

  get length(): number {
    return this.#emits.length
  }

  /** Of everything that is not answered, whether it waits here or is being written. */
  get bytes(): number {
    return this.#bytes
  }

  push(
    events: readonly DraftEvent[],
    bytes: number,
    { release = null, receipts = true, onRefused }: EmitWishes,
  ): Promise<Receipt[]> {
    return new Promise((resolve, reject) => {
      const answer = { resolve, reject, isOver: false }
      const wishes = { release, receipts, joined: false, onRefused }
      this.#push({ events, bytes, at: performance.now(), ...wishes, ...answer })
    })
  }

  /**
   * Single events that nothing can refuse alone, whose receipts nobody wants, are one emit together,
   * with one promise: under a flood of emits that is most of what there is to remember of each.
   */
  join(event: DraftEvent, bytes: number): Promise<Receipt[]> {
    const joined = this.#joined
    const fits =
      joined !== null && joined.events.length < EVENTS_TOGETHER && joined.bytes + bytes <= BYTES_TOGETHER
    if (fits) {
      this.#bytes += bytes
      joined.events.push(event)
      joined.bytes += bytes
      return joined.promise
    }
    const { promise, resolve, reject } = Promise.withResolvers<Receipt[]>()
    const answer = { resolve, reject, promise, isOver: false }
    const opened = {
      events: [event],
      bytes,
      at: performance.now(),
      release: null,
      receipts: false,
      joined: true,
      ...answer,
    }
    this.#push(opened)
    this.#joined = opened
    return promise
  }

  /** Nobody joins the last one any more: they are all answered for when it was called. */
  closeLast(): void {
    this.#joined = null
  }

  /** The emits of the next commit; a release goes alone, for its events are left out one by one. */
  takeNext(): WaitingEmit[] {
    let events = 0
    let bytes = 0
    let count = 0
    for (const emit of this.#emits) {
      const isFull = events + emit.events.length > EVENTS_PER_COMMIT || bytes + emit.bytes > BYTES_PER_COMMIT
      if (count > 0 && (isFull || emit.release !== null)) break
      events += emit.events.length
      bytes += emit.bytes
      count++
      if (emit.release !== null) break
    }
    const next = this.#emits.splice(0, count)
    if (this.#joined !== null && next.includes(this.#joined)) this.#joined = null
    return next
  }

  /** They go first in the next commit. */
  putBack(emits: readonly WaitingEmit[]): void {
    this.#emits.unshift(...emits.filter((emit) => !emit.isOver))
  }

  /** Those that were called before then, in their order; they wait no more. */
  takeOlder(before: number): WaitingEmit[] {
    const young = this.#emits.findIndex((emit) => emit.at > before)
    return this.#emits.splice(0, young === -1 ? this.#emits.length : young)
  }

  /** Answers it, if that was not done before. */
  answer(emit: WaitingEmit, answer: () => void): void {
    if (emit.isOver) return
    emit.isOver = true
    this.#bytes -= emit.bytes
    answer()
  }

  #push(emit: WaitingEmit): void {
    this.#joined = null // emits are written in their order
    this.#bytes += emit.bytes
    this.#emits.push(emit)
  }
}
