import { type RawBuilder, type SqlBool, sql } from "kysely"
import { expected, InvalidInputError } from "../core/errors.ts"
import type { DataStore } from "./data-store.ts"
import { checkPattern } from "./like.ts"
import type { PropertyTraits } from "./property.ts"
import { ALWAYS, every, NEVER, type Truth } from "./truth.ts"
import { type Stored, toStored } from "./values.ts"

/** More values than this at once do not fit into one statement. */
const MOST_VALUES = 10_000

/** A property that is compared. */
export interface Column {
  readonly where: string // what messages call it
  readonly traits: PropertyTraits
  readonly dialect: DataStore["dialect"]
  readonly ref: RawBuilder<unknown>
}

/** What one line of a filter says of a property. */
export function comparison(column: Column, value: unknown): Truth {
  if (Array.isArray(value)) return oneOf(column, value)
  if (!isRecord(value)) return equal(column, value)
  const operators = Object.entries(value).filter(([, operand]) => operand !== undefined)
  if (operators.length === 0)
    throw new InvalidInputError(expected(`${column.where} to be a value, a list, or operators`, value))
  return every(
    operators.map(([operator, operand]) => {
      const compare = Object.hasOwn(OPERATORS, operator) ? OPERATORS[operator] : undefined
      if (compare !== undefined) return compare(column, operand)
      throw new InvalidInputError(
        `Expected ${column.where} to use one of ${Object.keys(OPERATORS).join(", ")}, got \`${operator}\`.`,
      )
    }),
  )
}

const OPERATORS: Readonly<Record<string, (column: Column, operand: unknown) => Truth>> = {
  $eq: (column, operand) => (Array.isArray(operand) ? oneOf(column, operand) : equal(column, operand)),
  $ne: (column, operand) =>
    operand === null
      ? sql`${column.ref} is not null`
      : Array.isArray(operand)
        ? noneOf(column, operand)
        : sql`${column.ref} <> ${comparable(column, operand)}`,
  $gt: (column, operand) => sql`${column.ref} > ${comparable(column, operand)}`,
  $gte: (column, operand) => sql`${column.ref} >= ${comparable(column, operand)}`,
  $lt: (column, operand) => sql`${column.ref} < ${comparable(column, operand)}`,
  $lte: (column, operand) => sql`${column.ref} <= ${comparable(column, operand)}`,
  $in: oneOf,
  $nin: noneOf,
  $like: (column, operand) => like(column, operand, false),
  $ilike: (column, operand) => like(column, operand, true),
  $not: (column, operand) => sql`not ${comparison(column, operand)}`,
}

function equal(column: Column, value: unknown): Truth {
  return value === null ? sql`${column.ref} is null` : sql`${column.ref} = ${comparable(column, value)}`
}

function oneOf(column: Column, values: unknown): Truth {
  const stored = storedList(column, values)
  const present = stored.filter((each) => each !== null)
  const isIn = present.length === 0 ? NEVER : sql<SqlBool>`${column.ref} in (${sql.join(present)})`
  return present.length === stored.length ? isIn : sql`(${isIn} or ${column.ref} is null)`
}

function noneOf(column: Column, values: unknown): Truth {
  const stored = storedList(column, values)
  const present = stored.filter((each) => each !== null)
  const isOut = present.length === 0 ? ALWAYS : sql<SqlBool>`${column.ref} not in (${sql.join(present)})`
  return present.length === stored.length ? isOut : sql`(${isOut} and ${column.ref} is not null)`
}

function storedList(column: Column, values: unknown): readonly Stored[] {
  if (!Array.isArray(values)) throw new InvalidInputError(expected(`${column.where} to get a list`, values))
  if (values.length > MOST_VALUES)
    throw new InvalidInputError(
      `Expected ${column.where} to get at most ${MOST_VALUES} values, got ${values.length}. Ask in portions.`,
    )
  return [...new Set(values.map((each) => (each === null ? null : comparable(column, each))))]
}

/** Lists and JSON are compared with nothing but `null`: the stores would not agree on it. */
function comparable({ where, traits }: Column, value: unknown): Stored {
  if (traits.kind === "json" || traits.kind === "array")
    throw new InvalidInputError(
      `Expected ${where} to be compared with \`null\` only: it is ${traits.kind === "json" ? "JSON" : "a list"}. Keep what you look for in a property of its own.`,
    )
  if (value === null) throw new InvalidInputError(expected(`${where} to be compared with a value`, value))
  return toStored(where, traits, value)
}

export function like(column: Column, pattern: unknown, ignoreCase: boolean): Truth {
  if (!isTextual(column.traits))
    throw new InvalidInputError(`Expected ${column.where} to be of text for \`$like\` and \`$ilike\`.`)
  if (typeof pattern !== "string")
    throw new InvalidInputError(expected(`the pattern for ${column.where} to be a text`, pattern))
  checkPattern(column.where, pattern)
  if (column.dialect === "sqlite")
    return ignoreCase
      ? sql`like_loosely(${column.ref}, ${pattern})`
      : sql`like_exactly(${column.ref}, ${pattern})`
  // The columns sort by their bytes; what is upper and lower case is for the database to say.
  return ignoreCase
    ? sql`${column.ref} collate pg_catalog."default" ilike ${pattern}`
    : sql`${column.ref} like ${pattern}`
}

function isTextual({ kind, choices }: PropertyTraits): boolean {
  return kind === "text" || kind === "id" || (kind === "enum" && typeof choices[0] === "string")
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date)
}
