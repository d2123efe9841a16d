import { Client } from "pg"
import { expect, test } from "vitest"
import { describePostgres, skipAloud } from "./describe.ts"
import { PgBouncer } from "./pgbouncer.ts"
import { testDatabase, testServer } from "./postgres.ts"

const missing = PgBouncer.missing()
if (missing !== null) skipAloud("a transaction pooler", missing, pooling)
else await describePostgres("a transaction pooler", pooling)

function pooling(): void {
  test("lets many clients share few connections, each for one transaction", async () => {
    const database = await testDatabase("pooler")
    const pooler = await PgBouncer.start(await testServer(), { poolSize: 1 })
    const clients = Array.from({ length: 3 }, () => new Client(pooler.url(database.name)))
    try {
      await Promise.all(clients.map((client) => client.connect()))

      const answers = await Promise.all(clients.map((each) => each.query("SELECT pg_backend_pid() AS pid")))

      expect(new Set(answers.map(({ rows }) => rows[0].pid)).size).toBe(1)
    } finally {
      await Promise.all(clients.map((client) => client.end()))
      await pooler.close()
      await database.drop()
    }
  })
}
