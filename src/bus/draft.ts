import { createHash } from "node:crypto"
import { EventTooLargeError, expected, InvalidInputError, UnserialisableError } from "../core/errors.ts"
import {
  type DraftEvent,
  type EmitOptions,
  type EventExtra,
  type EventInput,
  type EventPolicy,
  publishedOf,
} from "../core/event.ts"
import { checkEventName, nearestName } from "../core/pattern.ts"
import { resolvePolicy } from "../core/policy.ts"
import { priorityClass } from "../core/priority.ts"
import { scopeKey } from "../core/scope.ts"
import type { WrittenTrace } from "../telemetry/trace-context.ts"

/** What every event of one Carillon starts from. */
export interface DraftDefaults {
  readonly scope: string
  readonly mostBytes: number // of one event's data and metadata as JSON
  readonly warn: (message: string) => void
}

/** Where an event is emitted: inside the handler of another, in a trace, or in none of both. */
export interface Origin extends WrittenTrace {
  readonly id: string | null // of the event or run that caused it; null = none did
  readonly correlationId: string | null
}

const knownNames = new Set<string>()
const MOST_KNOWN_NAMES = 10_000
const LONGEST_TEXT = 255
const LATEST_DELIVERY_MS = 10 * 365 * 24 * 60 * 60 * 1000

/**
 * Checks and serialises an event, once. Nothing of the caller's is kept, so what it does to its
 * objects afterwards changes nothing.
 */
export function toDraft(
  input: EventInput,
  options: EmitOptions | undefined,
  origin: Origin | null,
  now: number,
  defaults: DraftDefaults,
): DraftEvent {
  if (typeof input !== "object" || input === null) {
    throw new InvalidInputError(expected("an event to be an object with a `name`", input))
  }
  const { name } = input
  if (!knownNames.has(name)) learnName(name)
  const data = serialise(name, "data", input.data)
  const plain = options === undefined && origin === null && isPlain(input)
  const draft = plain
    ? plainDraft(name, data, now, defaults)
    : fullDraft(input, options ?? {}, data, origin, now, defaults)
  checkSize(draft, defaults.mostBytes)
  return draft
}

/** Most events have a name and data and nothing else: they skip every other question. */
function isPlain(input: EventInput): boolean {
  if (publishedOf(input) !== undefined) return false
  for (const field in input) {
    if (field !== "name" && field !== "data" && input[field as keyof EventInput] !== undefined) return false
  }
  return true
}

function plainDraft(name: string, data: string | null, now: number, { scope }: DraftDefaults): DraftEvent {
  return {
    name,
    scope,
    sender: null,
    key: null,
    at: now,
    data,
    extra: null,
    id: null,
    hash: null,
    priority: 1,
    deliverAt: null,
  }
}

function fullDraft(
  input: EventInput,
  options: EmitOptions,
  data: string | null,
  origin: Origin | null,
  now: number,
  { scope, warn }: DraftDefaults,
): DraftEvent {
  checkFields(input)
  const wish: EmitOptions = { ...options, ...input.options, ...own(input) }
  if (wish.tx !== undefined) throw misplacedTransaction()
  if ((wish.idempotencyKey ?? null) !== null) throw misplacedKey()
  const priority =
    wish.priority === undefined && wish.internal === true ? 2 : priorityClass(wish.priority, warn)
  const deliverAt = deliverAtOf(wish, now)
  const extra: EventExtra = {
    ...(input.metadata === undefined ? undefined : { metadata: checkMetadata(input.metadata) }),
    ...originOf(input, origin),
    ...(priority === 1 ? undefined : { priority: priority as 0 | 2 }),
    ...(deliverAt === null ? undefined : { deliverAt }),
    ...(wish.internal === true ? { internal: true as const } : undefined),
    ...policyWish(wish),
    ...(publishedOf(input)?.isUnresolved === true ? { unresolved: true as const } : undefined),
  }
  const id = checkText("id", input.id)
  const draft = {
    name: input.name,
    scope: wish.scope === undefined ? scope : scopeKey(wish.scope),
    sender: checkSender(wish.sender),
    key: checkText("key", wish.key),
    at: now,
    data,
    extra: isEmpty(extra) ? null : serialise(input.name, "metadata", extra),
    id,
    hash: null,
    priority,
    deliverAt,
  }
  return id === null ? draft : { ...draft, hash: contentHash(draft, input) }
}

