import type { Engine } from "../../src/engine/engine.ts"
import { openPostgres } from "../../src/engines/postgres/engine.ts"
import { openSqlite } from "../../src/engines/sqlite/engine.ts"
import { systemClock } from "../../src/system-clock.ts"

export type EngineName = "sqlite" | "postgres"

/** What is run by hand runs on SQLite, or with `postgres` among its words on PostgreSQL. */
export function engineAsked(): EngineName {
  return process.argv.includes("postgres") ? "postgres" : "sqlite"
}

/** Opens the store of a crash program beside everybody who works on it. */
export async function openStore(database: string): Promise<Engine> {
  if (!database.startsWith("postgres"))
    return openSqlite({ path: database, synchronous: "FULL", thread: "main", clock: systemClock })
  const { engine } = await openPostgres({
    url: database,
    schema: "carillon",
    pooler: false,
    readers: 4,
    transactions: 1,
    answerTimeoutMs: 30_000,
    applicationName: "carillon-tests",
    listenUrl: null,
    clock: null,
  })
  return engine
}
