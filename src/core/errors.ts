// Errors come from other threads, and from other copies of this module: these are known by their codes.
const unavailable = "CARILLON_STORE_UNAVAILABLE"
const permanent = "CARILLON_PERMANENT"
const retryAfter = "CARILLON_RETRY_AFTER"

/** What a server's refusal or failure is called that names no code itself. */
export const UNNAMED_REFUSAL = "CARILLON_API"

/** Anything that Carillon throws on purpose. Tell them apart by `code`, which is stable; messages are not. */
export class CarillonError extends Error {
  /** One of the codes in `docs/reference/errors.md`. */
  readonly code: string

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
    this.name = new.target.name
  }
}

/** Said, lest declarations repeat all that Node's `Error` can do: pages know nothing of it. */
type ErrorClass = new (message: string, options?: { cause?: unknown }) => CarillonError

function errorOf(code: string): ErrorClass {
  return class extends CarillonError {
    constructor(message: string, options?: { cause?: unknown }) {
      super(code, message, options)
    }
  }
}

/** An argument was not what it should be. Nothing was written. */
export class InvalidInputError extends errorOf("CARILLON_INVALID_INPUT") {}

/** An event filter is not in the pattern language; the message names the path. */
export class InvalidFilterError extends errorOf("CARILLON_INVALID_FILTER") {}

/** A retry policy has a value out of its range or a field that does not exist. */
export class InvalidPolicyError extends errorOf("CARILLON_INVALID_POLICY") {}

/** An event is larger than the limit. It was not written. */
export class EventTooLargeError extends errorOf("CARILLON_EVENT_TOO_LARGE") {}

/** A value cannot be written as JSON: a function, a bigint, a cycle, a class without `toJSON`. */
export class UnserialisableError extends errorOf("CARILLON_UNSERIALISABLE") {}

/** An event's data does not fit the schema that was defined for its name. It was not written. */
export class SchemaError extends errorOf("CARILLON_SCHEMA") {}

/** Event names are defined, and this is none of them. */
export class UnknownEventError extends errorOf("CARILLON_UNKNOWN_EVENT") {}

/** What a published event is about could not be looked up; `cause` holds what its resolver threw. */
export class ResolveError extends errorOf("CARILLON_RESOLVE") {}

/** This subscriber id is already taken on this event. */
export class DuplicateSubscriberError extends errorOf("CARILLON_DUPLICATE_SUBSCRIBER") {}

/** There is a row with the same value of a unique property. Nothing was written. */
export class DuplicateError extends errorOf("CARILLON_DUPLICATE") {}

/** An event with this id, but with other content, was emitted before. */
export class IdConflictError extends errorOf("CARILLON_ID_CONFLICT") {}

/** More is being emitted than can be written, and the queue before the disk is full. */
export class OverloadedError extends errorOf("CARILLON_OVERLOADED") {}

/** This Carillon was stopped, or is stopping, and takes no more work. */
export class StoppedError extends errorOf("CARILLON_STOPPED") {}

/** This worker's lease ended, and another may hold the work: nothing of this attempt counts. */
export class LeaseLostError extends errorOf("CARILLON_LEASE_LOST") {}

/** The store was written by a newer Carillon. It was not touched. */
export class StoreTooNewError extends errorOf("CARILLON_STORE_TOO_NEW") {}

/** The store has an older schema than this code needs, and was not to be migrated. It was not touched. */
export class StoreBehindError extends errorOf("CARILLON_STORE_BEHIND") {}

/** The store failed; `cause` holds the driver's error. */
export class StoreError extends errorOf("CARILLON_STORE") {}

/** The store does not answer, for now: what was asked of it may or may not have been done. */
export class StoreUnavailableError extends errorOf(unavailable) {}

/** This engine or this mode cannot do what was asked. */
export class UnsupportedError extends errorOf("CARILLON_UNSUPPORTED") {}

/** There is no event, delivery, subscription or run of that name or id. */
export class NotFoundError extends errorOf("CARILLON_NOT_FOUND") {}

/** Whoever asks may not do this, or not in these scopes. Nothing was changed. */
export class ForbiddenError extends errorOf("CARILLON_FORBIDDEN") {}

/** Something has to be over first, and goes on. Nothing was changed. */
export class OpenWorkError extends errorOf("CARILLON_OPEN_WORK") {}

/** The data of what was asked for was erased: it cannot be delivered or undone any more. */
export class ErasedError extends errorOf("CARILLON_ERASED") {}

/** A workflow was changed while runs of its old shape go on: this process cannot go on with them. */
export class WorkflowChangedError extends errorOf("CARILLON_WORKFLOW_CHANGED") {}

/** A run took its worker's process with it again and again, and is not taken up any more until it is redriven. */
export class RunCrashedError extends errorOf("CARILLON_RUN_CRASHED") {}

/** A handler ran longer than its attempt's timeout. */
export class TimeoutError extends errorOf("CARILLON_TIMEOUT") {}

/** A server gave no answer, or a part of one: what was asked of it may or may not have been done. */
export class UnreachableError extends errorOf("CARILLON_UNREACHABLE") {}

/** The configuration cannot be used: a file that does not load, a setting that contradicts another. */
export class ConfigError extends errorOf("CARILLON_CONFIG") {}

