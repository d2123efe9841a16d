import { expected, InvalidInputError } from "../core/errors.ts"
import type { PropertyTraits } from "./property.ts"

/** What both stores keep in a column; but SQLite has numbers for booleans. */
export type Stored = string | number | boolean | null

/**
 * A value as it is kept: dates and JSON as text.
 *
 * @param where - what messages call the property
 * @throws InvalidInputError when the property cannot hold it
 */
export function toStored(where: string, traits: PropertyTraits, value: unknown): Stored {
  if (value !== null) return WRITERS[traits.kind](where, value, traits)
  if (traits.isNullable) return null
  throw new InvalidInputError(
    `Expected ${where} to have a value, got \`null\`. Give it one, or make the property \`.nullable()\`.`,
  )
}

/** What a row says of a property, from what is kept. */
export function fromStored({ kind }: PropertyTraits, kept: unknown): unknown {
  if (kept === null || kept === undefined) return null
  if (kind === "boolean") return kept === true || kept === 1
  if (kind === "number" || kind === "float") return Number(kept)
  if (kind === "dateTime") return kept instanceof Date ? kept : new Date(String(kept))
  return kind === "json" || kind === "array" ? JSON.parse(String(kept)) : kept
}

type Writer = (where: string, value: unknown, traits: PropertyTraits) => Stored

const WRITERS: Readonly<Record<PropertyTraits["kind"], Writer>> = {
  id: (where, value) => (value === "" ? refuse(`${where} to be an id`, value) : textOf(where, value)),
  text: textOf,
  number: (where, value) =>
    Number.isSafeInteger(value)
      ? (value as number) + 0 // no negative zero
      : refuse(`${where} to be a whole number (\`model.float()\` has fractions)`, value),
  float: (where, value) =>
    Number.isFinite(value) ? (value as number) : refuse(`${where} to be a finite number`, value),
  boolean: (where, value) => (typeof value === "boolean" ? value : refuse(`${where} to be a boolean`, value)),
  dateTime: momentOf,
  enum: (where, value, { choices }) =>
    choices.includes(value)
      ? (value as string | number)
      : refuse(`${where} to be one of ${choices.map((each) => JSON.stringify(each)).join(", ")}`, value),
  array: (where, value) =>
    Array.isArray(value)
      ? JSON.stringify(value.map((each, i) => textOf(`${where}, at ${i},`, each)))
      : refuse(`${where} to be a list of texts`, value),
  json: jsonOf,
}

/** PostgreSQL keeps neither the character 0 nor half a surrogate pair: SQLite does not get them either. */
function textOf(where: string, value: unknown): string {
  if (typeof value !== "string") return refuse(`${where} to be a text`, value)
  if (value.includes("\0") || !value.isWellFormed())
    throw new InvalidInputError(
      `Expected ${where} to be a text without the character 0 and without halves of surrogate pairs. Take them out.`,
    )
  return value
}

/** Years of four digits only: such texts sort as their moments do; and PostgreSQL has no year 0. */
function momentOf(where: string, value: unknown): string {
  const isText = typeof value === "string" && /^\d{4}-\d\d-\d\d/.test(value)
  const moment = value instanceof Date ? value : new Date(isText ? value : Number.NaN)
  const text = Number.isNaN(moment.getTime()) ? "" : moment.toISOString()
  return /^(?!0000)\d/.test(text)
    ? text
    : refuse(`${where} to be a \`Date\`, or an ISO text of one, in the years 1 to 9999`, value)
}

function jsonOf(where: string, value: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (cause) {
    throw new InvalidInputError(`Expected ${where} to be JSON, got: ${(cause as Error).message}.`, { cause })
  }
  if (text === undefined) return refuse(`${where} to be JSON`, value)
  if (/(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/i.test(text))
    throw new InvalidInputError(
      `Expected ${where} to be JSON without the character 0 and without halves of surrogate pairs. Take them out.`,
    )
  return text
}

function refuse(what: string, came: unknown): never {
  throw new InvalidInputError(expected(what, came))
}
