/** Fields whose values are the application's own, whatever they look like. */
const PAYLOADS: ReadonlySet<string> = new Set([
  "data",
  "metadata",
  "sample",
  "input",
  "output",
  "result",
  "details",
  "filter",
  "options",
])

/** A report as the library has it: JSON made text of its dates. */
export function revived<T>(value: unknown): T {
  return reviveIn(value) as T
}

function reviveIn(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reviveIn)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, revive(name, inner)]))
}

function revive(name: string, value: unknown): unknown {
  if (PAYLOADS.has(name)) return value
  if (!/^(?:at|since|until)$|At$|Until$/.test(name)) return reviveIn(value)
  if (Array.isArray(value)) return value.map((each) => revive(name, each))
  return typeof value === "string" ? new Date(value) : reviveIn(value)
}
