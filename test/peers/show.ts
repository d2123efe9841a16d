/** A value in one line, with what JSON would lose: undefined, dates, errors' names. */
export function show(value: unknown): string {
  if (value === undefined) return "undefined"
  if (value instanceof Date) return `Date(${value.toISOString()})`
  if (typeof value === "function") return "function"
  if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`
  if (value === null || typeof value !== "object") return JSON.stringify(value)
  const own = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, inner]) => `${name}: ${show(inner)}`)
  return own.length === 0 ? "{}" : `{ ${own.join(", ")} }`
}

export function showError(error: unknown): string {
  if (error === null || typeof error !== "object") return show(error)
  const { name, message } = error as { readonly name?: string; readonly message?: string }
  return `${name}: ${message}`
}
