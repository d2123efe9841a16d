import { codeOf } from "../../src/core/errors.ts"

/** A value in one line, with what JSON would lose: undefined, dates, functions. Properties stand in order of their names. */
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

/** Carillon's own errors by their codes: their words may change. Those that bear Medusa's names keep them. */
export function showError(error: unknown): string {
  if (error === null || typeof error !== "object") return show(error)
  const { name, message } = error as { readonly name?: string; readonly message?: string }
  const code = codeOf(error)
  if (!code?.startsWith("CARILLON_") || name === "PermanentStepFailure") return `${name}: ${message}`
  return name?.endsWith("TimeoutError") ? `${name}: (words)` : code
}

/** Ids that are made for each run, so that two runs compare. */
export function withoutIds(text: string): string {
  return text.replace(/\b(run_|auto-)[0-9A-Z]{26}\b/g, "$1…")
}
