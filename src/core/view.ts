import type { CarillonEvent, EventExtra, EventMetadata, StoredEvent } from "./event.ts"
import { deepFreeze } from "./freeze.ts"
import { commitTime, eventId } from "./ids.ts"
import { parseScope, type Scope } from "./scope.ts"

/**
 * One event as everybody sees it: parsed once, frozen, and shared.
 *
 * Its own fields are those of Medusa's contract; everything else is a getter, so that a comparison
 * with `{ name, data, metadata }` holds and what nobody asks for costs nothing.
 */
export class EventView implements CarillonEvent {
  readonly name: string
  readonly data: unknown
  readonly metadata: EventMetadata
  readonly #stored: StoredEvent
  readonly #commitId: string
  readonly #index: number
  readonly #extra: EventExtra

  constructor(stored: StoredEvent, commitId: string, index: number) {
    this.#stored = stored
    this.#commitId = commitId
    this.#index = index
    this.#extra = stored.extra === null ? NO_EXTRA : (JSON.parse(stored.extra) as EventExtra)
    this.name = stored.name
    this.data = stored.data === null ? undefined : deepFreeze(JSON.parse(stored.data))
    this.metadata = metadataOf(this.#extra, stored.at, commitId)
    Object.freeze(this)
  }

  get id(): string {
    return this.#stored.id ?? eventId(this.#commitId, this.#index)
  }

  get sender(): string | null {
    return this.#stored.sender
  }

  get scope(): Scope {
    return parseScope(this.#stored.scope)
  }

  get key(): string | null {
    return this.#stored.key
  }

  get at(): Date {
    return new Date(this.#stored.at)
  }

  get causationId(): string | null {
    return this.#extra.causationId ?? null
  }

  get correlationId(): string | null {
    return this.#extra.correlationId ?? null
  }

  get traceparent(): string | null {
    return this.#extra.traceparent ?? null
  }

  get isUnresolved(): boolean {
    return this.#extra.unresolved === true
  }

  get stored(): StoredEvent {
    return this.#stored
  }

  get extra(): EventExtra {
    return this.#extra
  }

  get commitId(): string {
    return this.#commitId
  }

  get index(): number {
    return this.#index
  }

  /** All of it, for logs and APIs; a comparison sees only the contract's three fields. */
  toJSON(): Record<string, unknown> {
    const { id, name, data, metadata, sender, scope, key, at, causationId, correlationId, traceparent } = this
    return { id, name, data, metadata, sender, scope, key, at, causationId, correlationId, traceparent }
  }
}

const NO_EXTRA: EventExtra = Object.freeze({})

/** Events of one commit and one moment, without metadata of their own, have the same: the last is remembered. */
let lastPlain: { readonly at: number; readonly commitId: string; readonly metadata: EventMetadata } | null =
  null

function metadataOf(extra: EventExtra, at: number, commitId: string): EventMetadata {
  if (extra.metadata !== undefined) return newMetadata(extra.metadata, at, commitId)
  if (lastPlain === null || lastPlain.at !== at || lastPlain.commitId !== commitId) {
    lastPlain = { at, commitId, metadata: newMetadata(undefined, at, commitId) }
  }
  return lastPlain.metadata
}

/** A `Date` cannot be frozen, so each look makes a new one. */
function newMetadata(own: Record<string, unknown> | undefined, at: number, commitId: string): EventMetadata {
  const metadata = {
    ...(own === undefined ? undefined : deepFreeze(own)),
    get created_at() {
      return new Date(at)
    },
    get published_at() {
      return new Date(Math.max(at, commitTime(commitId)))
    },
  }
  return Object.freeze(metadata) as EventMetadata
}
