import { StoppedError, UnsupportedError } from "../../core/errors.ts"
import type { AppNext } from "./middlewares.ts"
import type { Asked } from "./request.ts"
import type { Answer } from "./response.ts"

export type Act = (asked: Asked, answer: Answer, next: AppNext) => unknown

export interface Link {
  readonly act: Act
  /** A handler that ends without an answer has failed; a middleware may still call `next()`. */
  readonly isHandler: boolean
  /** What failed after it had let the request go on, or had answered. */
  readonly onLateError: (error: unknown) => void
}

/**
 * Calls a middleware or handler of Express's shape, and waits until it is clear how it goes on.
 *
 * @returns true when it called `next()`, false when it answered
 * @throws what it threw, or called `next` with
 */
export function pass({ act, isHandler, onLateError }: Link, asked: Asked, answer: Answer): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>()
  let isOver = false
  const end = (goesOn: boolean): void => {
    isOver = true
    resolve(goesOn)
  }
  const fail = (error: unknown): void => {
    if (isOver) onLateError(error)
    isOver = true
    reject(error)
  }
  const take = (value: unknown): void => {
    if (value instanceof Response) answer.take(value)
    if (answer.headersSent) end(false)
  }
  const next: AppNext = (error) => (error === undefined || error === null ? end(true) : fail(error))
  answer.given.then(() => end(false))
  try {
    const returned = act(asked, answer, next)
    if (isPromise(returned))
      returned
        .then(take)
        .then(() => {
          if (isHandler && !isOver) fail(unanswered(asked))
        })
        .then(undefined, fail)
    else take(returned)
    // Whoever calls back later may never do it once the client is gone.
    if (!isOver && !isPromise(returned)) asked.signal.addEventListener("abort", () => fail(gone()))
  } catch (error) {
    fail(error)
  }
  return promise
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as Promise<unknown> | null | undefined)?.then === "function"
}

function gone(): StoppedError {
  return new StoppedError("The client went away before it had its answer.")
}

function unanswered({ method, path }: Asked): UnsupportedError {
  return new UnsupportedError(
    `Expected the handler of ${method} ${path} to answer by \`res.json(…)\` or to return a \`Response\`, but it ended without.`,
  )
}
