import { expected, InvalidInputError } from "../core/errors.ts"
import { type Shape, traitsOf } from "./shape.ts"
import { type Stored, toStored } from "./values.ts"

/** A row as it is kept. */
export type StoredRow = Record<string, Stored>

/**
 * A whole row from what was given of it.
 *
 * @throws InvalidInputError when a property is unknown, missing, or of another type
 */
export function newRow(shape: Shape, given: unknown, at: Date, newId: () => string): StoredRow {
  const data = checkedData(shape, given)
  const row: StoredRow = {}
  for (const [name, traits] of shape.properties) {
    const where = `\`${name}\` of \`${shape.name}\``
    const own = Object.hasOwn(data, name) ? data[name] : undefined
    const value = name === "created_at" || name === "updated_at" ? (own ?? at) : own
    if (value !== undefined) row[name] = toStored(where, traits, value)
    else if (traits.defaultValue !== undefined) row[name] = toStored(where, traits, traits.defaultValue)
    else if (traits.kind === "id")
      row[name] = traits.prefix === null ? newId() : `${traits.prefix}_${newId()}`
    else if (traits.isNullable) row[name] = null
    else
      throw new InvalidInputError(
        `Expected ${where} to have a value, got nothing (undefined). Give it one, or make the property \`.nullable()\` or give it a \`.default(…)\`.`,
      )
  }
  return row
}

/**
 * What an update sets. `updated_at` is always the moment of the update: a row may be handed in as it was read.
 *
 * @throws InvalidInputError when a property is unknown or of another type, or the primary key is among them
 */
export function changeOf(shape: Shape, given: unknown, at: Date): StoredRow {
  const change: StoredRow = {}
  for (const [name, value] of Object.entries(checkedData(shape, given)))
    if (value !== undefined)
      change[name] = toStored(`\`${name}\` of \`${shape.name}\``, traitsOf(shape, name), value)
  if (Object.hasOwn(change, shape.key))
    throw new InvalidInputError(
      `Expected \`${shape.key}\` of \`${shape.name}\` not to be changed: rows are known by it. Make a new row instead.`,
    )
  return { ...change, updated_at: at.toISOString() }
}

function checkedData(shape: Shape, given: unknown): Readonly<Record<string, unknown>> {
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw new InvalidInputError(expected(`the data of \`${shape.name}\` to be an object`, given))
  for (const name of Object.keys(given)) traitsOf(shape, name)
  return given as Readonly<Record<string, unknown>>
}
