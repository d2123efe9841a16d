import { expected, InvalidFilterError } from "./errors.ts"
import { nearestName } from "./pattern.ts"

/**
 * Refuses a pattern that no filter can be made of safely: too deep, too large,
 * going round in a circle, or asking for what an event does not have.
 */
export function checkFilterShape(pattern: unknown): asserts pattern is Record<string, unknown> {
  if (!isRecord(pattern)) {
    throw new InvalidFilterError(expected('the filter to be an object like `{ "data": { … } }`', pattern))
  }
  checkSize(pattern)
  checkRoots(pattern)
}

const deepestPattern = 20
const mostValues = 2_000
const longestText = 2_048

function checkSize(pattern: unknown): void {
  const open: (readonly [value: unknown, depth: number])[] = [[pattern, 0]]
  for (let seen = 1; ; seen++) {
    const [value, depth] = open.pop() ?? [undefined, -1]
    if (depth === -1) return
    if (seen > mostValues)
      throw new InvalidFilterError(`A filter holds at most ${mostValues} fields and values.`)
    if (depth > deepestPattern)
      throw new InvalidFilterError(`A filter is at most ${deepestPattern} levels deep.`)
    checkText(value)
    if (typeof value !== "object" || value === null) continue
    if (!Array.isArray(value) && !isRecord(value)) {
      throw new InvalidFilterError(expected("a filter to be made of plain objects, lists and values", value))
    }
    for (const key of Object.keys(value)) checkText(key)
    for (const child of Object.values(value)) open.push([child, depth + 1])
  }
}

function checkText(value: unknown): void {
  if (typeof value !== "string" || value.length <= longestText) return
  throw new InvalidFilterError(
    expected(`each text of a filter to have at most ${longestText} characters`, value),
  )
}

const roots = ["name", "data", "metadata", "sender", "scope", "key"]
const withoutParts = new Set(["name", "sender", "key"])
const calledHere = new Map([
  ["detail", "data"],
  ["detail-type", "name"],
  ["type", "name"],
  ["source", "sender"],
  ["account", "scope.account"],
  ["workspace", "scope.workspace"],
])

function checkRoots(pattern: Record<string, unknown>): void {
  for (const [field, value] of Object.entries(pattern)) {
    if (field === "$or") {
      for (const alternative of Array.isArray(value) ? value : [])
        if (isRecord(alternative)) checkRoots(alternative)
    } else if (!roots.includes(field)) {
      throw unknownRoot(field)
    } else if (withoutParts.has(field)) {
      checkPlain(field, value)
    }
  }
}

function checkPlain(field: string, value: unknown): void {
  if (!Array.isArray(value))
    throw new InvalidFilterError(expected(`\`${field}\` to be a list of values or tests`, value))
  if (value.includes(null)) {
    throw new InvalidFilterError(
      `\`${field}\` is never null in a filter; write [{ "exists": false }] for an event without it.`,
    )
  }
}

function unknownRoot(field: string): InvalidFilterError {
  const near = calledHere.get(field) ?? nearestName(field, roots)
  const mend = near === null ? `A filter looks at ${roots.join(", ")}.` : `Did you mean \`${near}\`?`
  return new InvalidFilterError(`An event has no \`${field.slice(0, 60)}\`. ${mend}`)
}

/** An object of fields: no list, and nothing like a `Date` or a `Map`, whose content would be overlooked. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return Object.prototype.toString.call(value) === "[object Object]"
}
