import type { GivenOf, RouteContract } from "../contract/route.ts"
import { pathOf, type Received } from "../http/received.ts"
import { Reply } from "../http/reply.ts"
import { SAFE_HEADERS } from "./api.ts"

/** An answer whose status or headers hang on what came of it; else a handler returns the body alone. */
export function answerWith<R extends RouteContract>(
  _contract: R,
  body: GivenOf<R>,
  { status, headers = {} }: { readonly status: number; readonly headers?: Readonly<Record<string, string>> },
): Reply {
  return new Reply(JSON.stringify(body), {
    status,
    headers: { ...SAFE_HEADERS, ...headers, "content-type": "application/json" },
  })
}

/** Where something stands: so many segments up from what was asked, and down again by these. */
export function locationFrom(request: Received, up: number, down: readonly string[]): string {
  const segments = pathOf(request).replace(/\/+$/, "").split("/")
  return [...segments.slice(0, segments.length - up), ...down.map(encodeURIComponent)].join("/")
}
