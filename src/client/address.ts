import { ConfigError, InvalidInputError } from "../core/errors.ts"

/** Where the server is, without a slash at its end. */
export function baseOf(url: string | URL): string {
  const base = URL.parse(String(url))
  if (base === null || !/^https?:$/.test(base.protocol))
    throw new ConfigError("Expected `url` to be the server's address, such as `https://events.shop.example`.")
  if (base.username !== "" || base.password !== "")
    throw new ConfigError("Expected `url` without a name and a password: hand a `token` over instead.")
  if (base.search !== "" || base.hash !== "")
    throw new ConfigError("Expected `url` without a query and a fragment: only where the server is.")
  return (base.origin + base.pathname).replace(/\/+$/, "")
}

/** `/api/events/{id}` with what stands for the names. */
export function pathOf(template: string, params: object | undefined): string {
  const values = (params ?? {}) as Readonly<Record<string, unknown>>
  return template.replaceAll(/\{(\w+)\}/g, (_, name: string) => segment(name, values[name]))
}

/** An empty one, `.` or `..` would make another path of it. */
function segment(name: string, value: unknown): string {
  const text = String(value ?? "")
  if (value === undefined || value === null || /^\.{0,2}$/.test(text) || !text.isWellFormed())
    throw new InvalidInputError(`Expected \`${name}\` to be a name or an id, got \`${text}\`.`)
  return encodeURIComponent(text)
}

/** `?name=order.placed&limit=10`, or nothing. */
export function queryOf(query: object | undefined): string {
  const parts = new URLSearchParams()
  for (const [name, value] of Object.entries(query ?? {}))
    if (value !== undefined) parts.append(name, textOf(name, value))
  const text = parts.toString()
  return text === "" ? "" : `?${text}`
}

function textOf(name: string, value: unknown): string {
  if (value instanceof Date) return isoOf(name, value)
  return typeof value === "object" ? JSON.stringify(value) : String(value)
}

function isoOf(name: string, date: Date): string {
  if (Number.isFinite(date.getTime())) return date.toISOString()
  throw new InvalidInputError(`Expected \`${name}\` to be a moment, got a date that is none.`)
}
