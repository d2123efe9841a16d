import { expected, InvalidInputError } from "../core/errors.ts"
import type { Schema } from "./entity.ts"
import { snakeCase } from "./names.ts"
import type { Property } from "./property.ts"
import { toStored } from "./values.ts"

/** The name and the table's name of a data model, looked at. */
export function namesOf(given: unknown): { readonly name: string; readonly tableName: string } {
  if (typeof given === "string")
    return { name: checkedName(given), tableName: checkedTable(snakeCase(given)) }
  const { name, tableName } = (given ?? {}) as { name?: unknown; tableName?: unknown }
  if (typeof tableName !== "string")
    throw new InvalidInputError(expected("a data model's name, or `{ name, tableName }`", given))
  return { name: checkedName(name ?? tableName), tableName: checkedTable(tableName) }
}

/**
 * @param model - the model's name, for messages
 * @throws InvalidInputError when a property cannot be kept, or rows cannot be told apart
 */
export function checkSchema(model: string, schema: unknown): asserts schema is Schema {
  if (typeof schema !== "object" || schema === null)
    throw new InvalidInputError(expected(`the properties of \`${model}\` to be an object`, schema))
  const seen = new Map<string, string>()
  for (const [name, property] of Object.entries(schema)) {
    const where = `\`${name}\` of \`${model}\``
    if (!isProperty(property))
      throw new InvalidInputError(expected(`${where} to be a property such as \`model.text()\``, property))
    checkProperty(name, where, property)
    const other = seen.get(name.toLowerCase())
    if (other !== undefined)
      throw new InvalidInputError(
        `Expected ${where} to differ from \`${other}\` in more than the case of letters.`,
      )
    seen.set(name.toLowerCase(), name)
  }
  const keys = Object.keys(schema).filter((name) => (schema as Schema)[name]?.traits.isPrimaryKey)
  if (keys.length !== 1)
    throw new InvalidInputError(
      `Expected \`${model}\` to have one primary key, got ${keys.length}. Give it \`id: model.id().primaryKey()\`.`,
    )
}

/** The choices of an enum, from a list or from a TypeScript enum. */
export function choicesOf(given: unknown): readonly (string | number)[] {
  const choices = Array.isArray(given) ? given : isRecord(given) ? valuesOf(given) : []
  const isRight = choices.every((each) => typeof each === "string") || choices.every(Number.isFinite)
  if (choices.length === 0 || !isRight)
    throw new InvalidInputError(
      expected("`model.enum` to get a list of texts or of numbers, or an enum", given),
    )
  return Object.freeze([...choices])
}

/** A TypeScript enum of numbers leads back from each number to its name, too. */
function valuesOf(given: Readonly<Record<string, unknown>>): unknown[] {
  return Object.entries(given).flatMap(([name, value]) => (/^-?\d/.test(name) ? [] : [value]))
}

function checkProperty(name: string, where: string, { traits }: Property): void {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(name) || name === "__proto__")
    throw new InvalidInputError(
      `Expected ${where} to be called with at most 63 letters, digits and \`_\`. Choose another name.`,
    )
  if (ALWAYS_THERE.includes(name.toLowerCase()))
    throw new InvalidInputError(`Expected ${where} not to be listed: it is always there. Leave it out.`)
  if (name === "q")
    throw new InvalidInputError(`Expected ${where} to have another name: in filters \`q\` searches for text.`)
  if (traits.defaultValue !== undefined) toStored(`the default of ${where}`, traits, traits.defaultValue)
  if (traits.isPrimaryKey && (traits.isNullable || !["id", "text"].includes(traits.kind)))
    throw new InvalidInputError(
      `Expected the primary key ${where} to be a \`model.id()\` or a \`model.text()\` that is not nullable.`,
    )
}

const ALWAYS_THERE = ["created_at", "updated_at", "deleted_at"]

function checkedName(name: unknown): string {
  if (typeof name === "string" && /^[A-Za-z][A-Za-z0-9_-]{0,49}$/.test(name)) return name
  throw new InvalidInputError(
    expected("a data model's name of at most 50 letters, digits, `_` and `-`, beginning with a letter", name),
  )
}

function checkedTable(name: string): string {
  if (/^[a-z][a-z0-9_]{0,49}$/.test(name)) return name
  throw new InvalidInputError(
    expected("a table's name of at most 50 small letters, digits and `_`, beginning with a letter", name),
  )
}

/** By its shape: an application may load this module twice. */
function isProperty(value: unknown): value is Property {
  return isRecord(value) && isRecord(value.traits) && typeof value.traits.kind === "string"
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null
}
