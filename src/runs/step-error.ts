import { CarillonError, isPermanent, retryAfterOf } from "../core/errors.ts"
import { failureOf } from "../core/failure.ts"
import { PERMANENT_FAILURE } from "./definition.ts"

/** An error on its way to the store: what of it another process can make an error of again. */
interface WrittenError {
  readonly name: string
  readonly message: string
  readonly code?: string
  readonly type?: string // of a Medusa error, whose status it decides
  readonly stack?: string
}

/** What was thrown, or what can be said of it where looking at it throws. */
export function readable(error: unknown): unknown {
  try {
    writeError(error)
    permanentFailureIn(error)
    retryAfterOf(error)
    isPermanent(error)
    return error
  } catch {
    return new Error("A value that cannot be read was thrown.")
  }
}

export function writeError(error: unknown): string {
  const { message, stack } = failureOf(error)
  const { name, code, type, __isMedusaError } = (error ?? {}) as Readonly<Record<string, unknown>>
  const written: WrittenError = {
    name: typeof name === "string" && name !== "" ? name : "Error",
    message: (error as Error | null)?.message === "" ? "" : message,
    ...(typeof code === "string" ? { code } : undefined),
    ...(typeof type === "string" && __isMedusaError === true ? { type } : undefined),
    ...(stack === undefined ? undefined : { stack }),
  }
  return JSON.stringify(written)
}

/** The error that was written; one of ours can be told by its code again. */
export function readError(text: string | null): Error {
  const { name, message, code, type, stack } = parse(text)
  const error = code === undefined ? new Error(message) : new CarillonError(code, message)
  if (type !== undefined) Object.assign(error, { type, __isMedusaError: true })
  error.name = name
  if (stack !== undefined) error.stack = `${name}: ${message}\n${stack}`
  return error
}

export function messageIn(text: string | null): string {
  return parse(text).message
}

function parse(text: string | null): WrittenError {
  if (text === null) return { name: "Error", message: "The step failed." }
  try {
    return JSON.parse(text) as WrittenError
  } catch {
    return { name: "Error", message: text } // not written by us
  }
}

/** A step said so itself: trying again cannot help. What its compensation is to get may come with it. */
export function permanentFailureIn(error: unknown): { readonly compensateInput: unknown } | null {
  const { __type, compensateInput } = (error ?? {}) as { __type?: unknown; compensateInput?: unknown }
  return __type === PERMANENT_FAILURE ? { compensateInput } : null
}
