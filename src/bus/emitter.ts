import { checkData } from "../core/check-data.ts"
import type { Clock } from "../core/clock.ts"
import type { EventDefinition } from "../core/definition.ts"
import {
  expected,
  IdConflictError,
  InvalidInputError,
  StoreError,
  UnknownEventError,
} from "../core/errors.ts"
import { type DraftEvent, type EmitOptions, type EventInput, publishedOf } from "../core/event.ts"
import { eventId, MAX_EVENTS_PER_COMMIT } from "../core/ids.ts"
import { nearestName } from "../core/pattern.ts"
import { scopeKeys } from "../core/scope.ts"
import type { Engine } from "../engine/engine.ts"
import type { WrittenTrace } from "../telemetry/trace-context.ts"
import type { Tracing } from "../telemetry/tracing.ts"
import type { Committer, Receipt } from "../worker/committer.ts"
import { currentStep } from "../worker/current-step.ts"
import { currentDelivery } from "../worker/delivery.ts"
import { bytesOf, checkText, type DraftDefaults, type Origin, toDraft } from "./draft.ts"
import { inWordsOfTheKey, keyInTransaction, keyOverGroups, underKey } from "./idempotency.ts"
import type { Refused } from "./outbox.ts"
import { stagedDraft, stagedInput } from "./staged.ts"
import type { Subscriptions } from "./subscriptions.ts"
import { checkCount, type Transactional } from "./transactional.ts"
import type { WithinScopes } from "./within.ts"

/** Sees every event before it goes out; its errors are logged and stop nothing. */
export type Interceptor = (
  message: EventInput,
  context: { readonly isGrouped?: boolean; readonly eventGroupId?: string },
) => void | Promise<void>

export interface EmitterOptions {
  readonly engine: Engine
  readonly clock: Clock
  readonly committer: Committer
  readonly subscriptions: Subscriptions
  readonly defaults: DraftDefaults
  readonly definitions: ReadonlyMap<string, EventDefinition>
  readonly onlyDefined: boolean // names without a definition are refused
  readonly tracing: Tracing
  readonly commitId: () => string
  readonly transactional: Transactional
  readonly onRefused: Refused
  readonly onInterceptorError: (error: unknown) => void
  /** Events are about to be staged under this group. */
  readonly onStage: (eventGroupId: string) => void
}

/** What is to be dropped of an event group. */
export interface ClearOptions extends WithinScopes {
  /** Only events of these names. */
  readonly eventNames?: readonly string[]
  /** Only these events. */
  readonly eventIds?: readonly string[]
}

/** Takes events in: checks them all, then stages or writes them; nothing of a bad emit is written. */
export class Emitter {
  readonly #options: EmitterOptions
  readonly #interceptors = new Set<Interceptor>()

  constructor(options: EmitterOptions) {
    this.#options = options
  }

  addInterceptor(interceptor: Interceptor): void {
    this.#interceptors.add(interceptor)
  }

  removeInterceptor(interceptor: Interceptor): void {
    this.#interceptors.delete(interceptor)
  }

  /**
   * The ids of the events, or nothing where nobody asks: making receipts has its price too.
   *
   * What the caller hands over is serialised before this returns, unless a schema of its own has to be
   * waited for.
   */
  emit(
    input: EventInput | readonly EventInput[],
    options: EmitOptions | undefined,
    receipts: boolean,
  ): Promise<Receipt[]> {
    // A hole in an array becomes an undefined, which is refused like any other.
    const inputs = Array.isArray(input) ? (Array.from(input) as readonly EventInput[]) : [input as EventInput]
    const span = this.#options.tracing.emitting(inputs)
    if (span === null) return this.#emit(inputs, options, receipts)
    const done = span.within(() => this.#emit(inputs, options, receipts))
    done.then(
      (written) => span.end({ attributes: messageOf(written) }),
      (error) => span.end({ error }),
    )
    return done
  }

  #emit(
    inputs: readonly EventInput[],
    options: EmitOptions | undefined,
    receipts: boolean,
  ): Promise<Receipt[]> {
    try {
      const checked = this.#check(inputs)
      return checked instanceof Promise
        ? checked.then((done) => this.#emitChecked(done, options ?? undefined, receipts))
        : this.#emitChecked(checked, options ?? undefined, receipts)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #emitChecked(
    inputs: readonly EventInput[],
    options: EmitOptions | undefined,
    receipts: boolean,
  ): Promise<Receipt[]> {
    if ((options?.idempotencyKey ?? null) !== null)
      return this.#emitOnce(inputs, options as EmitOptions, receipts)
    if (options?.tx !== undefined) {
      const done = this.#emitWithin(options.tx, inputs, options)
      return receipts ? done : done.then(() => NO_RECEIPTS)
    }
    return this.#emitDrafts(inputs, this.#toDrafts(inputs, options), receipts)
  }

  #emitDrafts(
    inputs: readonly EventInput[],
    drafts: readonly DraftEvent[],
    receipts: boolean,
  ): Promise<Receipt[]> {
    this.#interceptAll(inputs)
    const { subscriptions } = this.#options
    if (!subscriptions.hasPending) return this.#write(inputs, drafts, receipts)
    return subscriptions.ready().then(() => this.#write(inputs, drafts, receipts))
  }

  /** In one write, so that a call which is refused has written nothing. */
  #emitOnce(inputs: readonly EventInput[], options: EmitOptions, receipts: boolean): Promise<Receipt[]> {
    const { idempotencyKey, ...others } = options
    if (others.tx !== undefined) throw keyInTransaction()
    const drafts = underKey(idempotencyKey, this.#toDrafts(inputs, others), inputs)
    const groups = byGroup(inputs).size
    if (groups > 1) throw keyOverGroups(groups)
    return this.#emitDrafts(inputs, drafts, receipts).catch((error) => {
      throw inWordsOfTheKey(error, drafts)
    })
  }

