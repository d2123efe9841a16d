import pino, { type LogFn, type Logger } from "pino"
import type { HandlerLogger } from "../bus/events.ts"
import { CarillonError } from "../core/errors.ts"
import { formatLine } from "./log-line.ts"

/** The least severe lines that are written; `silent` for none. */
export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent"

export const LOG_LEVELS: readonly LogLevel[] = ["trace", "debug", "info", "warn", "error", "fatal", "silent"]

/**
 * Lines for people where somebody reads along, else JSON for machines.
 * `CARILLON_LOG=pretty` and `CARILLON_LOG=json` decide it for good.
 */
export function appLogger({ mode, level }: { mode: "dev" | "start"; level: LogLevel }): Logger {
  const wish = process.env.CARILLON_LOG
  const forPeople = wish === "pretty" || (wish !== "json" && (mode === "dev" || process.stdout.isTTY))
  if (!forPeople) return pino({ level, hooks: { logMethod: takeTextFirst } })
  // The nested key keeps what was logged apart from pino's own fields, whatever its keys are.
  const options = {
    level,
    nestedKey: "data",
    base: null,
    timestamp: false,
    hooks: { logMethod: takeTextFirst },
  }
  return pino(options, { write: (line: string) => process.stdout.write(formatLine(line)) })
}

/** `logger.info("Request Data:", brand)` reads best and is what other loggers take; pino wants the object first. */
function takeTextFirst(this: Logger, args: Parameters<LogFn>, method: LogFn): void {
  const [text, value, ...rest] = args as [unknown, unknown, ...unknown[]]
  const isTextAndValue = typeof text === "string" && typeof value === "object" && value !== null
  if (isTextAndValue && rest.length === 0 && !/%[sdifoOjc]/.test(text)) method.call(this, value, text)
  else method.apply(this, args)
}

/** What Carillon says of its own accord needs no trace; the error of a user's file behind it does. */
export function logError(logger: HandlerLogger, error: unknown): void {
  if (!(error instanceof CarillonError)) logger.error(error)
  else if (error.cause instanceof Error && !(error.cause instanceof CarillonError))
    logger.error({ err: error.cause }, error.message)
  else logger.error(error.message)
}
