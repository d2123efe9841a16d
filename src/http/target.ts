import type { IncomingMessage } from "node:http"
import { HttpError } from "./http-error.ts"

/**
 * What is asked for, from its path on, in the form that a URL gives it: `..` is resolved, and nothing stands in it that a
 * URL would write otherwise.
 *
 * @throws HttpError (400) for what is no path, and where no host is named, or one that cannot be
 */
export function targetOf({ url = "", headers }: Pick<IncomingMessage, "url" | "headers">): string {
  if (!url.startsWith("/") && /^https?:\/\//.test(url)) return normalised(url)
  const { host } = headers
  if (host === undefined || !HOST.test(host) || !url.startsWith("/")) throw unreadable()
  return PLAIN.test(url) && !(url.includes("/.") && DOTS.test(url)) ? url : normalised(`http://host${url}`)
}

const HOST = /^(?:[a-z\d._-]+|\[[\da-f:.]+\])(?::\d{0,5})?$/i
/** Nothing that a URL writes otherwise: most paths are so, and need not be parsed. */
const PLAIN = /^\/[!$&(-;=?-[\]_a-z~]*$/i
const DOTS = /\/\.\.?(?:[/?]|$)/

function normalised(url: string): string {
  // A URL takes `\` for `/`, and others on the way may not.
  if (/^[^?]*\\/.test(url) || !URL.canParse(url)) throw unreadable()
  const { pathname, search } = new URL(url)
  return pathname + search
}

export function unreadable(): HttpError {
  return new HttpError(400, "Expected a request with a host and a path that can be read.")
}
