import { columnType, type Index, indexesOf, isOurIndex } from "./columns.ts"
import type { DataStore } from "./data-store.ts"
import type { FoundColumn, FoundTable } from "./found-table.ts"
import type { Shape } from "./shape.ts"

/** What would make a table that is there fit its model. */
export interface Plan {
  readonly added: readonly string[]
  /** No longer required; among them what the model no longer has, which stays in the table. */
  readonly loosened: readonly string[]
  /** Required from now on. */
  readonly tightened: readonly string[]
  readonly newIndexes: readonly Index[]
  readonly oldIndexes: readonly string[]
  /** Why it cannot be done as long as there are rows; each a sentence with what to do. */
  readonly objections: readonly string[]
}

export function planFor(shape: Shape, found: FoundTable, dialect: DataStore["dialect"]): Plan {
  const { table, properties } = shape
  const columns = new Map(found.columns.map((column) => [column.name, column]))
  const known = [...properties].flatMap(([name, traits]) => {
    const column = columns.get(name)
    return column === undefined ? [] : [{ name, traits, column }]
  })
  const added = [...properties.keys()].filter((name) => !columns.has(name))
  const strangers = found.columns.filter(({ name }) => !properties.has(name))
  const wanted = indexesOf(shape)
  return {
    added,
    loosened: [
      ...known
        .filter(({ traits, column }) => traits.isNullable && !column.isNullable)
        .map(({ name }) => name),
      ...strangers.filter(isInTheWay).map(({ name }) => name),
    ],
    tightened: known
      .filter(({ traits, column }) => !traits.isNullable && column.isNullable && !column.isKey)
      .map(({ name }) => name),
    newIndexes: wanted.filter(({ name }) => !found.indexes.includes(name)),
    oldIndexes: found.indexes.filter(
      (name) => isOurIndex(name) && wanted.every((index) => index.name !== name),
    ),
    objections: [
      ...added.filter((name) => isRequired(shape, name)).map((name) => cannotAdd(shape, name)),
      ...added.filter((name) => isSameForAll(shape, name)).map((name) => cannotFill(shape, name)),
      ...known
        .filter(({ traits, column }) => columnType(dialect, traits) !== column.type)
        .map(({ traits, column }) => cannotConvert(table, column, columnType(dialect, traits))),
      ...known
        .filter(({ name, column }) => column.isKey !== (name === shape.key))
        .map(({ name }) => cannotChangeKey(table, name)),
    ],
  }
}

export function isNothing(plan: Plan): boolean {
  return Object.values(plan).every((part: readonly unknown[]) => part.length === 0)
}

/** A new row says nothing of what the model does not have. */
function isInTheWay({ isNullable, isKey, defaultText }: FoundColumn): boolean {
  return !isNullable && !isKey && defaultText === null
}

function isRequired({ properties }: Shape, name: string): boolean {
  const traits = properties.get(name)
  return traits !== undefined && !traits.isNullable && traits.defaultValue === undefined
}

function isSameForAll({ properties }: Shape, name: string): boolean {
  const traits = properties.get(name)
  return traits?.isUnique === true && traits.defaultValue !== undefined
}

function cannotFill({ table }: Shape, name: string): string {
  return `\`${name}\` is new and unique, but the rows that are in \`${table}\` would all have its default: make it \`.nullable()\` without a default.`
}

function cannotAdd({ table }: Shape, name: string): string {
  return `\`${name}\` is new and required, but the rows that are in \`${table}\` have none: make it \`.nullable()\`, or give it a \`.default(…)\`.`
}

function cannotConvert(table: string, { name, type }: FoundColumn, wanted: string): string {
  return `\`${name}\` is ${type} in \`${table}\` and ${wanted} in the model: give the property another name and move the values, or change the column by hand.`
}

function cannotChangeKey(table: string, name: string): string {
  return `\`${name}\` is the primary key in only one of \`${table}\` and the model: keep the key as it was, or give the model another table.`
}
