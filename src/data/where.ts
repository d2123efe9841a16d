import { type SqlBool, sql } from "kysely"
import { expected, InvalidInputError } from "../core/errors.ts"
import { type Column, comparison, isRecord, like } from "./comparison.ts"
import type { DataStore } from "./data-store.ts"
import { containing } from "./like.ts"
import { type Shape, traitsOf } from "./shape.ts"
import { every, some, type Truth } from "./truth.ts"

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

function columnOf(shape: Shape, dialect: DataStore["dialect"], name: string): Column {
  const traits = traitsOf(shape, name)
  return { where: `the filter \`${name}\` of \`${shape.name}\``, traits, dialect, ref: sql.ref(name) }
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
