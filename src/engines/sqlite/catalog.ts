import * as catalog from "../sql/catalog.ts"
import type { Database } from "./database.ts"
import { runProgram } from "./program.ts"

/** What was leased or in a process's memory when its subscription ended comes back later, and ends then. */
export function cancelEnded(db: Database, now: number): void {
  runProgram(db, catalog.cancelEnded(now))
}

/** The subscriptions that were only to live as long as this worker. */
export function endEphemeral(db: Database, worker: number, now: number): void {
  runProgram(db, catalog.endEphemeral(worker, now))
}
