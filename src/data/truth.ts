import { type RawBuilder, type SqlBool, sql } from "kysely"

/** A condition in SQL. */
export type Truth = RawBuilder<SqlBool>

export const ALWAYS: Truth = sql`1 = 1`
export const NEVER: Truth = sql`1 = 0`

export function every(all: readonly Truth[]): Truth {
  return all.length === 0 ? ALWAYS : sql`(${sql.join(all, sql` and `)})`
}

export function some(all: readonly Truth[]): Truth {
  return all.length === 0 ? NEVER : sql`(${sql.join(all, sql` or `)})`
}
