import { type RawBuilder, type SqlBool, sql } from "kysely"
import { expected, InvalidInputError } from "../core/errors.ts"
import { nearestName } from "../core/pattern.ts"
import type { DataStore } from "./data-store.ts"
import { checkPattern, containing } from "./like.ts"
import type { PropertyTraits } from "./property.ts"
import type { Shape } from "./shape.ts"
import { type Stored, toStored } from "./values.ts"

export type Truth = RawBuilder<SqlBool>

/** More values than this at once do not fit into one statement. */
const MOST_VALUES = 10_000
const DEEPEST = 20

/**
 * Filters as a condition in SQL; as there, a value that is not there is neither equal nor unequal to another.
 *
 * @throws InvalidInputError when a property or an operator does not exist, or a value is of another type
 */
export function whereOf(shape: Shape, dialect: DataStore["dialect"], filters: unknown, depth = 0): Truth {
  if (!isRecord(filters) || depth > DEEPEST)
    throw new InvalidInputError(expected(`the filters of \`${shape.name}\` to be an object`, filters))
  const inner = (each: unknown) => whereOf(shape, dialect, each, depth + 1)
  const all = Object.entries(filters).map(([name, value]) => {
    if (value === undefined)
      throw new InvalidInputError(
        `Expected the filter \`${name}\` of \`${shape.name}\` to have a value, got nothing (undefined). Leave it out, or ask for \`null\`.`,
      )
    if (name === "$and") return every(listOf(shape, name, value).map(inner))
    if (name === "$or") return some(listOf(shape, name, value).map(inner))
    if (name === "$not") return sql<SqlBool>`not ${inner(value)}`
    if (name === "q") return search(shape, dialect, value)
    return comparison(columnOf(shape, dialect, name), value)
  })
  return every(all)
}

/** @throws InvalidInputError when the model has no such property; the message lists those that it has */
export function traitsOf({ name: model, properties }: Shape, name: string): PropertyTraits {
  const traits = properties.get(name)
  if (traits !== undefined) return traits
  const near = nearestName(name, properties.keys())
  const mend = near === null ? "" : ` Did you mean \`${near}\`?`
  throw new InvalidInputError(
    `Expected a property of \`${model}\` (${[...properties.keys()].join(", ")}), got \`${name}\`.${mend}`,
  )
}

interface Column {
  readonly where: string // what messages call it
  readonly traits: PropertyTraits
  readonly dialect: DataStore["dialect"]
  readonly ref: RawBuilder<unknown>
}

function columnOf(shape: Shape, dialect: DataStore["dialect"], name: string): Column {
  const traits = traitsOf(shape, name)
  return { where: `the filter \`${name}\` of \`${shape.name}\``, traits, dialect, ref: sql.ref(name) }
}

function comparison(column: Column, value: unknown): Truth {
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

function like(column: Column, pattern: unknown, ignoreCase: boolean): Truth {
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

function search(shape: Shape, dialect: DataStore["dialect"], text: unknown): Truth {
  if (typeof text !== "string")
    throw new InvalidInputError(expected(`the filter \`q\` of \`${shape.name}\` to be a text`, text))
  const names = [...shape.properties].filter(([, { isSearchable }]) => isSearchable).map(([name]) => name)
  if (names.length === 0)
    throw new InvalidInputError(
      `Expected no filter \`q\`: nothing of \`${shape.name}\` can be searched. Make a property \`model.text().searchable()\`.`,
    )
  return some(names.map((name) => like(columnOf(shape, dialect, name), containing(text), true)))
}

function listOf({ name }: Shape, operator: string, value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw new InvalidInputError(expected(`\`${operator}\` in the filters of \`${name}\` to be a list`, value))
}

const ALWAYS: Truth = sql`1 = 1`
const NEVER: Truth = sql`1 = 0`

export function every(all: readonly Truth[]): Truth {
  return all.length === 0 ? ALWAYS : sql`(${sql.join(all, sql` and `)})`
}

function some(all: readonly Truth[]): Truth {
  return all.length === 0 ? NEVER : sql`(${sql.join(all, sql` or `)})`
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date)
}
