import type { Clock, Timer } from "../core/clock.ts"
import type { EndpointState, Failing, Stalled } from "../core/endpoint.ts"
import { attemptTimeout } from "../core/retry.ts"
import type { SubscriptionTarget, SubscriptionVersion } from "../core/subscription.ts"
import type { EventView } from "../core/view.ts"
import type { KeyRing } from "../identity/key-ring.ts"
import type { RecordSource } from "../identity/records.ts"
import type { CatalogCache } from "../worker/catalog-cache.ts"
import type { DeliveryContext } from "../worker/delivery.ts"
import { HandlerEntry } from "../worker/handlers.ts"
import { Postponed } from "../worker/job-run.ts"
import type { Worker } from "../worker/worker.ts"
import { Allotment } from "./allotment.ts"
import type { Attempted, WantsNoMore } from "./attempt.ts"
import type { BreakerSettings } from "./breaker.ts"
import { Endpoint } from "./endpoint.ts"
import { EndpointStates } from "./endpoint-states.ts"
import { FaultLog } from "./fault-log.ts"
import type { NotifierBook } from "./notifier-book.ts"
import { OpenedWebhooks } from "./opened-webhooks.ts"
import { Sending, type SendingOptions, type ToSend } from "./sending.ts"

export interface OutboundOptions {
  readonly catalog: CatalogCache
  readonly worker: Worker
  readonly records: RecordSource
  readonly ring: () => Promise<KeyRing>
  readonly clock: Clock
  readonly random: () => number
  readonly group: string
  /** Attempts that may run at one time in this process, of all webhooks. */
  readonly slots: number
  readonly breaker: BreakerSettings
  readonly notifiers: NotifierBook
  readonly resolve: SendingOptions["resolve"]
  /** What is to be told of an endpoint: it was sent to rest, it is back. */
  readonly onMoved: (webhook: WebhookTold, from: EndpointState, to: EndpointState) => void
  /** All its attempts fail since then. */
  readonly onFailing: (webhook: WebhookTold, failing: Failing) => void
  /** Nothing can be sent there, for a fault of our own. */
  readonly onStalled: (webhook: WebhookTold, stalled: Stalled) => void
  /** Its recipient wants nothing more. */
  readonly onGone: (webhook: WebhookTold, said: WantsNoMore) => Promise<void>
  readonly warn: (message: string) => void
  readonly onError: (error: unknown) => void
}

/** Of which webhook subscription something is told. */
export type WebhookTold = Pick<SubscriptionVersion, "no" | "id" | "group" | "definition">

type WebhookVersion = SubscriptionVersion & {
  readonly definition: { readonly target: Extract<SubscriptionTarget, { kind: "webhook" }> }
}

interface Held {
  version: WebhookVersion
  entry: HandlerEntry
  readonly endpoint: Endpoint
}

/** What a notifier does after its time is over, to tell of it, is still within the attempt. */
const LEEWAY_MS = 1_000

/** What is taken of one that is being removed is looked at again so soon: then it is cancelled. */
const GONE_MS = 1_000

/** So often what hangs is looked for, while something runs. */
const REVIEW_MS = 1_000

/**
 * Sends webhooks: keeps a handler for each webhook subscription of the group whose notifier this process has, as the
 * catalog changes, and the gate of its endpoint. Jobs, leases, retries and limits are the worker's.
 */
export class Outbound {
  readonly #options: OutboundOptions
  readonly #allotment: Allotment
  readonly #states: EndpointStates
  readonly #webhooks: OpenedWebhooks
  readonly #sending: Sending
  readonly #faults: FaultLog
  readonly #held = new Map<number, Held>()
  #stopHeeding: (() => void) | null = null
  #opening: Timer | null = null
  #review: Timer | null = null
  #gatesChanged = false
  #stopped = false

