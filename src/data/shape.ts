import { InvalidInputError } from "../core/errors.ts"
import { nearestName } from "../core/pattern.ts"
import type { Entity } from "./entity.ts"
import { newProperty, type PropertyTraits } from "./property.ts"

/** A data model as the store sees it: its table, and all properties with those that are always there. */
export interface Shape {
  readonly name: string
  readonly table: string
  readonly key: string // the primary key's name
  readonly properties: ReadonlyMap<string, PropertyTraits>
}

/** Before the names of all tables of modules, so that they never meet Carillon's own. */
const PREFIX = "data_"

const moment = newProperty<Date>("dateTime")
const TIMESTAMPS = { created_at: moment, updated_at: moment, deleted_at: moment.nullable() }

export function shapeOf({ name, tableName, schema }: Entity): Shape {
  const all = Object.entries({ ...schema, ...TIMESTAMPS })
  const properties = new Map(all.map(([property, { traits }]) => [property, traits]))
  const key = all.find(([, { traits }]) => traits.isPrimaryKey)?.[0] ?? "id"
  return { name, table: PREFIX + tableName, key, properties }
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
