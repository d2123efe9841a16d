import { type CompiledQuery, type RawBuilder, sql } from "kysely"
import { ConfigError, StoreBehindError } from "../core/errors.ts"
import { columnType, indexesOf, isOurIndex } from "./columns.ts"
import type { DataStore, Work } from "./data-store.ts"
import { type FoundTable, findTable } from "./found-table.ts"
import { isNothing, type Plan, planFor } from "./plan.ts"
import type { PropertyTraits } from "./property.ts"
import type { Shape } from "./shape.ts"
import { toStored } from "./values.ts"

/**
 * Makes the tables of these models, and what they lack. Any number of processes may do so at once; where
 * nothing is to be done nobody waits.
 *
 * @throws ConfigError when rows or values would be lost
 * @throws StoreBehindError when something is to be done and `migrate` is false
 */
export async function synchronise(
  store: DataStore,
  shapes: readonly Shape[],
  { migrate }: { readonly migrate: boolean },
): Promise<void> {
  const isBehind = await store.read(function* () {
    for (const shape of shapes) {
      const found = yield* findTable(store, shape.table)
      if (found === null || !isNothing(planFor(shape, found, store.dialect))) return shape
    }
    return null
  })
  if (isBehind === null) return
  if (!migrate)
    throw new StoreBehindError(
      `Expected the table \`${isBehind.table}\` to fit the data model \`${isBehind.name}\`, but it does not yet. Open the modules once with \`migrate: true\`.`,
    )
  await store.alter(function* () {
    for (const shape of shapes) yield* alter(store, shape)
  })
}

function* alter(store: DataStore, shape: Shape): Work<void> {
  const found = yield* findTable(store, shape.table)
  if (found === null) return yield* create(store, shape)
  const plan = planFor(shape, found, store.dialect)
  if (plan.objections.length > 0) {
    if (yield* hasRows(store, shape)) throw misfit(shape, plan.objections)
    yield run(store, sql`drop table ${place(store, shape.table)}`)
    return yield* create(store, shape)
  }
  yield* refuseNulls(store, shape, plan)
  for (const name of plan.oldIndexes) yield run(store, sql`drop index ${place(store, name)}`)
  if (store.dialect === "sqlite" && plan.loosened.length + plan.tightened.length > 0)
    yield* rebuild(store, shape, found)
  else yield* change(store, shape, plan)
  yield* makeIndexes(store, shape)
}

function* create(store: DataStore, shape: Shape): Work<void> {
  const columns = [...shape.properties].map(([name, traits]) => columnOf(store, shape, name, traits))
  yield run(store, sql`create table ${place(store, shape.table)} (${sql.join(columns)})`)
  yield* makeIndexes(store, shape)
}

function* change(store: DataStore, shape: Shape, { added, loosened, tightened }: Plan): Work<void> {
  const table = sql`alter table ${place(store, shape.table)}`
  for (const name of added) yield run(store, sql`${table} add column ${columnNamed(store, shape, name)}`)
  for (const name of loosened) yield run(store, sql`${table} alter column ${sql.ref(name)} drop not null`)
  for (const name of tightened) yield run(store, sql`${table} alter column ${sql.ref(name)} set not null`)
}

/** SQLite cannot change a column: a new table takes the old one's rows and name, and what was made by hand. */
function* rebuild(store: DataStore, shape: Shape, { columns }: FoundTable): Work<void> {
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
function* makeIndexes(store: DataStore, shape: Shape): Work<void> {
  for (const { name, property, isUnique } of indexesOf(shape)) {
    if (isUnique) yield* refuseDuplicates(store, shape, property)
    const kind = sql.raw(isUnique ? "unique index" : "index")
    yield run(
      store,
      sql`create ${kind} if not exists ${sql.id(name)} on ${place(store, shape.table)} (${sql.ref(property)})
        where ${sql.ref("deleted_at")} is null`,
    )
  }
}

function* refuseNulls(store: DataStore, shape: Shape, { tightened }: Plan): Work<void> {
  for (const name of tightened) {
    const { rows } = yield run(
      store,
      sql`select 1 from ${place(store, shape.table)} where ${sql.ref(name)} is null limit 1`,
    )
    if (rows.length > 0)
      throw misfit(shape, [
        `\`${name}\` is required, but rows have none: give it to them, or make it \`.nullable()\`.`,
      ])
  }
}

function* refuseDuplicates(store: DataStore, shape: Shape, name: string): Work<void> {
  const column = sql.ref(name)
  const { rows } = yield run(
    store,
    sql`select 1 from ${place(store, shape.table)} where ${sql.ref("deleted_at")} is null and ${column} is not null
      group by ${column} having count(*) > 1 limit 1`,
  )
  if (rows.length > 0)
    throw misfit(shape, [
      `\`${name}\` is unique, but rows share a value: change or delete all but one of them.`,
    ])
}

function* hasRows(store: DataStore, shape: Shape): Work<boolean> {
  const { rows } = yield run(store, sql`select 1 from ${place(store, shape.table)} limit 1`)
  return rows.length > 0
}

function misfit({ name, table }: Shape, objections: readonly string[]): ConfigError {
  return new ConfigError(
    `Expected the table \`${table}\` to be brought to the data model \`${name}\` without losing anything, but it cannot be. ${objections.join(" ")}`,
  )
}

function columnNamed(store: DataStore, shape: Shape, name: string): RawBuilder<unknown> {
  return columnOf(store, shape, name, shape.properties.get(name) as PropertyTraits)
}

/** On PostgreSQL texts sort by their bytes, as they do on SQLite, and not by the database's language. */
function columnOf(
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

function place({ schema }: DataStore, name: string): RawBuilder<unknown> {
  return schema === null ? sql.id(name) : sql.id(schema, name)
}

function run({ builder }: DataStore, statement: RawBuilder<unknown>): CompiledQuery {
  return statement.compile(builder)
}
