import type { HandlerLogger } from "../../bus/events.ts"
import { answerTo } from "../../http/http-error.ts"
import { pass } from "./chain.ts"
import type { AppErrorHandler } from "./middlewares.ts"
import type { Asked } from "./request.ts"
import type { Answer } from "./response.ts"

/** Answers what was thrown: in the app's own words where it has some, else in ours. */
export class Refusals {
  readonly #logger: HandlerLogger
  readonly #errorHandler: AppErrorHandler | null

  constructor(logger: HandlerLogger, errorHandler: AppErrorHandler | null) {
    this.#logger = logger
    this.#errorHandler = errorHandler
  }

  async answer(error: unknown, asked: Asked, answer: Answer): Promise<Response> {
    if (answer.headersSent) {
      this.noteLate(error)
      return answer.given
    }
    const rest = await this.#handled(error, asked, answer)
    return rest === null ? answer.given : this.#usual(rest.error, asked)
  }

  /** Nobody can be told any more. */
  readonly noteLate = (error: unknown): void => {
    const err = asError(error)
    this.#logger.error({ err }, `A request failed after it had its answer: ${err.message}`)
  }

  /** What the app's error handler left over; null = it has answered. */
  async #handled(error: unknown, asked: Asked, answer: Answer): Promise<{ readonly error: unknown } | null> {
    const handler = this.#errorHandler
    if (handler === null) return { error }
    const link = { isHandler: true, onLateError: this.noteLate }
    try {
      const goesOn = await pass({ ...link, act: (...three) => handler(error, ...three) }, asked, answer)
      return goesOn ? { error } : null
    } catch (thrown) {
      return { error: thrown }
    }
  }

  #usual(error: unknown, { method, path }: Asked): Response {
    const { status, body, headers } = answerTo(error)
    if (status >= 500) {
      const err = asError(error)
      this.#logger.error({ err }, `${method} ${path} failed: ${err.message}`)
    }
    return Response.json(body, { status, headers })
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
