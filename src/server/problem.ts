import { STATUS_CODES } from "node:http"
import { PROBLEM_TYPE, type Problem } from "../contract/problem.ts"
import { codeOf, TooManyAttemptsError } from "../core/errors.ts"
import { type ErrorDetail, HttpError } from "../http/http-error.ts"
import type { WrittenRefusal } from "../http/listener.ts"
import { Reply } from "../http/reply.ts"

export interface Refusal {
  readonly problem: Problem
  readonly headers: Readonly<Record<string, string>>
}

/** What to answer when a request ended in this error; from 500 up nothing of what is inside is said. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof HttpError)
    return refusal(error.status, error.message, { errors: error.details, headers: error.headers })
  if (error instanceof TooManyAttemptsError) return later(error)
  const code = codeOf(error)
  const status = STATUSES[code ?? ""]
  if (code === null || status === undefined) return refusal(500, UNSPOKEN)
  if (status !== 503) return refusal(status, (error as Error).message, { code })
  return refusal(503, BUSY, { code, headers: { "retry-after": "1" } })
}

function later({ code, message, retryAfterMs }: TooManyAttemptsError): Refusal {
  return refusal(429, message, { code, headers: { "retry-after": String(Math.ceil(retryAfterMs / 1_000)) } })
}

const UNSPOKEN = "An unknown error occurred. What it was stands in the server's log."
const BUSY = "The service is busy or not available for the moment. Try again soon."

/** Codes that are the caller's to know; all others are faults of ours. */
const STATUSES: Readonly<Record<string, number>> = {
  CARILLON_INVALID_INPUT: 400,
  CARILLON_INVALID_FILTER: 400,
  CARILLON_INVALID_POLICY: 400,
  CARILLON_UNSERIALISABLE: 400,
  CARILLON_SCHEMA: 400,
  CARILLON_UNKNOWN_EVENT: 400,
  CARILLON_UNSUPPORTED: 400,
  CARILLON_FORBIDDEN: 403,
  CARILLON_NOT_FOUND: 404,
  CARILLON_DUPLICATE: 409,
  CARILLON_DUPLICATE_SUBSCRIBER: 409,
  CARILLON_ID_CONFLICT: 409,
  CARILLON_WORKFLOW_CHANGED: 409,
  CARILLON_RUN_CRASHED: 409,
  CARILLON_OPEN_WORK: 409,
  CARILLON_EVENT_TOO_LARGE: 413,
  CARILLON_OVERLOADED: 503,
  CARILLON_STOPPED: 503,
  CARILLON_STORE_UNAVAILABLE: 503,
  CARILLON_TIMEOUT: 503,
}

interface Rest {
  readonly code?: string
  readonly errors?: readonly ErrorDetail[]
  readonly headers?: Readonly<Record<string, string>>
}

function refusal(status: number, detail: string, { code, errors, headers = {} }: Rest = {}): Refusal {
  const title = STATUS_CODES[status] ?? "Error"
  const type = `urn:carillon:problem:${title.toLowerCase().replaceAll(/[^a-z]+/g, "-")}`
  return {
    problem: { type, title, status, detail, code, errors: errors?.map((each) => ({ ...each })) },
    headers,
  }
}

/** The same for what never gets to be a request. */
export function writtenProblem(error: HttpError): WrittenRefusal {
  return { contentType: PROBLEM_TYPE, body: refusalOf(error).problem }
}

export function replyOf({ problem, headers }: Refusal): Reply {
  return new Reply(JSON.stringify(problem), {
    status: problem.status,
    headers: { ...headers, "content-type": PROBLEM_TYPE },
  })
}
