import type { QueriesPort } from "../../engine/queries.ts"
import { queries } from "../sql/queries.ts"
import type { Database } from "./database.ts"
import { runProgram } from "./program.ts"

export type Query = keyof QueriesPort
export const QUERIES = Object.keys(queries) as Query[]

/** Every query is a program that both SQL engines share. */
export function answer(db: Database, query: Query, given: readonly unknown[]): unknown {
  const program = queries[query] as (...given: readonly unknown[]) => ReturnType<(typeof queries)[Query]>
  return runProgram<unknown>(db, program(...given) as never)
}
