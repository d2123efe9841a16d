import { isResolvable, resolved } from "../bus/resolution.ts"
import { checkData } from "../core/check-data.ts"
import type { Clock } from "../core/clock.ts"
import type { EventDefinition } from "../core/definition.ts"
import { EventTooLargeError, ResolveError, UnserialisableError } from "../core/errors.ts"
import { deepFreeze } from "../core/freeze.ts"
import { checkArguments, type ResolveContext } from "../core/resolver.ts"
import type { EventView } from "../core/view.ts"
import { type Asker, type Found, Lookup } from "./lookup.ts"

export interface ResolversOptions {
  readonly definitions: ReadonlyMap<string, EventDefinition>
  readonly container: ResolveContext["container"]
  readonly clock: Pick<Clock, "monotonic">
  readonly mostBytes: number // of one event's data, as JSON
}

/**
 * What webhooks tell of events: their data, or, of those that were published to be resolved late, what their resolver
 * says now. Deliveries of one event that come together share one look, and so do those that come right after it.
 */
export class Resolvers {
  readonly #options: ResolversOptions
  readonly #lookups = new Map<string, Lookup>() // the oldest first

  constructor(options: ResolversOptions) {
    this.#options = options
  }

  /**
   * Frozen, and shared with other deliveries of the same event. Whoever asks once more is tried again, and gets how
   * things stand now.
   *
   * @throws ResolveError, SchemaError, or what a resolver threw to say whether and when to try again. A definition that
   *   is not here may be known by another process, or after the next deploy: no failure is final that does not say so
   */
  async resolve(event: EventView, asker: Asker): Promise<unknown> {
    if (!event.isUnresolved) return event.data
    asker.signal.throwIfAborted()
    const oldest = this.#options.clock.monotonic() - KEEP_MS
    const standing = this.#lookups.get(event.id)
    const isGood = standing !== undefined && !standing.isOlder(oldest) && !standing.wasAskedBy(asker)
    if (isGood) return standing.join(asker)
    this.#lookups.delete(event.id)
    this.#forget(oldest)
    return this.#start(event).join(asker)
  }

  #start(event: EventView): Lookup {
    const lookup = new Lookup((signal) => this.#lookUp(event, signal))
    this.#lookups.set(event.id, lookup)
    lookup.onVoid(() => {
      if (this.#lookups.get(event.id) === lookup) this.#lookups.delete(event.id)
    })
    return lookup
  }

  /** What is too old, and the first where it is too much. */
  #forget(oldest: number): void {
    let length = 0
    for (const lookup of this.#lookups.values()) length += lookup.length
    for (const [id, lookup] of this.#lookups) {
      const isTooMuch = this.#lookups.size >= MOST_KEPT || length > MOST_KEPT_LENGTH
      if (!lookup.isOlder(oldest) && !isTooMuch) continue
      this.#lookups.delete(id)
      length -= lookup.length
    }
  }

  async #lookUp(event: EventView, signal: AbortSignal): Promise<Found> {
    const { definitions, container } = this.#options
    const definition = definitions.get(event.name)
    if (definition === undefined || !isResolvable(definition)) throw undefinedHere(event.name)
    const { data: args, metadata } = event
    checkArguments(event.name, args)
    const storeId = typeof metadata.storeId === "number" ? metadata.storeId : null
    const found = await resolved(definition, args, { container, signal, event, storeId, tx: undefined })
    return this.#asJson(event.name, await checkData(definition, found))
  }

  /** As it would read in a body: what receivers get must not hang on classes, and nobody changes it for another. */
  #asJson(name: string, value: unknown): Found {
    const text = jsonOf(name, value)
    const bytes = Buffer.byteLength(text)
    if (bytes > this.#options.mostBytes)
      throw new EventTooLargeError(
        `Expected what the resolver of \`${name}\` returns to take at most ${this.#options.mostBytes} bytes as JSON, got ${bytes}. Return less, or raise \`mostEventBytes\`.`,
      )
    return { value: deepFreeze(JSON.parse(text)), length: text.length, at: this.#options.clock.monotonic() }
  }
}

/** Long enough for a fan-out, short enough to tell how things stand. */
const KEEP_MS = 2_000
const MOST_KEPT = 500
const MOST_KEPT_LENGTH = 16 * 1024 * 1024

function jsonOf(name: string, value: unknown): string {
  try {
    return JSON.stringify(value ?? null) ?? "null"
  } catch (cause) {
    throw new UnserialisableError(
      `Expected the resolver of \`${name}\` to return something JSON can hold, got: ${(cause as Error).message.split("\n")[0]}`,
      { cause },
    )
  }
}

function undefinedHere(name: string): ResolveError {
  return new ResolveError(
    `Expected a definition of \`${name}\` with \`resolve\`, got none in this process. Give it to every process that sends webhooks, in \`definitions\` or \`src/events\`.`,
  )
}
