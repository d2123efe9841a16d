import { sql } from "kysely"
import type { DataStore, Work } from "./data-store.ts"

/** A column as it is in the store. */
export interface FoundColumn {
  readonly name: string
  readonly type: string
  readonly isNullable: boolean
  readonly isKey: boolean
  readonly defaultText: string | null // null = none
}

/** A table as it is in the store. */
export interface FoundTable {
  readonly columns: readonly FoundColumn[]
  readonly indexes: readonly string[]
}

/** What the store says of a table; `null` = there is none. */
export function* findTable({ schema, builder }: DataStore, table: string): Work<FoundTable | null> {
  const queries = schema === null ? ofSqlite(table) : ofPostgres(schema, table)
  const { rows } = yield queries.columns.compile(builder)
  if (rows.length === 0) return null
  const indexes = yield queries.indexes.compile(builder)
  return {
    columns: rows.map((row) => ({
      name: String(row.name),
      type: String(row.type),
      isNullable: Number(row.required) === 0,
      isKey: Number(row.key) > 0,
      defaultText: row.default === null ? null : String(row.default),
    })),
    indexes: indexes.rows.map((row) => String(row.name)),
  }
}

function ofSqlite(table: string) {
  return {
    columns: sql`
      select name, type, "notnull" as required, pk as key, dflt_value as "default"
      from pragma_table_info(${table})`,
    indexes: sql`select name from sqlite_master where type = 'index' and tbl_name = ${table}`,
  }
}

function ofPostgres(schema: string, table: string) {
  const found = sql`
    from pg_class c join pg_namespace n on n.oid = c.relnamespace and n.nspname = ${schema}`
  return {
    columns: sql`
      select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull::int as required,
        (exists (select from pg_index i
          where i.indrelid = c.oid and i.indisprimary and a.attnum = any (i.indkey)))::int as key,
        pg_get_expr(d.adbin, d.adrelid) as "default"
      ${found}
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
      where c.relname = ${table} and c.relkind in ('r', 'p')
      order by a.attnum`,
    indexes: sql`
      select o.relname as name
      ${found}
      join pg_index i on i.indrelid = c.oid
      join pg_class o on o.oid = i.indexrelid
      where c.relname = ${table}`,
  }
}
