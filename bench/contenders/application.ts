import { Pool, type PoolClient } from "pg"

const POOL = 20

/** An application with a table of its own in the same database: it places an order in each transaction. */
export interface Application {
  inTransaction<T>(act: (tx: PoolClient) => Promise<T>): Promise<T>
  close(): Promise<void>
}

export async function openApplication(database: string): Promise<Application> {
  const pool = new Pool({ connectionString: database, max: POOL })
  await pool.query(
    "CREATE TABLE IF NOT EXISTS orders (no BIGINT GENERATED ALWAYS AS IDENTITY, total INTEGER)",
  )

  return {
    inTransaction: async (act) => {
      const client = await pool.connect()
      try {
        await client.query("BEGIN")
        await client.query("INSERT INTO orders (total) VALUES (12950)")
        const result = await act(client)
        await client.query("COMMIT")
        return result
      } finally {
        client.release()
      }
    },
    close: () => pool.end(),
  }
}
