import { sql } from "kysely"
import { indexesOf, isOurIndex } from "./columns.ts"
import type { DataStore, Work } from "./data-store.ts"
import { columnNamed, columnOf, place, run } from "./ddl.ts"
import type { FoundTable } from "./found-table.ts"
import type { Plan } from "./plan.ts"
import type { Shape } from "./shape.ts"

export function* create(store: DataStore, shape: Shape): Work<void> {
  const columns = [...shape.properties].map(([name, traits]) => columnOf(store, shape, name, traits))
  yield run(store, sql`create table ${place(store, shape.table)} (${sql.join(columns)})`)
  yield* makeIndexes(store, shape)
}

export function* change(store: DataStore, shape: Shape, { added, loosened, tightened }: Plan): Work<void> {
  const table = sql`alter table ${place(store, shape.table)}`
  for (const name of added) yield run(store, sql`${table} add column ${columnNamed(store, shape, name)}`)
  for (const name of loosened) yield run(store, sql`${table} alter column ${sql.ref(name)} drop not null`)
  for (const name of tightened) yield run(store, sql`${table} alter column ${sql.ref(name)} set not null`)
}

/** SQLite cannot change a column: a new table takes the old one's rows and name, and what was made by hand. */
export function* rebuild(store: DataStore, shape: Shape, { columns }: FoundTable): Work<void> {
  const { rows } = yield run(
    store,
    sql`select name, sql from sqlite_master
      where tbl_name = ${shape.table} and type in ('index', 'trigger') and sql is not null`,
  )
  const passing = { ...shape, table: `${shape.table}.new` }
  const strangers = columns.filter(({ name }) => !shape.properties.has(name))
  const definitions = [
    ...[...shape.properties].map(([name, traits]) => columnOf(store, shape, name, traits)),
    ...strangers.map(
      ({ name, type, defaultText }) =>
        sql`${sql.ref(name)} ${sql.raw(type)}${defaultText === null ? sql`` : sql.raw(` default (${defaultText})`)}`,
    ),
  ]
  yield run(store, sql`create table ${place(store, passing.table)} (${sql.join(definitions)})`)
  const names = sql.join(columns.map(({ name }) => sql.ref(name)))
  yield run(
    store,
    sql`insert into ${place(store, passing.table)} (${names}) select ${names} from ${place(store, shape.table)}`,
  )
  yield run(store, sql`drop table ${place(store, shape.table)}`)
  yield run(store, sql`alter table ${place(store, passing.table)} rename to ${place(store, shape.table)}`)
  for (const row of rows) if (!isOurIndex(String(row.name))) yield run(store, sql.raw(String(row.sql)))
}

/** Rows that were softly deleted do not keep a value from others. */
export function* makeIndexes(store: DataStore, shape: Shape): Work<void> {
  for (const { name, property, isUnique } of indexesOf(shape)) {
    const kind = sql.raw(isUnique ? "unique index" : "index")
    yield run(
      store,
      sql`create ${kind} if not exists ${sql.id(name)} on ${place(store, shape.table)} (${sql.ref(property)})
        where ${sql.ref("deleted_at")} is null`,
    )
  }
}
