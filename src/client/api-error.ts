import type { Problem } from "../contract/problem.ts"
import { CarillonError, UNNAMED_REFUSAL } from "../core/errors.ts"
import { retryAfterOf } from "./retry.ts"

/**
 * The server, or somebody on the way to it, answered with a refusal or a failure. `code` is the one of
 * `docs/reference/errors.md` that the server named, else `CARILLON_API`.
 */
export class ApiError extends CarillonError {
  readonly status: number
  /** What the server said (RFC 9457); null = the answer was not one of Carillon's, such as a proxy's page. */
  readonly problem: Problem | null
  /** Under this id the request stands in the server's log; null = it was given none. */
  readonly requestId: string | null
  /** When to come back, in milliseconds from the answer; null = it did not say. */
  readonly retryAfterMs: number | null

  constructor({ status, headers, problem, message }: ApiErrorParts) {
    super(problem?.code ?? UNNAMED_REFUSAL, problem?.detail ?? message)
    this.status = status
    this.problem = problem
    this.requestId = headers.get("x-request-id")
    this.retryAfterMs = retryAfterOf(headers, Date.now())
  }
}

interface ApiErrorParts {
  readonly status: number
  readonly headers: Headers
  readonly problem: Problem | null
  readonly message: string // where there is no problem to speak for itself
}

/** What an answer that is none of success means. Its text may be anybody's, so nothing of it is said. */
export function refused(asked: string, { status, headers }: Response, text: string): ApiError {
  const message = `Expected an answer of Carillon to ${asked}, got ${status} with ${kindOf(headers)}. Is the \`url\` the server's own, and what stands before it in order?`
  return new ApiError({ status, headers, problem: problemIn(text), message })
}

/** A success that does not say what Carillon says: a log-in page, for instance. */
export function notOurs(asked: string, { status, headers }: Response): ApiError {
  const message = `Expected JSON in answer to ${asked}, got ${status} with ${kindOf(headers)}. Is the \`url\` the server's own?`
  return new ApiError({ status, headers, problem: null, message })
}

function kindOf(headers: Headers): string {
  const type = (headers.get("content-type") ?? "").split(";", 1)[0]?.trim()
  return type ? `a body of \`${type.slice(0, 100)}\`` : "a body of no type"
}

function problemIn(text: string): Problem | null {
  try {
    const value = JSON.parse(text) as Partial<Problem> | null
    const isOne = typeof value?.detail === "string" && typeof value.status === "number"
    return isOne && typeof value.title === "string" ? (value as Problem) : null
  } catch {
    return null // a proxy's page, or nothing
  }
}
