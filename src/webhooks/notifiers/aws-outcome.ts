import { codeOf } from "../../core/errors.ts"
import type { AttemptDetails, ReceivedResponse } from "../../core/job.ts"
import type { Notification, NotifierResult } from "../notifier.ts"
import { networkFailureOf } from "./network-failure.ts"

/** What is said of a failure, in the shape in which EventBridge tells of one entry. */
export interface Refusal {
  readonly ErrorCode: string
  readonly ErrorMessage: string
}

/** What was sent to which service. */
export interface Sent {
  readonly notification: Notification
  readonly notifier: string
  readonly recipient: string
  readonly bytes: number
}

/** It is being sent, as long as its time lasts. */
export interface Sending extends Sent {
  readonly signal: AbortSignal
}

/** Something else than the service answers, with status 200. */
export const NO_ID: Refusal = {
  ErrorCode: "NoAnswer",
  ErrorMessage: "The answer says of no event that it was taken",
}

/** What came back, as far as it is kept. */
export interface Answer {
  readonly status: number | null // null = there was none
  readonly requestId: string | null
  readonly text: string
}

export function delivered(sent: Sent, answer: Answer): NotifierResult {
  const { id: subscriptionId } = sent.notification.subscription
  return { success: true, subscriptionId, responseData: answer.text, details: detailsOf(sent, answer) }
}

/** The service answered, and says that it did not take it. */
export function refused(sent: Sent, refusal: Refusal, answer: Omit<Answer, "text">): NotifierResult {
  const { ErrorCode } = refusal
  const isEvents = isOfThisEvent(ErrorCode)
  return failed(sent, refusal, answer, { isRetryable: !isEvents, fault: isEvents ? "event" : "recipient" })
}

/** What the SDK threw; its code and message are kept. @throws the signal's reason when that ended it */
export async function thrown(sent: Sent, error: unknown): Promise<NotifierResult> {
  const { signal } = sent.notification
  if (signal.aborted) throw signal.reason
  if (codeOf(error) === "CARILLON_TIMEOUT")
    return failed(sent, { ErrorCode: "Timeout", ErrorMessage: messageOf(error) }, NO_ANSWER, {})
  const network = await networkFailureOf(error)
  if (network !== null)
    return failed(sent, { ErrorCode: network.code, ErrorMessage: network.message }, NO_ANSWER, network)
  const answer = {
    status: statusOf(error),
    requestId: read(error, "$metadata", "requestId") as string | null,
  }
  const refusal = { ErrorCode: errorCode(error), ErrorMessage: messageOf(error) }
  if (isOurOwn(error)) return failed(sent, refusal, answer, { fault: "sender" })
  const result = answer.status === 413 ? tooLarge(sent, refusal, answer) : refused(sent, refusal, answer)
  const retryAfter = retryAfterOf(error, sent.notification.now)
  return retryAfter === null ? result : { ...result, retryAfter }
}

/** It never left the house: it is larger than what the service takes. */
export function tooLargeToSend(sent: Sent, most: number): NotifierResult {
  const message = `Expected at most ${most} bytes, got ${sent.bytes}. Have only some \`fields\` sent, or a reference.`
  return failed(sent, { ErrorCode: "TooLarge", ErrorMessage: message }, NO_ANSWER, EVENTS)
}

function tooLarge(sent: Sent, refusal: Refusal, answer: Omit<Answer, "text">): NotifierResult {
  return failed(sent, refusal, answer, EVENTS)
}

const EVENTS = { isRetryable: false, fault: "event" } as const
const NO_ANSWER = { status: null, requestId: null }

function failed(
  sent: Sent,
  refusal: Refusal,
  answer: Omit<Answer, "text">,
  { isRetryable = true, fault = "recipient" }: Pick<NotifierResult, "isRetryable" | "fault">,
): NotifierResult {
  const text = JSON.stringify(refusal)
  const { id: subscriptionId } = sent.notification.subscription
  const details = detailsOf(sent, { ...answer, text })
  return { success: false, subscriptionId, responseData: text, isRetryable, fault, details }
}

/** Another event may pass: this one would be refused again, however often it is sent. */
function isOfThisEvent(code: string): boolean {
  return REFUSED_CONTENTS.some((each) => code === each || code.endsWith(`.${each}`))
}

const REFUSED_CONTENTS = [
  "MalformedDetail",
  "InvalidArgument",
  "ValidationException",
  "ValidationError",
  "InvalidMessageContents",
  "InvalidParameterValue",
  "MessageTooLong",
]

/** Neither the recipient nor the event can help it. */
function isOurOwn(error: unknown): boolean {
  return read(error, "name") === "CredentialsProviderError" || codeOf(error) === "CARILLON_UNSUPPORTED"
}

function errorCode(error: unknown): string {
  const name = read(error, "name")
  // A page that a proxy answered with is no answer of the service: its name would be that of our parser's error.
  if (name === "SyntaxError" || name === "Unknown") return `Http${statusOf(error) ?? ""}`
  return typeof name === "string" && name !== "Error" ? name : (codeOf(error) ?? "Error")
}

function messageOf(error: unknown): string {
  const message = read(error, "message")
  if (read(error, "name") === "SyntaxError") return "The answer is not one of this service"
  return typeof message === "string" && message !== "" ? message : "It failed without a message"
}

function statusOf(error: unknown): number | null {
  const status = read(error, "$metadata", "httpStatusCode")
  return typeof status === "number" ? status : null
}

/** The service's wish, in seconds. */
function retryAfterOf(error: unknown, now: number): Date | null {
  const seconds = Number(read(error, "$response", "headers", "retry-after") ?? Number.NaN)
  return seconds > 0 && seconds <= LONGEST_WISH_S ? new Date(now + seconds * 1000) : null
}

const LONGEST_WISH_S = 86_400

function detailsOf({ notifier, recipient, bytes }: Sent, answer: Answer): AttemptDetails {
  const isSent = answer.status !== null
  return {
    notifier,
    recipient,
    status: answer.status,
    request: isSent ? { headers: {}, bytes } : null,
    response: isSent ? responseOf(answer) : null,
  }
}

const MOST_KEPT = 16_384

function responseOf({ requestId, text }: Answer): ReceivedResponse {
  const headers: Record<string, string> = requestId === null ? {} : { "x-amzn-requestid": requestId }
  return { headers, body: text.slice(0, MOST_KEPT), isCut: text.length > MOST_KEPT }
}

function read(value: unknown, ...path: readonly string[]): unknown {
  let at = value
  for (const key of path) {
    if (typeof at !== "object" || at === null) return null
    at = (at as Record<string, unknown>)[key] ?? null
  }
  return at
}
