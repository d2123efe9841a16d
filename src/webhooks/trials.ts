import { expected, InvalidInputError, TooManyAttemptsError } from "../core/errors.ts"
import type { AttemptDetails } from "../core/job.ts"
import { checkEventName, isExactName } from "../core/pattern.ts"
import { parseScope } from "../core/scope.ts"
import { patternsOf } from "../core/subscription.ts"
import type { KeyRing } from "../identity/key-ring.ts"
import { selectFields } from "./fields.ts"
import type { Notification } from "./notifier.ts"
import type { NotifierBook } from "./notifier-book.ts"
import { openedWebhook } from "./record.ts"
import type { StoredWebhook } from "./store.ts"

export interface WebhookTestOptions {
  /** The event's name. @defaultValue the first that it hears */
  readonly event?: string
  /** The event's data; of it the fields that are sent. @defaultValue `{ test: true }` */
  readonly data?: unknown
}

/** What came of a test. */
export interface WebhookTestResult {
  readonly success: boolean
  /** What came back, or why nothing did. */
  readonly responseData: string
  readonly ms: number
  readonly event: string
  /** What was sent and answered, with secrets masked; null = its notifier tells nothing. */
  readonly details: AttemptDetails | null
}

export interface TrialsOptions {
  readonly notifiers: NotifierBook
  readonly now: () => number
  readonly monotonic: () => number
  readonly newId: () => string
}

/** So many requests in a minute may anybody have sent to a stranger's address by this process, for each webhook. */
const MOST_A_MINUTE = 10
const MINUTE_MS = 60_000
/** Of so many webhooks it is remembered when they were tested. */
const MOST_REMEMBERED = 1_000

/** Sends to a webhook outside of deliveries, to show whether it arrives. */
export class Trials {
  readonly #options: TrialsOptions
  readonly #times = new Map<string, readonly number[]>()

  constructor(options: TrialsOptions) {
    this.#options = options
  }

  /** @throws TooManyAttemptsError; InvalidInputError */
  async run(
    stored: StoredWebhook,
    ring: KeyRing,
    options: WebhookTestOptions = {},
  ): Promise<WebhookTestResult> {
    const { notifiers, monotonic } = this.#options
    const notifier = notifiers.get(stored.record.notifier)
    const event = nameOf(options.event, stored)
    this.#count(stored.record.id)
    const notification = this.#notification(stored, ring, { event, data: dataOf(options.data) })
    const began = monotonic()
    try {
      const { success, responseData, details = null } = await notifier.notify(notification)
      return { success, responseData, ms: since(began, monotonic()), event, details }
    } catch (error) {
      const responseData = error instanceof Error ? error.message : String(error)
      return { success: false, responseData, ms: since(began, monotonic()), event, details: null }
    }
  }

  #notification(
    { entry, record }: StoredWebhook,
    ring: KeyRing,
    { event: name, data }: { readonly event: string; readonly data: unknown },
  ): Notification {
    const now = this.#options.now()
    const timeoutMs = entry.definition.policy.timeout
    const id = `test_${this.#options.newId()}`
    return {
      subscription: openedWebhook(ring, record, { no: entry.no, now }),
      event: { ...NOWHERE, id, name, at: new Date(now), scope: parseScope(entry.definition.scope ?? "") },
      data: selectFields(data, record.fields),
      deliveryId: id,
      attempt: 1,
      isTest: true,
      signal: AbortSignal.timeout(timeoutMs),
      timeoutMs,
      now,
    }
  }

  #count(id: string): void {
    const now = this.#options.monotonic()
    const times = (this.#times.get(id) ?? []).filter((time) => now - time < MINUTE_MS)
    if (times.length >= MOST_A_MINUTE)
      throw new TooManyAttemptsError(
        `Expected at most ${MOST_A_MINUTE} tests of a webhook in a minute, got one more. Wait a little.`,
        MINUTE_MS - (now - (times[0] ?? now)),
      )
    this.#times.delete(id)
    this.#times.set(id, [...times, now])
    const oldest = this.#times.keys().next().value
    if (this.#times.size > MOST_REMEMBERED && oldest !== undefined) this.#times.delete(oldest)
  }
}

const NOWHERE = {
  key: null,
  sender: null,
  metadata: {},
  causationId: null,
  correlationId: null,
  traceparent: null,
} as const

/** Of wildcards something that they stand for. */
function nameOf(asked: unknown, { entry: { definition } }: StoredWebhook): string {
  const patterns = patternsOf(definition)
  const name = asked ?? patterns.find(isExactName) ?? patterns[0]?.replaceAll("*", "test")
  checkEventName(name)
  return name
}

const MOST_BYTES = 262_144

/** As it would come out of the store. */
function dataOf(data: unknown): unknown {
  if (data === undefined) return { test: true }
  const text = jsonOf(data)
  if (text === undefined || text.length > MOST_BYTES)
    throw new InvalidInputError(expected(`\`data\` to be JSON of at most ${MOST_BYTES} bytes`, data))
  return JSON.parse(text)
}

/** Undefined = it has no JSON. */
function jsonOf(data: unknown): string | undefined {
  try {
    return JSON.stringify(data)
  } catch {
    return undefined // what goes round in circles, and what has numbers too large
  }
}

function since(began: number, now: number): number {
  return Math.round((now - began) * 1_000) / 1_000
}