  constructor(options: OutboundOptions) {
    const { records, clock, ring, onError } = options
    this.#options = options
    this.#allotment = new Allotment(options.slots)
    this.#webhooks = new OpenedWebhooks({ records, ring, clock })
    this.#faults = new FaultLog(clock, options.warn)
    this.#sending = new Sending({ ...options, webhooks: this.#webhooks })
    this.#states = new EndpointStates({ records, clock, onChange: (ids) => this.#adopt(ids), onError })
  }

  /** From here on this process has handlers for what the catalog says; before it takes work, it knows who rests. */
  async start(): Promise<void> {
    await this.#states.read()
    this.#stopHeeding = this.#options.catalog.onChange(() => this.#heed())
    this.#heed()
  }

  /** Resolves when what is known of endpoints is written. Nothing is sent any more when it is called. */
  async stop(): Promise<void> {
    const { clock, notifiers } = this.#options
    this.#stopped = true
    this.#stopHeeding?.()
    for (const timer of [this.#opening, this.#review]) if (timer !== null) clock.clearTimeout(timer)
    await Promise.all([...this.#held.values()].map(({ endpoint }) => endpoint.saved))
    await notifiers.close()
  }

  /** Another catalog: webhook subscriptions came, went, or have other terms. */
  #heed(): void {
    const { catalog, worker } = this.#options
    const current = new Map(catalog.router.subscriptions.filter(this.#isOurs).map((each) => [each.no, each]))
    for (const [no, held] of this.#held) if (!current.has(no)) this.#drop(held)
    for (const version of current.values()) {
      const held = this.#held.get(version.no)
      if (held === undefined) this.#add(version)
      else if (held.version.fromVersion !== version.fromVersion) this.#change(held, version)
    }
    worker.heedPauses()
    worker.poke()
  }

  readonly #isOurs = (version: SubscriptionVersion): version is WebhookVersion => {
    const { group, notifiers } = this.#options
    const { target } = version.definition
    return (
      version.group === group && target.kind === "webhook" && notifiers.find(target.notifier) !== undefined
    )
  }

  #add(version: WebhookVersion): void {
    const endpoint = this.#endpointOf(version)
    const entry = this.#entryOf(version, endpoint)
    this.#held.set(version.no, { version, entry, endpoint })
    this.#options.worker.handlers.add(entry)
    this.#allotment.joined(endpoint.scope)
    if (endpoint.isClosed) this.#onGate()
  }

  /** Where its terms are others, what waits here goes back; what runs goes on as it was begun. */
  #change(held: Held, version: WebhookVersion): void {
    const { worker } = this.#options
    const [before, now] = [held.version.definition, version.definition]
    held.version = version
    this.#moveTo(held.endpoint, tenantOf(version))
    if (before.paused && !now.paused) held.endpoint.reset()
    if (before.target.revision !== now.target.revision) void this.#states.readAgain()
    if (JSON.stringify(before.policy) === JSON.stringify(now.policy)) return
    const old = held.entry
    held.endpoint.concurrency = now.policy.concurrency
    held.entry = this.#entryOf(version, held.endpoint)
    worker.handlers.add(held.entry)
    worker.letGo(old)
  }

  #moveTo(endpoint: Endpoint, scope: string): void {
    this.#allotment.left(endpoint.scope)
    this.#allotment.joined(scope)
    endpoint.scope = scope
  }

  #drop({ version, entry, endpoint }: Held): void {
    const { worker } = this.#options
    this.#allotment.left(endpoint.scope)
    this.#held.delete(version.no)
    this.#webhooks.forget(version.id)
    worker.handlers.remove(version.no)
    worker.letGo(entry)
  }

  #entryOf({ no, id, definition }: WebhookVersion, endpoint: Endpoint): HandlerEntry {
    const { policy, paused } = definition
    const timeout = policy.timeout + LEEWAY_MS
    return new HandlerEntry({
      no,
      id,
      run: (event, context) => this.#run(no, event, context),
      policy: { ...policy, timeout, maximumTimeout: policy.maximumTimeout + LEEWAY_MS },
      ephemeral: false,
      paused,
      isRecorded: true,
      gate: endpoint,
    })
  }

