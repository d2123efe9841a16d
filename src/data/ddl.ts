import { type CompiledQuery, type RawBuilder, sql } from "kysely"
import { columnType } from "./columns.ts"
import type { DataStore } from "./data-store.ts"
import type { PropertyTraits } from "./property.ts"
import type { Shape } from "./shape.ts"
import { toStored } from "./values.ts"

export function run({ builder }: DataStore, statement: RawBuilder<unknown>): CompiledQuery {
  return statement.compile(builder)
}

/** A table or an index, with the schema that it is in. */
export function place({ schema }: DataStore, name: string): RawBuilder<unknown> {
  return schema === null ? sql.id(name) : sql.id(schema, name)
}

export function columnNamed(store: DataStore, shape: Shape, name: string): RawBuilder<unknown> {
  return columnOf(store, shape, name, shape.properties.get(name) as PropertyTraits)
}

/** On PostgreSQL texts sort by their bytes, as they do on SQLite, and not by the database's language. */
export function columnOf(
  { dialect }: DataStore,
  shape: Shape,
  name: string,
  traits: PropertyTraits,
): RawBuilder<unknown> {
  const type = columnType(dialect, traits)
  const { defaultValue } = traits
  const stored =
    defaultValue === undefined ? null : toStored(`the default of \`${name}\``, traits, defaultValue)
  const literal = dialect === "sqlite" && typeof stored === "boolean" ? Number(stored) : stored
  return sql.join(
    [
      sql.ref(name),
      sql.raw(type),
      ...(type === "text" ? [sql`collate "C"`] : []),
      ...(traits.isNullable ? [] : [sql`not null`]),
      ...(literal === null ? [] : [sql`default ${sql.lit(literal)}`]),
      ...(name === shape.key ? [sql`primary key`] : []),
    ],
    sql` `,
  )
}
