import type { HandlerLogger } from "../bus/events.ts"

export interface LoggedRequest {
  readonly method: string
  readonly path: string
  readonly referrer: string // "-" = it did not say
  readonly ip: string
  readonly requestId?: string
}

/** One line a request, in which the query is left out: secrets may stand there. In JSON its parts are fields. */
export function logRequest(
  logger: HandlerLogger,
  { method, path, referrer, ip, requestId }: LoggedRequest,
  { status, ms }: { readonly status: number; readonly ms: number },
): void {
  logger.info(
    { http: { method, path, referrer: plain(referrer), status, ms: Number(ms.toFixed(3)), ip, requestId } },
    `${method} ${visible(path)} ← ${visible(plain(referrer))} (${status}) - ${ms.toFixed(3)} ms`,
  )
}

/** The page that somebody came from, without its query. */
function plain(referrer: string): string {
  return referrer.split(/[?#]/, 1)[0] ?? "-"
}

/** What a stranger sent must not steer the terminal. */
function visible(text: string): string {
  return text.replace(/\p{C}/gu, "\ufffd").slice(0, LONGEST)
}

const LONGEST = 200
