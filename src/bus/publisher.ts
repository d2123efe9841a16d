import type { EventDefinition } from "../core/definition.ts"
import { expected, InvalidInputError, UnknownEventError } from "../core/errors.ts"
import { type EmitOptions, type EventInput, PUBLISHED, type Published } from "../core/event.ts"
import { nearestName } from "../core/pattern.ts"
import { type Arguments, callArguments, checkArguments, type ResolveContext } from "../core/resolver.ts"
import type { Receipt } from "../worker/committer.ts"
import { EVENT_QUEUE, fromQueue, type QueueMessage, storeIdOf } from "./queue-form.ts"
import { isResolvable, type Resolvable, resolved } from "./resolution.ts"

/** What may be said of an event that is published, beside its arguments. */
export interface PublishOptions extends Pick<EmitOptions, Wish> {
  /**
   * The store of a shop that it is of: subscriptions to one store hear of that, of no store, and of 0, which is all.
   * Kept as `metadata.storeId`.
   */
  readonly storeId?: number
  /** Handed on to handlers. */
  readonly metadata?: Readonly<Record<string, unknown>>
  /** An id of your own: the same event with the same arguments again, within 7 days, is one. */
  readonly id?: string
}

type Wish = "scope" | "key" | "sender" | "delay" | "deliverAt" | "priority" | "idempotencyKey" | "tx"

/** `carillon.publish`, and `publish` of the event module. */
export interface Publish {
  <Args>(
    event: EventDefinition<unknown, unknown, Args>,
    args: Args,
    options?: PublishOptions,
  ): Promise<Receipt[]>
  (topic: typeof EVENT_QUEUE, message: QueueMessage, options?: PublishOptions): Promise<Receipt[]>
  (event: string, args: Readonly<Record<string, unknown>>, options?: PublishOptions): Promise<Receipt[]>
}

export interface PublisherOptions {
  readonly definitions: ReadonlyMap<string, EventDefinition>
  readonly container: ResolveContext["container"]
  readonly emit: (input: EventInput, options: EmitOptions) => Promise<Receipt[]>
}

/** Events by what they are about, instead of by what they tell. */
export class Publisher {
  readonly #options: PublisherOptions

  constructor(options: PublisherOptions) {
    this.#options = options
  }

  async publish(event: unknown, given: unknown, options: PublishOptions = {}): Promise<Receipt[]> {
    checkOptions(options)
    if (!this.#isQueued(event, given)) return this.#publish(nameOf(event), given, options)
    const { name, args, storeId } = fromQueue(given)
    return this.#publish(name, args, { ...options, storeId: oneStore(options.storeId, storeId) })
  }

  /** An event may have the topic's name; its arguments are no list. */
  #isQueued(event: unknown, given: unknown): boolean {
    return event === EVENT_QUEUE && (Array.isArray(given) || !this.#options.definitions.has(EVENT_QUEUE))
  }

  async #publish(name: string, args: unknown, options: PublishOptions): Promise<Receipt[]> {
    const definition = this.#definitionOf(name)
    checkArguments(name, args)
    const storeId = storeIdOf(options.storeId)
    if (!isResolvable(definition)) return this.#emit({ name, data: args }, { ...options, storeId })
    const { resolve, resolveAt } = definition
    if (typeof resolve !== "function") callArguments(resolve, args)
    const published: Published = { isUnresolved: resolveAt === "delivery", args }
    const data = published.isUnresolved
      ? args
      : await this.#resolve(definition, args, { ...options, storeId })
    return this.#emit({ name, data, [PUBLISHED]: published } as EventInput, { ...options, storeId })
  }

  #resolve(definition: Resolvable, args: Arguments, { storeId, tx }: PublishOptions): Promise<unknown> {
    const { container } = this.#options
    const { signal } = new AbortController()
    return resolved(definition, args, { container, signal, event: null, storeId: storeId ?? null, tx })
  }

  #emit(input: EventInput, { storeId, metadata, id, ...wishes }: PublishOptions): Promise<Receipt[]> {
    // Metadata that are none are for `emit` to refuse.
    const isPlain = storeId === undefined || (metadata !== undefined && typeof metadata !== "object")
    return this.#options.emit(
      { ...input, metadata: isPlain ? metadata : { ...metadata, storeId }, id },
      wishes,
    )
  }

  #definitionOf(name: string): EventDefinition {
    const { definitions } = this.#options
    const definition = definitions.get(name)
    if (definition !== undefined) return definition
    const near = nearestName(name, definitions.keys())
    const mend = near === null ? "Define it with `defineEvent`, or emit it." : `Did you mean \`${near}\`?`
    throw new UnknownEventError(`${expected("the name of a defined event", name)} ${mend}`)
  }
}

function nameOf(event: unknown): string {
  const name = typeof event === "object" && event !== null ? (event as { name?: unknown }).name : event
  if (typeof name === "string") return name
  throw new InvalidInputError(expected("an event's name or its definition", event))
}

/** Of a message that names one, and options that do. */
function oneStore(wished: unknown, named: number | undefined): number | undefined {
  const storeId = storeIdOf(wished)
  if (storeId === undefined || named === undefined || storeId === named) return storeId ?? named
  throw new InvalidInputError(`Expected one store, got ${named} and ${storeId}.`)
}

/** Like those of `emit`, they may have others beside; what is nearly one of ours is a slip. */
function checkOptions(options: unknown): void {
  if (typeof options !== "object" || options === null || Array.isArray(options))
    throw new InvalidInputError(expected("the options of `publish` to be an object", options))
  for (const name of Object.keys(options)) {
    const near = OPTIONS.includes(name) ? null : nearestName(name, OPTIONS)
    if (near !== null)
      throw new InvalidInputError(`\`publish\` has no option \`${name}\`. Did you mean \`${near}\`?`)
  }
}

const OPTIONS: readonly string[] = [
  "storeId",
  "metadata",
  "id",
  "scope",
  "key",
  "sender",
  "delay",
  "deliverAt",
  "priority",
  "idempotencyKey",
  "tx",
] satisfies (keyof PublishOptions)[]
