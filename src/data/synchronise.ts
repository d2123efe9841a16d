import { sql } from "kysely"
import { ConfigError, StoreBehindError } from "../core/errors.ts"
import type { DataStore, Work } from "./data-store.ts"
import { place, run } from "./ddl.ts"
import { findTable } from "./found-table.ts"
import { isNothing, type Plan, planFor } from "./plan.ts"
import type { Shape } from "./shape.ts"
import { change, create, makeIndexes, rebuild } from "./table-making.ts"

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
  yield* refuseDuplicates(store, shape, plan)
  for (const name of plan.oldIndexes) yield run(store, sql`drop index ${place(store, name)}`)
  if (store.dialect === "sqlite" && plan.loosened.length + plan.tightened.length > 0)
    yield* rebuild(store, shape, found)
  else yield* change(store, shape, plan)
  yield* makeIndexes(store, shape)
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

function* refuseDuplicates(store: DataStore, shape: Shape, { added, newIndexes }: Plan): Work<void> {
  for (const { property, isUnique } of newIndexes) {
    if (!isUnique || added.includes(property)) continue
    const column = sql.ref(property)
    const { rows } = yield run(
      store,
      sql`select 1 from ${place(store, shape.table)} where ${sql.ref("deleted_at")} is null and ${column} is not null
        group by ${column} having count(*) > 1 limit 1`,
    )
    if (rows.length > 0)
      throw misfit(shape, [
        `\`${property}\` is unique, but rows share a value: change or delete all but one of them.`,
      ])
  }
}

/** Nobody adds one before this is over: who else writes to a file waits, and on a server the table is locked. */
function* hasRows(store: DataStore, shape: Shape): Work<boolean> {
  const table = place(store, shape.table)
  if (store.dialect === "postgres") yield run(store, sql`lock table ${table} in access exclusive mode`)
  const { rows } = yield run(store, sql`select 1 from ${table} limit 1`)
  return rows.length > 0
}

function misfit({ name, table }: Shape, objections: readonly string[]): ConfigError {
  return new ConfigError(
    `Expected the table \`${table}\` to be brought to the data model \`${name}\` without losing anything, but it cannot be. ${objections.join(" ")}`,
  )
}
