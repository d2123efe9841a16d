import { PermanentError, RetryAfterError, retryAfterOf } from "../core/errors.ts"
import type { Sign } from "./breaker.ts"
import type { NotifierResult } from "./notifier.ts"

/** What an attempt was, for its delivery and for its endpoint. */
export interface Attempted {
  readonly error: Error | null // what its delivery failed with; null = it was delivered
  readonly sign: Sign | null // null = it says nothing of the endpoint: the fault is ours
  readonly isOverload: boolean
  readonly disable: WantsNoMore | null // null = the recipient does not say so
}

/** That a recipient wants nothing more: it says so in words, or by a status. */
export interface WantsNoMore {
  readonly why: string
  readonly status: number | null // of HTTP; null = it is not by HTTP
}

export interface MadeAttempt {
  readonly result: NotifierResult
  readonly tookMs: number
  readonly timeoutMs: number
  readonly now: number // epoch ms
}

/** Answers that say: less, or later. */
const OVERLOADED = [408, 425, 429, 502, 503, 504]

/** A rest that is shorter concerns its delivery only. */
const SHORTEST_REST_MS = 1_000

/** Close to its whole time without an answer is a timeout, by whomever it was noticed. */
const NEARLY_ALL = 0.95

/** What a notifier's result means. */
export function attempted(made: MadeAttempt): Attempted {
  const { result } = made
  if (result.success) return { error: null, sign: { kind: "success" }, isOverload: false, disable: null }
  const why =
    result.responseData === "" ? "it failed, and its notifier does not say why" : result.responseData
  const after = askedFor(made)
  return {
    error: errorOf(result, why, after),
    sign: signOf(made, why, after),
    isOverload: isOverload(result),
    disable: result.disable === undefined ? null : wantsNoMore(result, why),
  }
}

/** What a notifier threw: it is the recipient's fault until somebody says something else. */
export function thrown(
  error: Error,
  { tookMs, timeoutMs }: Pick<MadeAttempt, "tookMs" | "timeoutMs">,
): Attempted {
  const isTimeout = tookMs >= timeoutMs * NEARLY_ALL
  return {
    error,
    sign: { kind: isTimeout ? "timeout" : "failure", why: error.message },
    isOverload: isTimeout || retryAfterOf(error) !== null,
    disable: null,
  }
}

/** Whoever asks for a second, and for another each time, has not asked for all attempts within a minute. */
function errorOf(result: NotifierResult, why: string, after: number | null): Error {
  if (result.isRetryable === false && result.disable === undefined)
    return withoutStack(new PermanentError(why))
  const when = { notSooner: true }
  return withoutStack(after === null ? new Error(why) : new RetryAfterError(why, new Date(after), when))
}

/** What a recipient said has no place in our code, and a log that names one each time is read by nobody. */
function withoutStack(error: Error): Error {
  delete error.stack
  return error
}

function signOf(
  { result, tookMs, timeoutMs, now }: MadeAttempt,
  why: string,
  after: number | null,
): Sign | null {
  if (result.fault === "sender") return null
  if (after !== null && after - now >= SHORTEST_REST_MS) return { kind: "asked", until: after, why }
  if (result.fault === "event") return { kind: "event" }
  const isTimeout = statusOf(result) === null && tookMs >= timeoutMs * NEARLY_ALL
  return { kind: isTimeout ? "timeout" : "failure", why }
}

/** When the recipient wants to hear again, epoch ms; null = it does not say, or that is past. */
function askedFor({ result, now }: MadeAttempt): number | null {
  const { retryAfter } = result
  const at = typeof retryAfter === "number" ? now + retryAfter : (retryAfter?.getTime() ?? Number.NaN)
  return at > now ? at : null
}

function wantsNoMore(result: NotifierResult, why: string): WantsNoMore {
  const status = statusOf(result)
  return { why: status === null || why.includes(`${status}`) ? why : `${status}: ${why}`, status }
}

function isOverload(result: NotifierResult): boolean {
  if ((result.fault ?? "recipient") !== "recipient") return false
  const status = statusOf(result)
  return status === null || OVERLOADED.includes(status)
}

function statusOf({ details }: NotifierResult): number | null {
  return details?.status ?? null
}
