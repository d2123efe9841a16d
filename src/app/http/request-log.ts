import type { HandlerLogger } from "../../bus/events.ts"
import type { AppRequest } from "./request.ts"

/** One line a request, in which the query is left out: secrets may stand there. In JSON its parts are fields. */
export function logRequest(
  logger: HandlerLogger,
  { method, path, ip, headers }: Pick<AppRequest, "method" | "path" | "ip" | "headers">,
  { status, ms }: { readonly status: number; readonly ms: number },
): void {
  const { referer: referrer = "-" } = headers
  logger.info(
    { http: { method, path, referrer, status, ms: Number(ms.toFixed(3)), ip } },
    `${method} ${visible(path)} ← ${visible(referrer)} (${status}) - ${ms.toFixed(3)} ms`,
  )
}

/** What a stranger sent must not steer the terminal. */
function visible(text: string): string {
  return text.replace(/\p{C}/gu, "\ufffd").slice(0, LONGEST)
}

const LONGEST = 200