const FIELDS = [
  "name",
  "data",
  "metadata",
  "id",
  "key",
  "sender",
  "scope",
  "delay",
  "deliverAt",
  "priority",
  "causationId",
  "correlationId",
  "traceparent",
  "options",
]

/** Other systems' events carry fields of their own; what is nearly one of ours is a slip. */
function checkFields(input: EventInput): void {
  for (const field of Object.keys(input)) {
    const near = FIELDS.includes(field) ? null : nearestName(field, FIELDS)
    if (near !== null)
      throw new InvalidInputError(`An event has no field \`${field}\`. Did you mean \`${near}\`?`)
  }
  const { options } = input
  if (options === undefined || options === null || (typeof options === "object" && !Array.isArray(options)))
    return
  throw new InvalidInputError(expected("the `options` of an event to be an object", options))
}

/** What the event says of itself, as against its options. */
function own({ sender, scope, key, delay, deliverAt, priority }: EventInput): EmitOptions {
  const wishes = { sender, scope, key, delay, deliverAt, priority }
  return Object.fromEntries(Object.entries(wishes).filter(([, value]) => value !== undefined))
}

function originOf(input: EventInput, origin: Origin | null): Partial<EventExtra> {
  const causationId = checkText("causationId", input.causationId) ?? origin?.id ?? null
  const correlationId =
    checkText("correlationId", input.correlationId) ?? origin?.correlationId ?? origin?.id ?? null
  const given = checkText("traceparent", input.traceparent)
  const { traceparent, tracestate } = given === null ? (origin ?? NO_TRACE) : { traceparent: given }
  return {
    ...(causationId === null ? undefined : { causationId }),
    ...(correlationId === null ? undefined : { correlationId }),
    ...(traceparent === null ? undefined : { traceparent }),
    ...(traceparent === null || tracestate === undefined ? undefined : { tracestate }),
  }
}

const NO_TRACE: WrittenTrace = { traceparent: null }

function deliverAtOf({ delay, deliverAt }: EmitOptions, now: number): number | null {
  if (deliverAt !== undefined && deliverAt !== null) {
    const at = deliverAt instanceof Date ? deliverAt.getTime() : deliverAt
    if (typeof at !== "number" || !Number.isFinite(at) || at > now + LATEST_DELIVERY_MS) {
      throw new InvalidInputError(expected("`deliverAt` to be a date within ten years", deliverAt))
    }
    return at > now ? Math.ceil(at) : null
  }
  if (delay === undefined || delay === null || delay === 0) return null
  if (typeof delay !== "number" || !(delay > 0) || delay > LATEST_DELIVERY_MS) {
    throw new InvalidInputError(expected("`delay` to be a number of milliseconds from 0 to ten years", delay))
  }
  return Math.ceil(now + delay)
}

/** `attempts: n` means n - 1 retries, as everywhere else; without `backoff` the policy's own waits hold. */
function policyWish({ attempts, backoff }: EmitOptions): { policy?: EventPolicy } {
  const wish: { -readonly [K in keyof EventPolicy]: EventPolicy[K] } = {}
  if (attempts !== undefined) {
    if (!Number.isSafeInteger(attempts) || attempts < 1 || attempts > 10_001) {
      throw new InvalidInputError(expected("`attempts` to be a whole number from 1 to 10001", attempts))
    }
    wish.retries = attempts - 1
  }
  if (backoff !== undefined && backoff !== null) {
    const delay = typeof backoff === "number" ? backoff : (backoff.delay ?? 0)
    if (typeof delay !== "number" || !(delay >= 0)) {
      throw new InvalidInputError(expected("`backoff` to be milliseconds or `{ type, delay }`", backoff))
    }
    wish.initialBackoffDelay = Math.ceil(delay)
    wish.exponentialBackoffCoefficient = typeof backoff === "object" && backoff.type === "exponential" ? 2 : 1
  }
  if (isEmpty(wish)) return {}
  try {
    resolvePolicy(wish)
  } catch (error) {
    throw new InvalidInputError(
      `Expected \`attempts\` and \`backoff\` within the bounds of a policy. ${(error as Error).message}`,
    )
  }
  return { policy: wish }
}

