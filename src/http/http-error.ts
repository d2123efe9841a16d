import { codeOf } from "../core/errors.ts"

/** What every refused or failed request is answered with; Medusa's clients read `type` and `message`. */
export interface ErrorBody {
  readonly type: string
  readonly message: string
  readonly code?: string
  readonly details?: readonly ErrorDetail[]
}

/** One thing that is wrong with what was sent. */
export interface ErrorDetail {
  readonly path: string // "" = the whole
  readonly message: string
}

export interface ErrorAnswer {
  readonly status: number
  readonly body: ErrorBody
  readonly headers: Readonly<Record<string, string>>
}

/** A request that is refused: its message is meant for whoever sent it. */
export class HttpError extends Error {
  readonly status: number
  readonly details: readonly ErrorDetail[] | undefined
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, message: string, { details, headers = {}, cause }: HttpErrorOptions = {}) {
    super(message, { cause })
    this.name = "HttpError"
    this.status = status
    this.details = details
    this.headers = headers
  }
}

interface HttpErrorOptions {
  readonly details?: readonly ErrorDetail[]
  readonly headers?: Readonly<Record<string, string>>
  readonly cause?: unknown
}

/** What to answer when a request ended in this error; from 500 up nothing of what is inside is said. */
export function answerTo(error: unknown): ErrorAnswer {
  if (error instanceof HttpError) return answer(error.status, error.message, error)
  const code = codeOf(error) ?? undefined
  const { message = "", issues } = (error ?? {}) as { message?: string; issues?: unknown }
  if (Array.isArray(issues)) return refusal(issues as Issue[])
  const status = STATUS_OF_CODES[code ?? ""] ?? statusOfMedusas(error)
  if (status === undefined || status >= 500) return unspoken(status ?? 500, code)
  const { type } = error as { type?: string }
  return { status, body: { type: type ?? typeOf(status), message, code }, headers: {} }
}

const STATUS_OF_CODES: Readonly<Record<string, number>> = {
  CARILLON_INVALID_INPUT: 400,
  CARILLON_SCHEMA: 400,
  CARILLON_NOT_FOUND: 404,
  CARILLON_OVERLOADED: 503,
  CARILLON_STORE_UNAVAILABLE: 503,
  CARILLON_STOPPED: 503,
}

function unspoken(status: number, code: string | undefined): ErrorAnswer {
  if (status !== 503) return answer(status, "An unknown error occurred.")
  const { body } = answer(503, "The service is busy or not available for the moment. Try again soon.")
  return { status, body: { ...body, code }, headers: { "retry-after": "1" } }
}

function answer(
  status: number,
  message: string,
  { details, headers = {} }: { details?: readonly ErrorDetail[]; headers?: Record<string, string> } = {},
): ErrorAnswer {
  return { status, body: { type: typeOf(status), message, details }, headers }
}

const TYPES: Readonly<Record<number, string>> = {
  400: "invalid_data",
  401: "unauthorized",
  403: "forbidden",
  404: "not_found",
  405: "not_allowed",
  408: "timeout",
  409: "conflict",
  413: "too_large",
  415: "unsupported_media_type",
  422: "duplicate_error",
  429: "too_many_requests",
  431: "too_large",
  503: "unavailable",
}

function typeOf(status: number): string {
  return TYPES[status] ?? (status >= 500 ? "unknown_error" : "invalid_request")
}

/** An app that came from Medusa throws Medusa's errors, which say by `type` what they are. */
function statusOfMedusas(error: unknown): number | undefined {
  const { __isMedusaError: isOne, type } = (error ?? {}) as { __isMedusaError?: unknown; type?: unknown }
  return isOne === true && typeof type === "string" ? STATUS_OF_TYPES[type] : undefined
}

const STATUS_OF_TYPES: Readonly<Record<string, number>> = {
  invalid_data: 400,
  not_allowed: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  duplicate_error: 422,
  payment_authorization_error: 422,
}

/** What a Standard Schema, or a library such as zod, finds wrong. */
export interface Issue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[]
}

/** The answer to data that does not fit a schema. */
function refusal(issues: readonly Issue[]): ErrorAnswer {
  return answerTo(schemaError("data", issues))
}

export function schemaError(what: string, issues: readonly Issue[]): HttpError {
  const details = issues.slice(0, MOST_DETAILS).map(({ message, path = [] }) => ({
    path: path.map((each) => String(typeof each === "object" ? each.key : each)).join("."),
    message,
  }))
  const [first] = details
  const where = first === undefined || first.path === "" ? "" : `\`${first.path}\`: `
  return new HttpError(400, `Invalid ${what}: ${where}${first?.message ?? "it does not fit the schema"}`, {
    details,
  })
}

const MOST_DETAILS = 20
