import { DuplicateSubscriberError, expected, InvalidInputError, StoreError } from "../core/errors.ts"
import { compileFilter } from "../core/filter.ts"
import { compileNamePattern, nearestName } from "../core/pattern.ts"
import { type Policy, type ResolvedPolicy, resolvePolicy } from "../core/policy.ts"
import { type Scope, scopeKey } from "../core/scope.ts"
import type { SubscriptionDefinition } from "../core/subscription.ts"
import type { CatalogCache } from "../worker/catalog-cache.ts"
import type { Committer } from "../worker/committer.ts"
import { HandlerEntry, type HandlerFunction, type Handlers } from "../worker/handlers.ts"

/** The terms on which a handler subscribes. */
export interface SubscribeOptions {
  /**
   * The subscription's lasting name. Give one: what waits for it then finds it again after a restart.
   *
   * @defaultValue the function's name in kebab-case; a function without a name subscribes only for the
   *   life of this process, with a warning
   */
  readonly subscriberId?: string
  /** Retries, time limits, concurrency, order. What is left out comes from the Carillon's `policy`. */
  readonly policy?: Policy
  /** An event pattern, as in EventBridge: only events that match are delivered. */
  readonly filter?: unknown
  /** Only events of this sender. */
  readonly sender?: string
  /**
   * Only events of this scope; null = of every one.
   *
   * @defaultValue the Carillon's own scope where it was given one, else events of every scope
   */
  readonly scope?: Partial<Scope> | string | null
  /**
   * Where a subscription that is new begins: with what is emitted from now on, with all that is kept,
   * or with what was emitted since a date. Of no effect on one that exists.
   *
   * @defaultValue "now"
   */
  readonly start?: "now" | "beginning" | Date
}

export interface SubscriptionsOptions {
  readonly committer: Committer
  readonly catalog: CatalogCache
  readonly handlers: Handlers
  readonly group: string
  readonly policy: Policy
  readonly scope: string | null // of subscriptions that name none; null = every scope
  readonly warn: (message: string) => void
  /** The number of this process as a worker: ephemeral subscriptions end with it. */
  readonly joinWorker: () => Promise<number>
  readonly onReady: () => void // handlers were added: there may be work for them
  readonly onDetached: (handler: HandlerEntry) => void // it is to run nothing more here
  readonly newId: () => string
}

interface Registration {
  readonly pattern: string
  readonly subscriberId: string
  readonly fn: unknown
  readonly entry: Promise<HandlerEntry>
  detached: boolean
}

/** The catalog's name of a subscription: one subscriber may listen to several patterns. */
function subscriptionId(subscriberId: string, pattern: string): string {
  return `${subscriberId}@${pattern}`
}

/** The subscriptions of this process: what it listens to, and the handlers that the worker runs. */
export class Subscriptions {
  readonly #options: SubscriptionsOptions
  readonly #byPattern = new Map<string, Registration[]>()
  #pending: Promise<unknown>[] = []
  #failure: unknown = null

  constructor(options: SubscriptionsOptions) {
    this.#options = options
  }

  get hasPending(): boolean {
    return this.#pending.length > 0
  }

