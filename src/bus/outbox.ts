import { StoppedError } from "../core/errors.ts"
import type { DraftEvent } from "../core/event.ts"
import type { EventKey } from "../core/ids.ts"
import type { Engine } from "../engine/engine.ts"
import { OUTBOX } from "../engine/transactions.ts"
import type { Committer } from "../worker/committer.ts"
import { bytesOf } from "./draft.ts"
import { stagedDraft } from "./staged.ts"

export interface OutboxOptions {
  readonly engine: Engine
  readonly committer: Committer
  /** Resolves when the subscriptions made so far are written. */
  readonly ready: () => Promise<unknown>
  readonly onRefused: Refused
  readonly onError: (error: unknown) => void
}

/** An event that was emitted in a transaction could not be released, and is gone. */
export type Refused = (event: DraftEvent, error: Error) => void

/** An event as it was staged: what to emit, and which row it was. */
export interface StagedDraft {
  readonly draft: DraftEvent
  readonly key: EventKey
}

const EVENTS_AT_ONCE = 1_000
const BYTES_AT_ONCE = 4 * 1024 * 1024

/**
 * Emits what was staged in transactions of the application, once they have committed.
 *
 * A release leaves out what is not there (not committed yet, rolled back, released by somebody else), so
 * whoever believes that there is something may try.
 */
export class Outbox {
  readonly #options: OutboxOptions
  readonly #seen: StagedDraft[] = []
  #releasingSeen: Promise<void> | null = null
  #releasing: Promise<void> | null = null

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  /** A transaction of this process has ended: its events are released without being read again. */
  seen(events: readonly StagedDraft[]): void {
    for (const event of events) this.#seen.push(event)
    this.#releasingSeen ??= this.#releaseSeen()
  }

  /** Releases everything that is there to be seen; a call while one is under way joins it. */
  release(): Promise<void> {
    this.#releasing ??= this.#releaseAll().finally(() => {
      this.#releasing = null
    })
    return this.#releasing
  }

  get isIdle(): boolean {
    return this.#releasingSeen === null && this.#releasing === null
  }

  /** Resolves when no release is under way. */
  async whenIdle(): Promise<void> {
    while (!this.isIdle) await Promise.allSettled([this.#releasingSeen, this.#releasing])
  }

  /** What is seen while a release is under way goes together into the next. */
  async #releaseSeen(): Promise<void> {
    try {
      await this.#options.ready()
      while (this.#seen.length > 0) await this.#emit(nextOf(this.#seen))
    } catch (error) {
      this.#seen.length = 0 // it is staged on disk: a worker's look finds it
      if (!(error instanceof StoppedError)) this.#options.onError(error)
    } finally {
      this.#releasingSeen = null
    }
  }

  async #releaseAll(): Promise<void> {
    await this.#options.ready()
    let last: EventKey | undefined
    for (;;) {
      const rows = await this.#options.engine.queries.staged(OUTBOX, EVENTS_AT_ONCE)
      const staged = rows.map((row) => ({ draft: stagedDraft(row), key: keyOf(row) }))
      const first = staged[0]?.key
      if (first === undefined || isSame(first, last)) return // what cannot be moved must not be tried for ever
      last = first
      while (staged.length > 0) await this.#emit(nextOf(staged))
      if (rows.length < EVENTS_AT_ONCE) return
    }
  }

  async #emit(staged: readonly StagedDraft[]): Promise<void> {
    const drafts = staged.map((each) => each.draft)
    await this.#options.committer.emit(drafts, bytesOf(drafts), {
      release: { eventGroupId: OUTBOX, keys: staged.map((each) => each.key) },
      onRefused: (index, error) => this.#options.onRefused(drafts[index] as DraftEvent, error),
    })
  }
}

/** As much as fits into one commit, taken off. */
function nextOf(staged: StagedDraft[]): StagedDraft[] {
  let count = 0
  for (let bytes = 0; count < Math.min(staged.length, EVENTS_AT_ONCE); count++) {
    bytes += bytesOf([(staged[count] as StagedDraft).draft])
    if (count > 0 && bytes > BYTES_AT_ONCE) break
  }
  return staged.splice(0, count)
}

function keyOf({ commitId, index }: EventKey): EventKey {
  return { commitId, index }
}

function isSame(key: EventKey, other: EventKey | undefined): boolean {
  return key.commitId === other?.commitId && key.index === other.index
}
