import type { SQLInputValue, StatementSync } from "node:sqlite"
import type { Program, Result, Row, Statement } from "../sql/program.ts"
import type { Database } from "./database.ts"

/** Runs what both SQL engines share, to its end, without letting go of the thread. */
export function runProgram<T>(db: Database, program: Program<T>): T {
  for (let step = program.next(); ; ) {
    if (step.done) return step.value
    step = program.next(execute(db, step.value))
  }
}

function execute(db: Database, { sql, values }: Statement): Result {
  const { statement, reads } = prepare(db, sql)
  if (!reads) return { rows: [], count: Number(statement.run(...(values as SQLInputValue[])).changes) }
  const rows = statement.all(...(values as SQLInputValue[])) as Row[]
  return { rows, count: rows.length }
}

interface Prepared {
  readonly statement: StatementSync
  readonly reads: boolean
}

const prepared = new WeakMap<Database, Map<string, Prepared>>()

function prepare(db: Database, sql: string): Prepared {
  let ofDatabase = prepared.get(db)
  if (ofDatabase === undefined) {
    ofDatabase = new Map()
    prepared.set(db, ofDatabase)
  }
  let found = ofDatabase.get(sql)
  if (found === undefined) {
    const statement = db.prepare(sql.replaceAll("store.", ""))
    found = { statement, reads: statement.columns().length > 0 }
    ofDatabase.set(sql, found)
  }
  return found
}
