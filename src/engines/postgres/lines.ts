import type { StoredEvent } from "../../core/event.ts"

/**
 * How columns of text travel: the cells of a column in one value, with a separator between them and a
 * sign for null. Against arrays or JSON nothing has to be escaped on this side and little taken apart on
 * the other: half of what an event costs (bench/RESULTS.md).
 */
export interface Signs {
  readonly separator: string
  readonly nil: string
}

type Cell = string | number | null
type Column = readonly Cell[]

/** JSON holds no control characters, names mostly hold none: the first two that nobody uses. */
const CANDIDATES = [
  "\n",
  "\r",
  ..."\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\u000b\f\u000e\u000f\u0010\u0011\u0012",
]

const USUAL: Signs = { separator: "\n", nil: "\r" }

/** Signs that stand in none of these texts. */
export function signsFor(texts: Iterable<string | null>): Signs {
  const used = new Set<string>()
  for (const text of texts) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
    if (text !== null && /[\u0001-\u001f]/.test(text)) for (const sign of text) used.add(sign)
  }
  if (used.size === 0) return USUAL
  const [separator, nil] = CANDIDATES.filter((sign) => !used.has(sign))
  if (separator === undefined || nil === undefined)
    throw new RangeError("A commit's texts use every control character there is.")
  return { separator, nil }
}

export function joined(column: Column, { separator, nil }: Signs): string {
  let text = ""
  for (let i = 0; i < column.length; i++) {
    if (i > 0) text += separator
    text += column[i] ?? nil
  }
  return text
}

/** Null where every cell is: such a column is not sent. */
export function joinedUnlessNull(column: Column, signs: Signs): string | null {
  return column.every((cell) => cell === null) ? null : joined(column, signs)
}

/** A PostgreSQL array of numbers or truths. */
export function arrayOf(values: readonly (number | boolean | null)[]): string {
  let text = "{"
  for (let i = 0; i < values.length; i++) {
    if (i > 0) text += ","
    text += values[i] ?? "NULL"
  }
  return `${text}}`
}

/** What `store.append` takes of the events of a commit. */
export interface EventLines {
  readonly signs: Signs
  readonly names: { readonly distinct: string; readonly counts: string }
  readonly values: readonly (string | null)[] // names, ats, data, scopes, senders, keys, extras, ids, hashes
}

/** `others` are texts that the signs must not stand in either. */
export function linesOf(events: readonly StoredEvent[], others: ReadonlySet<string> = NONE): EventLines {
  const plain = events.every(isPlain)
  const counts = new Map<string, number>()
  for (const { name } of events) counts.set(name, (counts.get(name) ?? 0) + 1)
  const signs = plain ? signsFor([...counts.keys(), ...others]) : signsFor([...rawTexts(events), ...others])
  const names = { distinct: [...counts.keys()].join(signs.separator), counts: arrayOf([...counts.values()]) }
  // The one name of all of them need not be said for each.
  const eachName = counts.size === 1 ? null : joinedBy(events, signs, (event) => event.name)
  const ats = joinedBy(events, COMMA, (event) => event.at)
  const data = joinedBy(events, signs, (event) => event.data)
  if (plain) return { signs, names, values: [eachName, ats, data, null, null, null, null, null, null] }
  const rest = [
    events.some((event) => event.scope !== "") ? joinedBy(events, signs, (event) => event.scope) : null,
    joinedUnlessNull(column(events, "sender"), signs),
    joinedUnlessNull(column(events, "key"), signs),
    joinedUnlessNull(column(events, "extra"), signs),
    joinedUnlessNull(column(events, "id"), signs),
    joinedUnlessNull(column(events, "hash"), signs),
  ]
  return { signs, names, values: [eachName, ats, data, ...rest] }
}

const NONE: ReadonlySet<string> = new Set()
const COMMA: Signs = { separator: ",", nil: "" }

/** Most events hold nothing but a name and data. */
function isPlain({ scope, sender, key, extra, id, hash }: StoredEvent): boolean {
  return scope === "" && sender === null && key === null && extra === null && id === null && hash === null
}

function* rawTexts(events: readonly StoredEvent[]): Generator<string | null> {
  for (const { name, scope, sender, key, id, hash } of events) {
    yield name
    yield scope
    yield sender
    yield key
    yield id
    yield hash
  }
}

function column<C extends keyof StoredEvent>(events: readonly StoredEvent[], name: C): StoredEvent[C][] {
  return events.map((event) => event[name])
}

function joinedBy(
  events: readonly StoredEvent[],
  { separator, nil }: Signs,
  cellOf: (event: StoredEvent) => Cell,
): string {
  let text = ""
  for (let i = 0; i < events.length; i++) {
    if (i > 0) text += separator
    text += cellOf(events[i] as StoredEvent) ?? nil
  }
  return text
}
