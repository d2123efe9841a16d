import { shopTime } from "./values.ts"

/** What a field holds, which says how it compares. Text compares without case, as in a shop's database. */
export type FieldKind = "number" | "text" | "truth" | "time"
export type Fields = Readonly<Record<string, FieldKind>>

/** What is searched, by its fields. */
export type Row = Readonly<Record<string, string | number | boolean | null>>

export interface Condition {
  readonly field: string
  readonly value: string
  readonly condition_type: ConditionType
}

export type ConditionType = keyof typeof TESTS

/** What may stand in a row, made comparable; null is in no relation to anything. */
type Comparable = string | number

type Test = (own: Comparable, asked: Asked) => boolean

interface Asked {
  readonly text: string
  readonly read: (text: string) => Comparable
}

const TESTS = {
  eq: (own, { text, read }) => own === read(text),
  neq: (own, { text, read }) => own !== read(text),
  like: (own, { text }) => isLike(String(own), text.toLowerCase()),
  nlike: (own, { text }) => !isLike(String(own), text.toLowerCase()),
  in: (own, asked) => isIn(own, asked),
  nin: (own, asked) => !isIn(own, asked),
  gt: (own, { text, read }) => own > read(text),
  gteq: (own, { text, read }) => own >= read(text),
  moreq: (own, { text, read }) => own >= read(text),
  from: (own, { text, read }) => own >= read(text),
  lt: (own, { text, read }) => own < read(text),
  lteq: (own, { text, read }) => own <= read(text),
  to: (own, { text, read }) => own <= read(text),
  finset: (own, { text }) => String(own).split(",").includes(text.toLowerCase()),
  nfinset: (own, { text }) => !String(own).split(",").includes(text.toLowerCase()),
  null: () => false,
  notnull: () => true,
} as const satisfies Record<string, Test>

export const CONDITION_TYPES = Object.keys(TESTS) as readonly ConditionType[]

/** Those that ask when: the others ask how a time is written, or whether there is one. */
export const READS_TIMES: readonly ConditionType[] = [
  "eq",
  "neq",
  "in",
  "nin",
  "gt",
  "gteq",
  "moreq",
  "from",
  "lt",
  "lteq",
  "to",
]

export function holds(row: Row, { field, value, condition_type }: Condition, kind: FieldKind): boolean {
  const own = row[field] ?? null
  if (own === null) return condition_type === "null"
  const read = READERS[kind]
  return (TESTS[condition_type] as Test)(read(String(own)), { text: value, read })
}

/** Which of two rows comes first. */
export function compare(one: Row, other: Row, field: string, kind: FieldKind): number {
  const [a, b] = [one, other].map((row) => READERS[kind](String(row[field] ?? "")))
  return (a as Comparable) < (b as Comparable) ? -1 : (a as Comparable) > (b as Comparable) ? 1 : 0
}

const READERS: Readonly<Record<FieldKind, (text: string) => Comparable>> = {
  // What is no number is equal to none, and neither more nor less.
  number: (text) => (text.trim() === "" ? Number.NaN : Number(text)),
  text: (text) => text.toLowerCase(),
  truth: (text) => (text === "true" ? "1" : text === "false" ? "0" : text),
  time: (text) => timeIn(text) ?? text,
}

/** A time as rows have it, in UTC; a day is its first second. Null = it is none. */
export function timeIn(text: string): string | null {
  const [, day, minutes = "00:00", seconds = "00", zone = "Z"] = TIME.exec(text.trim()) ?? []
  if (day === undefined) return null
  const at = new Date(`${day}T${minutes}:${seconds}${zone.replace(/^(.\d\d)(\d\d)$/, "$1:$2")}`)
  return Number.isNaN(at.getTime()) ? null : shopTime(at)
}

const TIME = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d)(?::(\d\d)(?:\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/

function isIn(own: Comparable, { text, read }: Asked): boolean {
  return text.split(",").some((each) => own === read(each.trim()))
}

/**
 * SQL's `LIKE`: `%` stands for any characters, `_` for one, `\` takes its meaning from the next. It goes back to the
 * last `%` only, so that no pattern takes long.
 */
export function isLike(text: string, pattern: string): boolean {
  const pieces = piecesOf(pattern)
  let [at, piece, star, starAt] = [0, 0, -1, 0]
  while (at < text.length) {
    const wanted = pieces[piece]
    if (wanted === ANY) {
      star = piece++
      starAt = at
    } else if (wanted === ONE || wanted === text[at]) {
      at++
      piece++
    } else if (star !== -1) {
      piece = star + 1
      at = ++starAt
    } else return false
  }
  return pieces.slice(piece).every((each) => each === ANY)
}

const ANY = Symbol("%")
const ONE = Symbol("_")

function piecesOf(pattern: string): readonly (string | symbol)[] {
  const pieces: (string | symbol)[] = []
  for (let at = 0; at < pattern.length; at++) {
    const letter = pattern[at] as string
    if (letter === "\\" && at + 1 < pattern.length) pieces.push(pattern[++at] as string)
    else pieces.push(letter === "%" ? ANY : letter === "_" ? ONE : letter)
  }
  return pieces
}
