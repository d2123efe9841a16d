import { type Carillon, type CarillonOptions, createCarillon } from "carillon"
import { movingClock } from "carillon/testing"
import pg from "pg"
import { afterAll, afterEach, beforeAll, expect, it } from "vitest"
import { MIGRATIONS } from "../../src/engines/postgres/migrations.ts"
import { describePostgres } from "../support/describe.ts"
import { type TestDatabase, testDatabase, withDatabase } from "../support/postgres.ts"

const DAY_MS = 24 * 60 * 60 * 1000

const MARCH = Date.parse("2026-03-01T12:00:00Z")

const opened: Carillon[] = []

async function open(database: string, options: CarillonOptions = {}): Promise<Carillon> {
  const carillon = await createCarillon({ group: "shop", logger: false, database, ...options })
  opened.push(carillon)
  return carillon
}

await describePostgres("a PostgreSQL database that somebody else migrates", () => {
  let database: TestDatabase
  let role: string
  let schemas = 0
  beforeAll(async () => {
    database = await testDatabase("migrate")
    role = `${database.name}_app`
    await database.query(`CREATE ROLE ${role} LOGIN PASSWORD 'open sesame'`)
  })
  afterEach(async () => {
    for (const carillon of opened.splice(0)) await carillon.stop()
  })
  afterAll(async () => {
    await database.query(`DROP OWNED BY ${role}`)
    await database.query(`DROP ROLE ${role}`)
    await database.drop()
  })

  /** A schema's URL for who migrates, and for the app. */
  function newSchema(): { readonly schema: string; readonly owner: string; readonly app: string } {
    const schema = `shop_${++schemas}`
    const url = new URL(database.url)
    url.username = role
    url.password = "open sesame"
    return { schema, owner: `${database.url}?schema=${schema}`, app: `${url.href}?schema=${schema}` }
  }

  /** As docs/how-to/deploy.md says it. */
  async function grantTo(schema: string): Promise<void> {
    await database.query(`
      GRANT USAGE ON SCHEMA ${schema} TO ${role};
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${role};
      GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${schema} TO ${role};
      GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ${schema} TO ${role};
      ALTER DEFAULT PRIVILEGES IN SCHEMA ${schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${role};
      ALTER DEFAULT PRIVILEGES IN SCHEMA ${schema} GRANT USAGE ON SEQUENCES TO ${role};
      ALTER DEFAULT PRIVILEGES IN SCHEMA ${schema} GRANT EXECUTE ON FUNCTIONS TO ${role}`)
  }

  async function migrate(url: string): Promise<void> {
    await (await open(url)).stop()
  }

  it("is refused while it is behind, and left untouched", async () => {
    const { schema, owner } = newSchema()

    const opening = open(owner, { migrate: false })

    await expect(opening).rejects.toMatchObject({
      code: "CARILLON_STORE_BEHIND",
      message: expect.stringMatching(/holds nothing of Carillon's yet.*carillon migrate/),
    })
    expect(await database.query("SELECT 1 FROM pg_namespace WHERE nspname = $1", [schema])).toEqual([])
  })

  it("is made once by ten that start at the same time", async () => {
    const { schema, owner } = newSchema()

    await Promise.all(Array.from({ length: 10 }, () => open(owner)))

    const numbers = await database.query(`SELECT number FROM ${schema}.migrations ORDER BY number`)
    expect(numbers).toEqual(MIGRATIONS.map(({ number }) => ({ number })))
    await Promise.all(opened.map((each) => each.emit({ name: "order.placed" })))
    expect((await opened[0]?.listEvents())?.items.length).toBe(10)
  })

  it("works beside a newer schema that older code can live with, and not with one that it cannot", async () => {
    const { schema, owner } = newSchema()
    await migrate(owner)
    await database.query(`INSERT INTO ${schema}.migrations VALUES (9998, 1, 'the_next', 0)`)

    const carillon = await open(owner)
    await carillon.emit({ name: "order.placed" })
    const schemaOf = async () => (await carillon.doctor()).findings.filter((each) => each.check === "schema")
    expect(await schemaOf()).toMatchObject([
      { verdict: "ok", what: expect.stringMatching(/9998.*works with it/) },
    ])

    await database.query(`INSERT INTO ${schema}.migrations VALUES (9999, 9999, 'the_one_after', 0)`)
    for (const migrates of [true, false])
      await expect(open(owner, { migrate: migrates })).rejects.toMatchObject({
        code: "CARILLON_STORE_TOO_NEW",
      })
    expect(await schemaOf()).toMatchObject([{ verdict: "problem" }])
  })

  it("tells a role without rights which it lacks", async () => {
    const { schema, owner, app: url } = newSchema()

    const unknown = open(url)
    await expect(unknown).rejects.toMatchObject({
      code: "CARILLON_STORE",
      message: expect.stringMatching(/permission denied.*lacks a right/),
    })
    await migrate(owner)
    await grantTo(schema)
    await database.query(`REVOKE INSERT ON ${schema}.jobs FROM ${role}`)
    const carillon = await open(url, { migrate: false })

    expect((await carillon.doctor()).findings).toContainEqual({
      check: "rights",
      verdict: "problem",
      what: `Role \`${role}\` lacks INSERT on jobs.`,
      todo: expect.stringMatching(/deploy\.md/),
    })
  })

  it("migrates as a role that may make no schema, where its schema is there", async () => {
    const { schema, app: url } = newSchema()
    await database.query(`CREATE SCHEMA ${schema} AUTHORIZATION ${role}`)

    const carillon = await open(url)

    await carillon.emit({ name: "order.placed" })
    expect((await carillon.doctor()).findings.find((each) => each.check === "rights")?.verdict).toBe("ok")
  })

  it("serves an app with the documented grants: emit, transactions, handle, new days, retention", async () => {
    const { schema, owner, app: url } = newSchema()
    await migrate(owner)
    await grantTo(schema)
    const handled: unknown[] = []
    const start = async (at: number): Promise<Carillon> => {
      const carillon = await open(url, { migrate: false, clock: movingClock({ start: at }) })
      const handler = (event: { data: unknown }) => handled.push(event.data)
      carillon.events.subscribe("order.placed", handler, { subscriberId: "stock" })
      await carillon.start()
      return carillon
    }
    const client = new pg.Client(url.split("?")[0])
    await client.connect()

    const before = await start(MARCH)
    await before.emit({ name: "order.placed", data: 1 })
    await client.query("BEGIN")
    await before.events.emit({ name: "order.placed", data: 2 }, { tx: client })
    await client.query("COMMIT")
    await client.end()
    await before.drain()
    await before.stop()
    const carillon = await start(MARCH + 40 * DAY_MS)
    await carillon.emit({ name: "order.placed", data: 3 })
    await carillon.drain()
    const { events } = await carillon.prune()
    const { findings } = await carillon.doctor()

    expect(handled.toSorted()).toEqual([1, 2, 3])
    expect(events).toBe(2)
    expect(findings.find((each) => each.check === "rights")?.verdict).toBe("ok")
  })

  it("is refused where its encoding cannot hold every event", async () => {
    const name = `${database.name}_latin1`
    const way = "TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
    await database.query(`CREATE DATABASE ${name} ENCODING 'LATIN1' ${way}`)
    try {
      await expect(open(withDatabase(database.url, name))).rejects.toThrow(
        /a database in UTF8, got one in LATIN1/,
      )
    } finally {
      await database.query(`DROP DATABASE ${name} WITH (FORCE)`)
    }
  })
})