function learnName(name: unknown): void {
  checkEventName(name)
  if (name.startsWith("carillon.")) {
    throw new InvalidInputError(
      expected("an event name that does not begin with `carillon.`: those are Carillon's own", name),
    )
  }
  if (knownNames.size >= MOST_KNOWN_NAMES) knownNames.clear()
  knownNames.add(name)
}

function checkMetadata(metadata: unknown): Record<string, unknown> {
  if (typeof metadata === "object" && metadata !== null && !Array.isArray(metadata)) {
    return metadata as Record<string, unknown>
  }
  throw new InvalidInputError(expected("`metadata` to be an object", metadata))
}

/** Who reads that an event is Carillon's own has to be able to believe it. */
function checkSender(sender: unknown): string | null {
  if (sender !== "carillon") return checkText("sender", sender)
  throw new InvalidInputError(
    expected("another `sender` than `carillon`: it stands for Carillon's own events", sender),
  )
}

/** Names of all kinds that are not event names: ids, keys, senders, event groups. */
export function checkText(field: string, value: unknown): string | null {
  if (value === undefined || value === null) return null
  const fits = typeof value === "string" && value.length > 0 && value.length <= LONGEST_TEXT
  // A store may cut a text at its first NUL, so that two ids would become one.
  if (fits && !/\p{Cc}/u.test(value) && value.isWellFormed()) return value
  throw new InvalidInputError(
    expected(
      `\`${field}\` to be a string of 1 to ${LONGEST_TEXT} characters without control characters`,
      value,
    ),
  )
}

function serialise(name: string, field: string, value: unknown): string | null {
  if (value === undefined) return null
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (error) {
    throw new UnserialisableError(
      `Expected the ${field} of \`${name}\` to be something JSON can hold, got: ${(error as Error).message.split("\n")[0]}. Leave out what is circular, and write a BigInt as a string.`,
      { cause: error },
    )
  }
  if (text === undefined) {
    throw new UnserialisableError(
      `Expected the ${field} of \`${name}\` to be something JSON can hold, got a ${typeof value}. Emit plain objects, arrays, strings, numbers, booleans or null.`,
    )
  }
  return text
}

function checkSize({ name, data, extra }: DraftEvent, mostBytes: number): void {
  const length = (data?.length ?? 0) + (extra?.length ?? 0)
  if (length * 3 <= mostBytes) return // no UTF-16 unit takes more than three bytes
  const bytes = Buffer.byteLength(data ?? "") + Buffer.byteLength(extra ?? "")
  if (bytes <= mostBytes) return
  throw new EventTooLargeError(
    `Expected \`${name}\` to take at most ${mostBytes} bytes as JSON, got ${bytes}. Store the large part elsewhere and emit a reference to it, or raise \`mostEventBytes\`.`,
  )
}

function misplacedTransaction(): InvalidInputError {
  return new InvalidInputError(
    "Expected `tx` among the options of `emit`, got it in those of one event: all events of an emit are written in one transaction. Call `emit(event, { tx })`.",
  )
}

function misplacedKey(): InvalidInputError {
  return new InvalidInputError(
    "Expected `idempotencyKey` among the options of `emit`, got it in those of one event: it stands for the whole call. Call `emit(event, { idempotencyKey })`, or give the event an `id`.",
  )
}

/** What drafts weigh while they wait for the disk. */
export function bytesOf(drafts: readonly DraftEvent[]): number {
  let bytes = 0
  for (const { data, extra } of drafts) bytes += 64 + (data?.length ?? 0) + (extra?.length ?? 0)
  return bytes
}

/** Two emits with one id are the same event when these agree, whatever the order of their fields. */
export function contentHash(draft: Omit<DraftEvent, "hash">, input: EventInput | undefined): string {
  const published = input === undefined ? undefined : publishedOf(input)
  const content = [
    draft.name,
    draft.sender,
    draft.key,
    published === undefined ? draft.data && JSON.parse(draft.data) : published.args,
    input?.metadata ?? null,
  ]
  return createHash("sha256")
    .update(JSON.stringify(sorted(content)))
    .digest("base64url")
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (value === null || typeof value !== "object" || value instanceof Date) return value
  const entries = Object.entries(value as Record<string, unknown>).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]))
}

function isEmpty(value: object): boolean {
  for (const _ in value) return false
  return true
}
