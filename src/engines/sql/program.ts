/**
 * What both SQL engines say in the same words: a program yields statements and is handed their results.
 *
 * SQLite runs it synchronously, inside one call of its thread; PostgreSQL runs it over a connection. Values
 * stand as `?`, and every table as `store.<table>`: each engine's runner makes its own text of that, once.
 */
export type Program<T> = Generator<Statement, T, Result>

export type Value = string | number | null
export type Row = Record<string, Value>

export interface Statement {
  readonly sql: string
  readonly values: readonly Value[]
}

export interface Result {
  readonly rows: readonly Row[]
  readonly count: number // rows changed by a write
}

export function* all(sql: string, ...values: Value[]): Program<readonly Row[]> {
  return (yield { sql, values }).rows
}

export function* get(sql: string, ...values: Value[]): Program<Row | undefined> {
  return (yield { sql, values }).rows[0]
}

/** Writes, and says how many rows that changed. */
export function* run(sql: string, ...values: Value[]): Program<number> {
  return (yield { sql, values }).count
}
