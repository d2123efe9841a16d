import { Client } from "pg"

/**
 * Holds a snapshot of the database open, as a report or a forgotten session does: no row that dies from now on can be
 * removed until the function returned is called.
 */
export async function pinTransaction(database: string): Promise<() => Promise<void>> {
  const client = new Client({ connectionString: database, application_name: "carillon_bench_pin" })
  await client.connect()
  await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ")
  // A transaction id of its own, as one that has written has, pins every session's view as well.
  await client.query("SELECT pg_current_xact_id()")

  return async () => {
    await client.query("ROLLBACK")
    await client.end()
  }
}
