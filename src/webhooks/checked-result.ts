import { expected, InvalidInputError } from "../core/errors.ts"
import type { AttemptDetails, ReceivedResponse, SentRequest } from "../core/job.ts"
import type { NotifierResult } from "./notifier.ts"

const MOST_BODY = 16_384
const MOST_HEADERS = 40
const MOST_TEXT = 2_048

/**
 * What a notifier said, as it can be acted on and kept. Those of applications may be plain JavaScript, and one that says
 * what no store can hold must not take the process with it. What is well is handed on as it is.
 *
 * @throws InvalidInputError where it does not say whether it arrived
 */
export function checkedResult(result: unknown, notifier: string): NotifierResult {
  if (!isRecord(result) || typeof result.success !== "boolean")
    throw new InvalidInputError(
      expected(`the notifier \`${notifier}\` to return an object with \`success\`, true or false`, result),
    )
  const { responseData, details } = result
  const isWell = typeof responseData === "string" && (details === undefined || isKeepable(details))
  if (isWell) return result as unknown as NotifierResult
  return {
    ...(result as unknown as NotifierResult),
    responseData: textOf(responseData),
    details: isRecord(details) ? kept(details, notifier) : undefined,
  }
}

type Unknowns = Readonly<Record<string, unknown>>

function isRecord(value: unknown): value is Unknowns {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value
  if (value === undefined || value === null) return ""
  if (value instanceof Error) return value.message
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return typeof value === "bigint" ? String(value) : "what cannot be told as JSON"
  }
}

function isKeepable(details: unknown): boolean {
  if (!isRecord(details)) return false
  const { notifier, recipient, status, request, response } = details
  return (
    isShort(notifier) &&
    isShort(recipient) &&
    (status === null || Number.isSafeInteger(status)) &&
    (request === null || (isRecord(request) && hasHeaders(request) && Number.isSafeInteger(request.bytes))) &&
    (response === null || (isRecord(response) && hasHeaders(response) && hasBody(response)))
  )
}

function isShort(text: unknown, most = MOST_TEXT): boolean {
  return typeof text === "string" && text.length <= most && isStorable(text)
}

function hasHeaders({ headers }: Unknowns): boolean {
  if (!isRecord(headers)) return false
  const entries = Object.entries(headers)
  return entries.length <= MOST_HEADERS && entries.every((texts) => texts.every((text) => isShort(text)))
}

function hasBody({ body, isCut }: Unknowns): boolean {
  return typeof isCut === "boolean" && isShort(body, MOST_BODY)
}

/** Of details of another shape what can be kept. */
function kept({ notifier, recipient, status, request, response }: Unknowns, by: string): AttemptDetails {
  return {
    notifier: typeof notifier === "string" ? shortened(notifier) : by,
    recipient: typeof recipient === "string" ? shortened(recipient) : "",
    status: Number.isSafeInteger(status) ? (status as number) : null,
    request: isRecord(request) ? keptRequest(request) : null,
    response: isRecord(response) ? keptResponse(response) : null,
  }
}

function keptRequest({ headers, bytes }: Unknowns): SentRequest {
  return { headers: keptHeaders(headers), bytes: Number.isSafeInteger(bytes) ? (bytes as number) : 0 }
}

function keptResponse({ headers, body, isCut }: Unknowns): ReceivedResponse {
  const text = textOf(body)
  return {
    headers: keptHeaders(headers),
    body: shortened(text, MOST_BODY),
    isCut: isCut === true || text.length > MOST_BODY,
  }
}

function keptHeaders(headers: unknown): Readonly<Record<string, string>> {
  const entries = isRecord(headers) ? Object.entries(headers).slice(0, MOST_HEADERS) : []
  return Object.fromEntries(
    entries.map(([name, value]) => [shortened(name), shortened(textOf(value), MOST_VALUE)]),
  )
}

const MOST_VALUE = 300

function shortened(text: string, most = MOST_TEXT): string {
  return storable(text.slice(0, most))
}

/** No PostgreSQL can hold a NUL, nor half a character. */
function storable(text: string): string {
  return isStorable(text) ? text : text.toWellFormed().replaceAll("\0", "\ufffd")
}

function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes("\0")
}