/** A sealed value stands under a key that is not on the key ring. */
export class UnknownKeyError extends errorOf("CARILLON_UNKNOWN_KEY") {}

/** A sealed value cannot be opened: it was changed, or moved from another row. */
export class SealError extends errorOf("CARILLON_SEAL") {}

/** Too many credentials from one place, or for one account, were wrong; or a webhook is tested all the time. */
export class TooManyAttemptsError extends CarillonError {
  /** How long to wait before the next attempt. */
  readonly retryAfterMs: number

  constructor(message: string, retryAfterMs: number) {
    super("CARILLON_TOO_MANY_ATTEMPTS", message)
    this.retryAfterMs = retryAfterMs
  }
}

/**
 * Throw this in a handler when trying again cannot help: the delivery becomes a
 * dead letter at once, whatever its policy still allows.
 *
 * @example
 * ```ts
 * if (response.status === 410) throw new PermanentError("The shop has closed its account")
 * ```
 */
export class PermanentError extends errorOf(permanent) {}

/**
 * Throw this in a handler to choose the time of the next attempt: a `Date`, or
 * milliseconds from now.
 *
 * The attempt counts like any failed one, so a handler cannot put its work off
 * for ever. The time is kept even beyond the policy's `maximumBackoffDelay`, up
 * to 30 days. A time that is none (`NaN`, an invalid date) leaves the choice to
 * the policy. With `notSooner` the policy's own wait is kept where it is longer:
 * for receivers who ask everybody for a second and are not well after it.
 *
 * @example
 * ```ts
 * if (response.status === 429) throw new RetryAfterError("The CMS is busy", 30_000)
 * ```
 */
export class RetryAfterError extends CarillonError {
  readonly retryAfter: Date | number
  readonly notSooner: boolean

  constructor(message: string, when: Date | number, options?: { cause?: unknown; notSooner?: boolean }) {
    super(retryAfter, message, options)
    this.retryAfter = when
    this.notSooner = options?.notSooner ?? false
  }
}

/**
 * What came to a receiver of webhooks is not what its sender signed, or not now. Answer with 400 or 401 and do nothing.
 */
export class WebhookVerificationError extends CarillonError {
  readonly reason: VerificationFailure

  constructor(message: string, reason: VerificationFailure, options?: { cause?: unknown }) {
    super("CARILLON_WEBHOOK_VERIFICATION", message, options)
    this.reason = reason
  }
}

/**
 * A header is missing or cannot be read; the request was signed too long ago, or for a time to come; no signature is by
 * one of the secrets over this id, time and body; or all is right, and the body is not the JSON that it says it is.
 */
export type VerificationFailure =
  | "missing-header"
  | "bad-header"
  | "too-old"
  | "too-new"
  | "no-match"
  | "bad-body"

/** Whether a handler threw a {@link PermanentError}, also one from another copy of this module. */
export function isPermanent(error: unknown): boolean {
  return codeOf(error) === permanent
}

/** Whether the store did not answer, for now: to be tried again. */
export function isUnavailable(error: unknown): boolean {
  return codeOf(error) === unavailable
}

/** The time a {@link RetryAfterError} asks for, also of one from another copy of this module; else `null`. */
export function retryAfterOf(error: unknown): Date | number | null {
  if (codeOf(error) !== retryAfter) return null
  const when = (error as { retryAfter?: unknown }).retryAfter
  if (typeof when === "number") return Number.isNaN(when) ? null : when
  return when instanceof Date && !Number.isNaN(when.getTime()) ? when : null
}

/** The stable code of an error that has one; else `null`. */
export function codeOf(error: unknown): string | null {
  if (typeof error !== "object" || error === null) return null
  try {
    const code = (error as { code?: unknown }).code
    return typeof code === "string" ? code : null
  } catch {
    // A thrown object may be a proxy or have a getter that throws; then it has no code.
    return null
  }
}

/**
 * The sentence for a value that is not what it should be:
 * ``expected("`concurrency` to be a whole number from 1 up", 0)`` gives
 * ``Expected `concurrency` to be a whole number from 1 up, got `0` (number).``
 * Objects and arrays are named, not printed, so that no payload enters a message.
 */
export function expected(what: string, came: unknown): string {
  return `Expected ${what}, got ${named(came)}.`
}

const longestShown = 60

function named(value: unknown): string {
  switch (typeof value) {
    case "undefined":
      return "nothing (undefined)"
    case "string":
      return `\`${JSON.stringify(shortened(value))}\` (string)`
    case "bigint":
      return `\`${shortened(String(value))}n\` (bigint)`
    case "number":
    case "boolean":
    case "symbol":
      return `\`${shortened(String(value))}\` (${typeof value})`
    case "function":
      return "a function"
    default:
      if (value === null) return "`null`"
      if (value instanceof Date)
        return Number.isNaN(value.getTime()) ? "no time (Date)" : `\`${value.toISOString()}\` (Date)`
      return Array.isArray(value) ? `an array of ${value.length}` : "an object"
  }
}

function shortened(text: string): string {
  return text.length <= longestShown ? text : `${text.slice(0, longestShown)}…`
}
