import type { HandlerLogger } from "../../bus/events.ts"

export interface Handled {
  readonly method: string
  readonly path: string // without the query, in which secrets may stand
  readonly referrer: string | null
  readonly status: number
  readonly ms: number
  readonly ip: string
}

/** One line a request; in JSON its parts are fields of their own. */
export function logRequest(logger: HandlerLogger, handled: Handled): void {
  const { method, path, referrer, status, ms } = handled
  logger.info(
    { http: { ...handled, ms: Number(ms.toFixed(3)) } },
    `${method} ${path} ← ${visible(referrer ?? "-")} (${status}) - ${ms.toFixed(3)} ms`,
  )
}

/** What a stranger sent must not steer the terminal. */
function visible(text: string): string {
  return text.replace(/\p{C}/gu, "\ufffd").slice(0, LONGEST)
}

const LONGEST = 200
