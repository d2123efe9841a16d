const LONGEST_TEXT = 200
const MOST_VALUES = 20
const DEEPEST = 3

/** What an audit entry says of how something was asked for: it is for people, and stays small whatever comes. */
export function smallDetails(details: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return small(details, 0) as Record<string, unknown>
}

function small(value: unknown, depth: number): unknown {
  if (typeof value === "string") return shortened(value)
  if (typeof value === "number" || typeof value === "boolean" || value === null) return value
  if (value instanceof Date) return value.toISOString()
  if (typeof value !== "object" || depth === DEEPEST) return undefined
  if (Array.isArray(value)) return value.slice(0, MOST_VALUES).map((each) => small(each, depth + 1) ?? null)
  const fields = Object.entries(value).slice(0, MOST_VALUES)
  return Object.fromEntries(fields.map(([name, each]) => [shortened(name), small(each, depth + 1)]))
}

export function shortened(text: string): string {
  return text.length <= LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT)}…`
}
