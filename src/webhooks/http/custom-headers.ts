import { InvalidInputError } from "../../core/errors.ts"

const MOST = 32
const MOST_BYTES = 4096

/**
 * Headers that a webhook subscription sends of its own, by their names in lower case.
 *
 * What says where a request ends, whom it is for, and who signed it, is not for a subscription to say.
 *
 * @throws InvalidInputError for names and values that are not allowed; values are never shown
 */
export function checkedHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const entries = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const)
  if (entries.length > MOST) throw refused(`at most ${MOST} headers, got ${entries.length}`)
  for (const [name, value] of entries) checkHeader(name, value)
  const checked = Object.fromEntries(entries)
  if (Object.keys(checked).length < entries.length)
    throw refused("each header once, some differ in nothing but capitals")
  return checked
}

function checkHeader(name: string, value: unknown): void {
  if (!/^[!#$%&'*+.^_`|~\da-z-]{1,100}$/.test(name))
    throw refused(
      `a header's name to be of letters, digits and hyphens, got ${JSON.stringify(name.slice(0, 60))}`,
    )
  if (isReserved(name))
    throw refused(`other headers than \`${name}\`, which is not for a subscription to say`)
  if (typeof value !== "string" || value.length > MOST_BYTES || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value))
    throw refused(`\`${name}\` to be a line of at most ${MOST_BYTES} Latin characters`)
}

/** Whether a header is Carillon's or the connection's own. */
export function isReserved(name: string): boolean {
  return RESERVED.has(name) || PREFIXES.some((prefix) => name.startsWith(prefix))
}

const RESERVED: ReadonlySet<string> = new Set([
  "accept-encoding",
  "connection",
  "date",
  "expect",
  "host",
  "keep-alive",
  "te",
  "traceparent",
  "tracestate",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "via",
  "x-magento-signature",
])

const PREFIXES = ["content-", "proxy-", "webhook-", "svix-", "ce-", "carillon-", "x-carillon-"]

function refused(what: string): InvalidInputError {
  return new InvalidInputError(`Expected ${what}.`)
}