  /** Everything is checked first: a statement that failed would have ended the caller's transaction. */
  async #emitWithin(given: unknown, inputs: readonly EventInput[], options: EmitOptions): Promise<Receipt[]> {
    const { transactional } = this.#options
    const tx = transactional.accept(given)
    const drafts = this.#toDrafts(inputs, { ...options, tx: undefined })
    const groups = byGroup(inputs)
    this.#interceptAll(inputs)
    const receipts: Receipt[] = new Array(inputs.length)
    for (const [group, indexes] of groups) {
      if (group !== undefined) this.#options.onStage(group)
      const done = await transactional.stage(tx, group, pick(drafts, indexes))
      place(done, indexes, receipts)
    }
    return receipts
  }

  #write(
    inputs: readonly EventInput[],
    drafts: readonly DraftEvent[],
    receipts: boolean,
  ): Promise<Receipt[]> {
    if (inputs.length > 0 && !inputs.some(isGrouped)) {
      return this.#options.committer.emit(drafts, bytesOf(drafts), { receipts })
    }
    const done = this.#emitGrouped(inputs, drafts)
    return receipts ? done : done.then(() => NO_RECEIPTS)
  }

  /**
   * Emits what is staged under the group now, in one commit (a group of more than 32,768 events in
   * several). Releasing nothing writes nothing. An event whose id turns out to be another's, which could
   * not be asked inside a transaction, is refused alone.
   */
  async release(eventGroupId: string, { scopes }: WithinScopes = {}): Promise<void> {
    checkGroupId(eventGroupId)
    const keys = scopeKeys(scopes)
    const staged = await this.#options.engine.queries.staged(eventGroupId)
    const rows = keys === undefined ? staged : staged.filter((row) => keys.includes(row.scope))
    if (rows.length === 0) return
    if (this.#options.subscriptions.hasPending) await this.#options.subscriptions.ready()
    const drafts = rows.map(stagedDraft)
    if (this.#interceptors.size > 0)
      for (const row of rows) this.#intercept(stagedInput(row), { isGrouped: true, eventGroupId })
    const places = rows.map(({ commitId, index }) => ({ commitId, index }))
    for (let from = 0; from < drafts.length; from += MAX_EVENTS_PER_COMMIT) {
      const some = drafts.slice(from, from + MAX_EVENTS_PER_COMMIT)
      const release = { eventGroupId, keys: places.slice(from, from + MAX_EVENTS_PER_COMMIT) }
      await this.#options.committer.emit(some, bytesOf(some), {
        release,
        onRefused: (index, error) => this.#options.onRefused(some[index] as DraftEvent, error),
      })
    }
  }

  async clear(eventGroupId: string, { eventNames, eventIds, scopes }: ClearOptions = {}): Promise<void> {
    checkGroupId(eventGroupId)
    checkTexts("eventNames", "event names", eventNames)
    checkTexts("eventIds", "event ids", eventIds)
    const names = eventNames ?? null
    const keys = scopeKeys(scopes)
    await this.#options.committer.write({ kind: "clear", eventGroupId, names, ids: eventIds, scopes: keys })
  }

  #toDrafts(inputs: readonly EventInput[], options: EmitOptions | undefined): DraftEvent[] {
    if (options !== undefined && (typeof options !== "object" || Array.isArray(options))) {
      throw new InvalidInputError(expected("the options of `emit` to be an object", options))
    }
    const now = this.#options.clock.now()
    const { cause, defaults } = this.#origin()
    const { tracing } = this.#options
    const origin = tracing.isOn ? tracedOrigin(cause, tracing.written) : cause
    return inputs.map((input) => toDraft(input, options, origin, now, defaults))
  }

  /** Inside a handler or a step: what is emitted comes from it, and lies in its scope. */
  #origin(): { readonly cause: Origin | null; readonly defaults: DraftDefaults } {
    const { defaults } = this.#options
    const step = currentStep.getStore()
    if (step !== undefined) return { cause: step.cause, defaults: { ...defaults, scope: step.scope } }
    const view = currentDelivery.getStore()?.view
    if (view === undefined) return { cause: null, defaults }
    return { cause: view, defaults: { ...defaults, scope: view.stored.scope } }
  }

  /** Ungrouped events go at once, each group is staged for itself; receipts stay in the order of the input. */
  async #emitGrouped(inputs: readonly EventInput[], drafts: readonly DraftEvent[]): Promise<Receipt[]> {
    const receipts: Receipt[] = new Array(inputs.length)
    const writes = [...byGroup(inputs)].map(async ([group, indexes]) => {
      const some = pick(drafts, indexes)
      const done =
        group === undefined
          ? await this.#options.committer.emit(some, bytesOf(some))
          : await this.#stage(group, some)
      place(done, indexes, receipts)
    })
    await Promise.all(writes)
    return receipts
  }

  async #stage(eventGroupId: string, drafts: readonly DraftEvent[]): Promise<Receipt[]> {
    this.#options.onStage(eventGroupId)
    const commitId = this.#options.commitId()
    const events = drafts.map((draft, index) => ({ ...draft, id: draft.id ?? eventId(commitId, index) }))
    const result = await this.#options.committer.write({ kind: "stage", commitId, eventGroupId, events })
    if (result.status === "conflict") throw new IdConflictError(result.message)
    if (result.status !== "ok") throw new StoreError("The store refused to stage events.")
    const fresh = new Set(result.fresh)
    return events.map((event, i) => ({ id: event.id, existing: !fresh.has(i) }))
  }

  /** The events as their definitions return them; a promise only where a schema is asynchronous. */
  #check(inputs: readonly EventInput[]): readonly EventInput[] | Promise<readonly EventInput[]> {
    const { definitions, onlyDefined } = this.#options
    if (definitions.size === 0 && !onlyDefined) return inputs
    const checked = inputs.map((input) => {
      const definition = definitions.get(input?.name)
      if (definition === undefined) {
        if (onlyDefined) throw this.#unknown(input?.name)
        return input
      }
      if (publishedOf(input)?.isUnresolved === true) return input // its schema is that of what it will be
      const data = checkData(definition, input.data)
      return data instanceof Promise ? data.then((done) => ({ ...input, data: done })) : { ...input, data }
    })
    return checked.some((each) => each instanceof Promise)
      ? Promise.all(checked)
      : (checked as readonly EventInput[])
  }

  #unknown(name: unknown): UnknownEventError {
    const near = typeof name === "string" ? nearestName(name, this.#options.definitions.keys()) : null
    const mend = near === null ? "Define it, or set `onlyDefined: false`." : `Did you mean \`${near}\`?`
    return new UnknownEventError(`${expected("the name of a defined event", name)} ${mend}`)
  }

  #interceptAll(inputs: readonly EventInput[]): void {
    if (this.#interceptors.size === 0) return
    for (const each of inputs) if (!isGrouped(each)) this.#intercept(each, {})
  }

  #intercept(message: EventInput, context: Parameters<Interceptor>[1]): void {
    for (const interceptor of this.#interceptors) {
      try {
        Promise.resolve(interceptor(message, context)).catch(this.#options.onInterceptorError)
      } catch (error) {
        this.#options.onInterceptorError(error)
      }
    }
  }
}

