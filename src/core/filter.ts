import { expected, InvalidFilterError } from "./errors.ts"
import { checkFilterShape, isRecord } from "./filter-shape.ts"
import { compileMatcher, type Matcher, type Scalar } from "./matcher.ts"

/** What a filter can look at. */
export interface FilterableEvent {
  readonly name: string
  readonly data?: unknown
  readonly metadata?: unknown
  readonly sender?: unknown
  readonly scope?: unknown
  readonly key?: unknown
}

/** A filter ready for use. It keeps nothing of the pattern that it was made from. */
export interface CompiledFilter {
  matches(event: FilterableEvent): boolean
  /** `null` when the event matches; else the first path that does not: "data.total is 40, wanted numeric > 100". */
  explain(event: FilterableEvent): string | null
}

/**
 * Makes a filter of an event pattern, the language of Amazon EventBridge over
 * `name`, `data`, `metadata`, `sender`, `scope` and `key`:
 * `{ "data": { "total": [{ "numeric": [">", 100] }], "currency": ["EUR", "CHF"] } }`.
 *
 * All fields must match; in a list one entry is enough. Where the event holds an
 * array, one element is enough, and fields that stand together in the pattern
 * must match in the same element. `exists` asks whether a field is there at all,
 * also as an object or an empty array; every other test needs a value without
 * parts. A date counts as its ISO text, a `sender` or `key` of `null` as not there.
 * A pattern without fields fits every event.
 *
 * @throws InvalidFilterError that names the path and how to mend it
 */
export function compileFilter(pattern: unknown): CompiledFilter {
  checkFilterShape(pattern)
  const root = compileFields(pattern, "")
  return {
    matches: (event) => root.matches(rootOf(event)),
    explain: (event) => {
      const fields = rootOf(event)
      return root.matches(fields) ? null : root.explain(fields, "")
    },
  }
}

/** A part of a filter: what it says to a value, `undefined` standing for a field that is not there. */
interface Test {
  matches(value: unknown): boolean
  /** Why not. It is only asked after `matches` said no. */
  explain(value: unknown, path: string): string
}

// Read by name: an event may have them as getters, which an own-property check would not see.
function rootOf(event: FilterableEvent): Readonly<Record<string, unknown>> {
  const { name, data, metadata, scope } = event
  return { name, data, metadata, scope, sender: event.sender ?? undefined, key: event.key ?? undefined }
}

function compileFields(pattern: Record<string, unknown>, path: string): Test {
  const { $or: alternatives, ...fields } = pattern
  const parts = Object.keys(fields).map((key) => fieldTest(key, fields[key], path))
  if (alternatives !== undefined) parts.push(compileAlternatives(alternatives, path))
  const holds = (value: unknown) => parts.every((part) => part.matches(value))

  return {
    matches: (value) => holdsForAny(value, holds),
    explain: (value, at) =>
      ofFirstElement(value, at, (element, place) => {
        const failing = parts.find((part) => !part.matches(element))
        return failing === undefined ? `${place} is nested too deep` : failing.explain(element, place)
      }),
  }
}

function fieldTest(key: string, pattern: unknown, parent: string): Test {
  const test = compileField(pattern, pathTo(parent, key))
  return {
    matches: (value) => test.matches(fieldOf(value, key)),
    explain: (value, at) => test.explain(fieldOf(value, key), pathTo(at, key)),
  }
}

function compileField(pattern: unknown, path: string): Test {
  if (Array.isArray(pattern)) return compileList(pattern, path)
  if (!isRecord(pattern))
    throw new InvalidFilterError(`${expected(`\`${path}\` to be a list`, pattern)} ${listMend}`)
  if (Object.keys(pattern).length > 0) return compileFields(pattern, path)
  throw new InvalidFilterError(`\`${path}\` asks for nothing: leave it out, or write [{ "exists": true }].`)
}

const listMend = 'Put a value in a list, even when there is only one: `["EUR"]`.'

function compileAlternatives(patterns: unknown, path: string): Test {
  const place = pathTo(path, "$or")
  if (!Array.isArray(patterns) || patterns.length === 0 || !patterns.every(isRecord)) {
    throw new InvalidFilterError(expected(`\`${place}\` to be a list of patterns`, patterns))
  }
  const tests = patterns.map((pattern) => compileFields(pattern, path))
  return {
    matches: (value) => tests.some((test) => test.matches(value)),
    explain: (value, at) => {
      const first = tests[0]?.explain(value, at) ?? ""
      return tests.length === 1
        ? first
        : `none of ${tests.length} alternatives matches; of the first: ${first}`
    },
  }
}

function compileList(list: readonly unknown[], path: string): Test {
  if (list.length === 0)
    throw new InvalidFilterError(`The list of \`${path}\` is empty, so nothing could match it.`)
  const matchers = list.map((entry) => compileMatcher(entry, path))
  const mayBeAbsent = matchers.some(({ exists }) => exists === false)
  const isEnough = matchers.some(({ exists }) => exists === true)
  const holds = anyOf(matchers.filter(({ exists }) => exists === null))
  const wanted = cut(matchers.map((matcher) => matcher.wanted).join(" or "), 200)

  return {
    matches: (value) => (value === undefined ? mayBeAbsent : isEnough || holdsForAny(value, holds)),
    explain: (value, at) => `${at} is ${shown(value)}, wanted ${wanted}`,
  }
}

function anyOf(matchers: readonly Matcher[]): (value: unknown) => boolean {
  const tests = matchers.map(({ test }) => test)
  return (value) => {
    const scalar = value instanceof Date ? value.toJSON() : value
    return isScalar(scalar) && tests.some((test) => test(scalar))
  }
}

// An event may nest arrays a hundred thousand deep; no sensible one nests them deeper than this.
const deepestArray = 32

/** Whether it holds for the value or, of an array, for one element; an empty array counts as not there. */
function holdsForAny(value: unknown, holds: (value: unknown) => boolean, depth = 0): boolean {
  if (!Array.isArray(value)) return holds(value)
  if (value.length === 0) return holds(undefined)
  return depth < deepestArray && value.some((element) => holdsForAny(element, holds, depth + 1))
}

function ofFirstElement(
  value: unknown,
  at: string,
  explain: (element: unknown, at: string) => string,
): string {
  let [element, place, depth] = [value, at, 0]
  while (Array.isArray(element) && element.length > 0 && depth++ < deepestArray) {
    place = `${place}[0]`
    element = element[0]
  }
  const why = explain(Array.isArray(element) ? undefined : element, place)
  if (!Array.isArray(value) || value.length < 2) return why
  return `none of the ${value.length} elements of ${at} matches; of the first: ${why}`
}

// Only own fields: a pattern must not see what every object inherits.
function fieldOf(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined
  return (value as Record<string, unknown>)[key]
}

function pathTo(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`
}

function shown(value: unknown): string {
  if (value === undefined) return "missing"
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === "object" && value !== null && !(value instanceof Date)) return "an object"
  return cut(typeof value === "string" ? JSON.stringify(cut(value, 80)) : String(JSON.stringify(value)), 80)
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`
}

function isScalar(value: unknown): value is Scalar {
  return (
    value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean"
  )
}
