import createKnex, { type Knex } from "knex"
import { type ControlledTransaction, Kysely, PostgresDialect } from "kysely"
import pg from "pg"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { fromKnex, fromKysely, fromPg, type SqlTransaction } from "../../src/postgres/index.ts"
import { describePostgres } from "../support/describe.ts"
import { type TestDatabase, testDatabase } from "../support/postgres.ts"

const INSERT = "INSERT INTO orders SELECT * FROM json_to_recordset($1::text::json) AS row (id text)"

/** An open transaction of a library, and how to end it. */
interface Opened {
  readonly tx: SqlTransaction
  commit(): Promise<unknown>
  rollback(): Promise<unknown>
}

await describePostgres("transactions of other libraries", () => {
  let database: TestDatabase
  let pool: pg.Pool
  let kysely: Kysely<unknown>
  let knex: Knex

  beforeAll(async () => {
    database = await testDatabase("adapters")
    await database.query("CREATE TABLE orders (id text)")
    pool = new pg.Pool({ connectionString: database.url })
    kysely = new Kysely({ dialect: new PostgresDialect({ pool }) })
    knex = createKnex({ client: "pg", connection: database.url, pool: { min: 0 } })
  })
  beforeEach(() => database.query("DELETE FROM orders"))
  afterAll(async () => {
    await kysely.destroy()
    await knex.destroy()
    await database.drop()
  })

  async function pgClient(): Promise<Opened> {
    const client = await pool.connect()
    await client.query("BEGIN")
    const end = (sql: string) => client.query(sql).finally(() => client.release())
    return { tx: fromPg(client), commit: () => end("COMMIT"), rollback: () => end("ROLLBACK") }
  }

  async function kyselyControlled(): Promise<Opened> {
    const trx: ControlledTransaction<unknown> = await kysely.startTransaction().execute()
    return {
      tx: fromKysely(trx),
      commit: () => trx.commit().execute(),
      rollback: () => trx.rollback().execute(),
    }
  }

  async function kyselyCallback(): Promise<Opened> {
    const [begun, end] = [Promise.withResolvers<SqlTransaction>(), Promise.withResolvers<void>()]
    const done = kysely
      .transaction()
      .execute((trx) => {
        begun.resolve(fromKysely(trx))
        return end.promise
      })
      .catch(() => {})
    const tx = await begun.promise
    const ended = (how: () => void) => {
      how()
      return done
    }
    return {
      tx,
      commit: () => ended(() => end.resolve()),
      rollback: () => ended(() => end.reject(new Error("No stock"))),
    }
  }

  async function knexProvided(): Promise<Opened> {
    const trx = await knex.transaction()
    return { tx: fromKnex(trx), commit: async () => trx.commit(), rollback: async () => trx.rollback() }
  }

  async function knexNested(): Promise<Opened> {
    const outer = await knex.transaction()
    const trx = await outer.transaction()
    const commit = async () => {
      await trx.commit()
      await outer.commit()
    }
    return { tx: fromKnex(trx), commit, rollback: async () => outer.rollback() }
  }

  const ids = async () =>
    (await database.query<{ id: string }>("SELECT id FROM orders ORDER BY id")).map((row) => row.id)

  describe.each([
    ["a client of pg", pgClient],
    ["a controlled transaction of Kysely", kyselyControlled],
    ["a transaction of Kysely", kyselyCallback],
    ["a transaction of Knex", knexProvided],
    ["a savepoint of Knex", knexNested],
  ])("%s", (_, open) => {
    it("writes what is there exactly from its commit on, and tells of it", async () => {
      const { tx, commit } = await open()
      await tx.query(INSERT, ['[{"id":"ord_1001?"},{"id":"ord_1002 $1 \'"}]'])
      const [seen, seenToo] = [Promise.withResolvers<string[]>(), Promise.withResolvers<void>()]
      tx.onCommit?.(() => void ids().then(seen.resolve, seen.reject))
      tx.onCommit?.(seenToo.resolve)
      expect(await ids()).toEqual([])

      await commit()

      expect(await seen.promise).toEqual(["ord_1001?", "ord_1002 $1 '"])
      await seenToo.promise
    })

    it("tells of a rollback as well, after which nothing is there", async () => {
      const { tx, rollback } = await open()
      await tx.query(INSERT, ['[{"id":"ord_1001"}]'])
      const seen = Promise.withResolvers<void>()
      tx.onCommit?.(seen.resolve)

      await rollback()

      await seen.promise
      expect(await ids()).toEqual([])
    })

    it("is watched once, however many ask", async () => {
      const warned: Error[] = []
      const onWarning = (warning: Error): void => void warned.push(warning)
      process.on("warning", onWarning)
      const { tx, commit } = await open()
      const seen: number[] = []

      for (let i = 0; i < 30; i++) tx.onCommit?.(() => seen.push(i))
      const last = new Promise<void>((resolve) => tx.onCommit?.(resolve))
      await commit()
      await last

      expect(seen).toHaveLength(30)
      expect(warned).toEqual([])
      process.off("warning", onWarning)
    })
  })

  it("tells at once where a client of pg is in no transaction: the row is written", async () => {
    const client = await pool.connect()
    const tx = fromPg(client)
    await tx.query(INSERT, ['[{"id":"ord_1001"}]'])

    await new Promise<void>((resolve) => tx.onCommit?.(resolve))

    expect(await ids()).toEqual(["ord_1001"])
    client.release()
  })

  it("leaves no listener on a client of pg", async () => {
    const client = await pool.connect()
    await client.query("BEGIN")
    const { connection } = client as unknown as { connection: NodeJS.EventEmitter }
    const before = connection.listenerCount("readyForQuery")
    const tx = fromPg(client)
    const seen = new Promise<void>((resolve) => tx.onCommit?.(resolve))

    await client.query("COMMIT")
    await seen

    expect(connection.listenerCount("readyForQuery")).toBe(before)
    client.release()
  })

  it("says nothing of the commit where a client passes on no status", async () => {
    const sent: unknown[] = []
    const tx = fromPg({ query: async (...query) => sent.push(query) })
    let seen = false

    await tx.query("SELECT 1", [])
    tx.onCommit?.(() => {
      seen = true
    })

    expect(sent).toEqual([["SELECT 1", []]])
    expect(seen).toBe(false)
  })
})