  #endpointOf(version: WebhookVersion): Endpoint {
    const { no, id, definition } = version
    const { clock, random, breaker, onMoved, onFailing, onStalled, onError } = this.#options
    const tell = (say: (webhook: WebhookTold) => void): void => {
      const held = this.#held.get(no)
      if (held !== undefined) say(held.version)
    }
    const endpoint = new Endpoint({
      id,
      scope: tenantOf(version),
      states: this.#states,
      allotment: this.#allotment,
      breaker,
      clock,
      random,
      onGate: () => this.#onGate(),
      onMoved: (from, to) => tell((webhook) => onMoved(webhook, from, to)),
      onFault: (why) => this.#faults.tell(id, why),
      onStalled: (stalled) => tell((webhook) => onStalled(webhook, stalled)),
      onFailing: (failing) => tell((webhook) => onFailing(webhook, failing)),
      onError,
    })
    endpoint.concurrency = definition.policy.concurrency
    return endpoint
  }

  async #run(no: number, event: EventView, context: DeliveryContext): Promise<void> {
    const held = this.#held.get(no)
    if (held === undefined) throw new Postponed(this.#options.clock.now() + GONE_MS, "it is being removed")
    this.#reviewLater()
    const { endpoint, version } = held
    const { id, definition } = version
    const { revision } = definition.target
    const timeoutMs = attemptTimeout(definition.policy, context.attempt)
    const toSend = { id, no, revision, timeoutMs, event, context }
    await endpoint.run({ timeoutMs, make: () => this.#attempt(version, toSend) })
  }

  async #attempt(version: WebhookVersion, toSend: ToSend): Promise<Attempted> {
    const made = await this.#sending.attempt(toSend)
    const isPresent = this.#held.get(version.no)?.version.definition.target.revision === toSend.revision
    // What another recipient says that it had before, does not concern the one that it has.
    if (made.disable !== null && isPresent) await this.#options.onGone(version, made.disable)
    return made
  }

  /** Other processes changed how these do. */
  #adopt(ids: readonly string[]): void {
    for (const { version, endpoint } of this.#held.values()) if (ids.includes(version.id)) endpoint.adopt()
  }

  /** Several change at a time: what follows from it is done once. */
  #onGate(): void {
    if (this.#gatesChanged) return
    this.#gatesChanged = true
    setImmediate(() => {
      this.#gatesChanged = false
      if (!this.#stopped) this.#heedGates()
    })
  }

  /** What waits at closed ones goes back; when the next one opens, work is looked for. */
  #heedGates(): void {
    const { clock, worker } = this.#options
    worker.heedGates()
    if (this.#opening !== null) clock.clearTimeout(this.#opening)
    this.#opening = null
    const opens = [...this.#held.values()].map(({ endpoint }) => endpoint.opensAt).filter((at) => at !== null)
    if (opens.length === 0) return
    const ms = Math.min(LONGEST_TIMER_MS, Math.max(1, Math.min(...opens) - clock.now()))
    this.#opening = clock.setTimeout(() => this.#heedGates(), ms)
  }

  /** A slot that hangs ends by itself, but until then it is to be known for what it is. */
  #reviewLater(): void {
    if (this.#review !== null || this.#stopped) return
    this.#review = this.#options.clock.setTimeout(() => {
      this.#review = null
      for (const { endpoint } of this.#held.values()) if (endpoint.running > 0) endpoint.review()
      if (this.#allotment.running > 0) this.#reviewLater()
    }, REVIEW_MS)
  }
}

/** Those that hear every scope are a tenant of their own. */
function tenantOf({ definition }: WebhookVersion): string {
  return definition.scope ?? "*"
}

const LONGEST_TIMER_MS = 2 ** 31 - 1