  /** Resolves when every subscription made so far stands in the catalog; rejects if one was refused. */
  async ready(): Promise<void> {
    while (this.#pending.length > 0)
      await Promise.all(this.#pending.splice(0).map((each) => each.catch(() => {})))
    if (this.#failure === null) return
    const failure = this.#failure
    this.#failure = null
    throw failure
  }

  add(pattern: string, fn: unknown, run: HandlerFunction, given?: SubscribeOptions): void {
    const options = checkOptions(given)
    if (typeof fn !== "function") {
      throw new InvalidInputError(`Subscriber must be a function. ${expected("a function", fn)}`)
    }
    compileNamePattern(pattern)
    const { subscriberId, ephemeral } = this.#identify(pattern, fn as { name: string }, options.subscriberId)
    const definition = this.#define(pattern, options)
    const startAt = startAtOf(options.start)
    if (ephemeral) this.#warnEphemeral(pattern)
    const entry = this.#register(subscriberId, definition, run, ephemeral, startAt)
    const registration = { pattern, subscriberId, fn, entry, detached: false }
    this.#of(pattern).push(registration)
    this.#track(entry)
  }

  /** By id or by function; what is not there is no error. */
  remove(pattern: string, fn: unknown, subscriberId?: string): void {
    const registrations = this.#of(pattern)
    const index = registrations.findIndex((each) =>
      subscriberId === undefined ? each.fn === fn : each.subscriberId === subscriberId,
    )
    const registration = registrations[index]
    if (registration === undefined) return
    registrations.splice(index, 1)
    registration.detached = true
    this.#track(registration.entry.then((entry) => this.#detach(pattern, registration, entry)))
  }

  #of(pattern: string): Registration[] {
    let registrations = this.#byPattern.get(pattern)
    if (registrations === undefined) {
      registrations = []
      this.#byPattern.set(pattern, registrations)
    }
    return registrations
  }

  #track(work: Promise<unknown>): void {
    this.#pending.push(work)
    work.catch((error) => {
      this.#failure ??= error
    })
  }

  #identify(
    pattern: string,
    fn: { name: string },
    given: unknown,
  ): { subscriberId: string; ephemeral: boolean } {
    const taken = (id: string): boolean => this.#of(pattern).some((each) => each.subscriberId === id)
    if (given !== undefined) {
      if (!isSubscriberId(given)) {
        const what =
          "`subscriberId` to be a string of 1 to 200 characters, not blank and without control characters"
        throw new InvalidInputError(expected(what, given))
      }
      if (taken(given)) {
        throw new DuplicateSubscriberError(
          `Subscriber with id ${given} already exists on \`${pattern}\`. Give each subscriber of an event an id of its own.`,
        )
      }
      return { subscriberId: given, ephemeral: false }
    }
    const name = /^(_?default|anonymous)/.test(fn.name) ? "" : kebabCase(fn.name)
    if (name === "") return { subscriberId: this.#options.newId(), ephemeral: true }
    let subscriberId = name
    for (let n = 2; taken(subscriberId); n++) subscriberId = `${name}-${n}`
    return { subscriberId, ephemeral: false }
  }

  #define(pattern: string, { policy, filter, sender, scope }: SubscribeOptions): SubscriptionDefinition {
    if (filter !== undefined && filter !== null) compileFilter(filter)
    if (sender !== undefined && (typeof sender !== "string" || sender === "")) {
      throw new InvalidInputError(expected("`sender` to be a string that is not empty", sender))
    }
    return {
      pattern,
      filter: filter ?? null,
      sender: sender ?? null,
      scope: scope === undefined ? this.#options.scope : scope === null ? null : scopeKey(scope),
      target: { kind: "handler" },
      policy: resolvePolicy(policy, this.#options.policy),
      paused: false,
    }
  }

  #warnEphemeral(pattern: string): void {
    this.#options.warn(
      `A subscriber of \`${pattern}\` has neither a subscriberId nor a function name: it is ephemeral, and what waits for it ends with this process. Give it a subscriberId.`,
    )
  }

  async #register(
    subscriberId: string,
    definition: SubscriptionDefinition,
    run: HandlerFunction,
    ephemeral: boolean,
    startAt: number | null,
  ): Promise<HandlerEntry> {
    const { committer, catalog, handlers, group } = this.#options
    const id = subscriptionId(subscriberId, definition.pattern)
    const result = await committer.write({
      kind: "put-subscription",
      group,
      id,
      worker: ephemeral ? await this.#options.joinWorker() : null,
      definition,
      startAt,
      keepPaused: true,
    })
    if (result.status !== "ok")
      throw new StoreError(`The subscription \`${id}\` was refused: ${JSON.stringify(result)}`)
    await catalog.refresh()
    const no = result.jobs?.[0]?.no as number
    const paused = catalog.router.subscriptions.find((each) => each.no === no)?.definition.paused ?? false
    const entry = new HandlerEntry({
      no,
      id,
      run,
      policy: definition.policy as ResolvedPolicy,
      ephemeral,
      paused,
    })
    handlers.add(entry)
    this.#options.onReady()
    return entry
  }

  async #detach(pattern: string, registration: Registration, entry: HandlerEntry): Promise<void> {
    const { committer, catalog, handlers, group } = this.#options
    handlers.remove(entry.no)
    this.#options.onDetached(entry)
    if (!entry.ephemeral) return
    await committer.write({
      kind: "end-subscription",
      group,
      id: subscriptionId(registration.subscriberId, pattern),
    })
    await catalog.refresh()
  }
}

function startAtOf(start: SubscribeOptions["start"]): number | null {
  if (start === undefined || start === "now") return null
  if (start === "beginning") return 0
  if (start instanceof Date && Number.isFinite(start.getTime())) return start.getTime()
  throw new InvalidInputError(expected('`start` to be "now", "beginning" or a valid Date', start))
}

function isSubscriberId(id: unknown): id is string {
  return (
    typeof id === "string" && id.trim() !== "" && id.length <= 200 && !/\p{Cc}/u.test(id) && id.isWellFormed()
  )
}

const OPTIONS: readonly (keyof SubscribeOptions)[] = [
  "subscriberId",
  "policy",
  "filter",
  "sender",
  "scope",
  "start",
]

/** Other systems put fields of their own here; what is nearly one of ours is a slip. */
function checkOptions(options: unknown): SubscribeOptions {
  if (options === null || options === undefined) return {}
  if (typeof options !== "object" || Array.isArray(options)) {
    throw new InvalidInputError(expected("the options of `subscribe` to be an object", options))
  }
  for (const name of Object.keys(options)) {
    const near = OPTIONS.includes(name as keyof SubscribeOptions) ? null : nearestName(name, OPTIONS)
    if (near !== null)
      throw new InvalidInputError(`\`subscribe\` has no option \`${name}\`. Did you mean \`${near}\`?`)
  }
  return options as SubscribeOptions
}

/** `handleBrandCreated` → `handle-brand-created`. */
export function kebabCase(name: string): string {
  return name
    .replace(/^bound /, "")
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1-$2")
    .replace(/[^A-Za-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .toLowerCase()
}