const NO_RECEIPTS = undefined as unknown as Receipt[]

/** The trace of whoever emits is nearer than that of the event which brought them to it. */
function tracedOrigin(cause: Origin | null, written: WrittenTrace): Origin | null {
  if (written.traceparent === null) return cause
  return { id: cause?.id ?? null, correlationId: cause?.correlationId ?? null, ...written }
}

function messageOf(receipts: readonly Receipt[] | undefined): { readonly "messaging.message.id"?: string } {
  const [only, ...more] = receipts ?? []
  return only === undefined || more.length > 0 ? {} : { "messaging.message.id": only.id }
}

/** The indexes of each event group's events; undefined = of those that are in none. */
function byGroup(inputs: readonly EventInput[]): Map<string | undefined, number[]> {
  const groups = new Map<string | undefined, number[]>()
  inputs.forEach((input, i) => {
    const group = groupOf(input)
    if (group !== undefined) checkGroupId(group)
    const indexes = groups.get(group)
    if (indexes === undefined) groups.set(group, [i])
    else indexes.push(i)
  })
  for (const indexes of groups.values()) checkCount(indexes.length)
  return groups
}

function pick<T>(all: readonly T[], indexes: readonly number[]): T[] {
  return indexes.map((i) => all[i] as T)
}

function place(done: readonly Receipt[], indexes: readonly number[], receipts: Receipt[]): void {
  indexes.forEach((i, j) => {
    receipts[i] = done[j] as Receipt
  })
}

function groupOf(input: EventInput): string | undefined {
  const id = (input?.metadata as { eventGroupId?: string | null } | null | undefined)?.eventGroupId
  return id === null ? undefined : id
}

function isGrouped(input: EventInput): boolean {
  return groupOf(input) !== undefined
}

function checkTexts(field: string, what: string, texts: unknown): void {
  if (texts === undefined) return
  if (!Array.isArray(texts) || !texts.every((text) => typeof text === "string"))
    throw new InvalidInputError(expected(`\`${field}\` to be an array of ${what}`, texts))
}

function checkGroupId(id: unknown): void {
  if (typeof id === "string") checkText("eventGroupId", id)
  else throw new InvalidInputError(expected("an event group's id to be a string of 1 to 255 characters", id))
}
