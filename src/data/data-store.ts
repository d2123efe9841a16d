import type { CompiledQuery, Kysely } from "kysely"
import type { Stored } from "./values.ts"

/** Tables whose columns are known to their models only. */
export type Tables = Record<string, Record<string, Stored>>

export interface Answer {
  readonly rows: readonly Readonly<Record<string, unknown>>[]
  readonly count: number // rows changed by a write
}

/** Statements, each with its answer before the next: SQLite runs them at once, PostgreSQL over a connection. */
export type Work<T> = Generator<CompiledQuery, T, Answer>

/** Where the tables of modules are. */
export interface DataStore {
  readonly dialect: "sqlite" | "postgres"
  readonly schema: string | null // null = this store has none
  /** Builds statements, and runs none. */
  readonly builder: Kysely<Tables>
  read<T>(work: () => Work<T>): Promise<T>
  /** One transaction; begun again when another's got in the way. */
  write<T>(work: () => Work<T>): Promise<T>
  /** One transaction that no other process's `alter` meets. */
  alter<T>(work: () => Work<T>): Promise<T>
  close(): Promise<void>
}
