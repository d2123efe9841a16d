import pg from "pg"
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest"
import { describePostgres } from "../../../test/support/describe.ts"
import { type TestDatabase, testDatabase } from "../../../test/support/postgres.ts"
import type { Engine } from "../../engine/engine.ts"
import type { ServerFacts } from "../../engine/inspection.ts"
import { openPostgres } from "./engine.ts"

await describePostgres("inspecting a PostgreSQL store", () => {
  let database: TestDatabase
  let engine: Engine
  let schemas = 0
  let schema: string
  beforeAll(async () => {
    database = await testDatabase("inspect")
  })
  afterAll(() => database.drop())
  beforeEach(async () => {
    schema = `shop_${++schemas}`
    engine = await open(database.url)
  })
  afterEach(() => engine.close())

  async function open(listenUrl: string | null, url = database.url): Promise<Engine> {
    const { engine } = await openPostgres({
      url,
      schema,
      pooler: false,
      listenUrl,
      readers: 2,
      transactions: 3,
      answerTimeoutMs: 10_000,
      applicationName: "carillon inspect",
      clock: null,
    })
    return engine
  }

  async function server(): Promise<ServerFacts> {
    return (await engine.maintenance.inspect()).server as ServerFacts
  }

  it("names who keeps dead rows from being cleared, the oldest first, and itself never", async () => {
    const client = new pg.Client({ connectionString: database.url, application_name: "monthly report" })
    await client.connect()
    const before = Date.now()
    await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ")
    await client.query("SELECT 1")
    await database.query(`SELECT nextval('${schema}.leases')`)

    const { pins } = await server()

    const own = pins.filter((pin) => pin.who.includes("monthly report"))
    expect(own).toMatchObject([
      { kind: "transaction", who: expect.stringMatching(/^process \d+, user .*, idle in transaction$/) },
    ])
    expect(Math.abs((own[0]?.since ?? 0) - before)).toBeLessThan(5_000)
    expect(pins.some((pin) => pin.who.includes("carillon inspect"))).toBe(false)
    await client.end()
  })

  it("names them also to a role that may not see more of others", async () => {
    const role = `${database.name}_plain`
    await database.query(`CREATE ROLE ${role} LOGIN PASSWORD 'open sesame'`)
    await database.query(`GRANT USAGE ON SCHEMA ${schema} TO ${role}`)
    await database.query(`GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO ${role}`)
    const client = new pg.Client({ connectionString: database.url, application_name: "monthly report" })
    await client.connect()
    await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ")
    await client.query("SELECT 1")
    await engine.close()
    const url = new URL(database.url)
    url.username = role
    url.password = "open sesame"
    engine = await open(url.href, url.href)

    const { pins, connections, lackingRights } = await server()

    const own = pins.filter((pin) => pin.who.includes("monthly report"))
    expect(own).toMatchObject([{ since: null }])
    expect(connections.used).toBeGreaterThanOrEqual(2)
    expect(lackingRights).toContain("INSERT on jobs")
    await client.end()
    await engine.close()
    await database.query(`DROP OWNED BY ${role}`)
    await database.query(`DROP ROLE ${role}`)
    engine = await open(database.url)
  })

  it("counts the connections that a process may open, with a listener and without", async () => {
    const { connections, hints } = await server()
    await engine.close()
    engine = await open(null)
    const silent = await server()

    expect([connections.perProcess, hints.kind]).toEqual([2 + 2 + 2 + 3 + 1, "heard"])
    expect([silent.connections.perProcess, silent.hints.kind]).toEqual([2 + 2 + 2 + 3, "off"])
    expect(connections.used).toBeGreaterThanOrEqual(connections.ours)
    expect(connections.ours).toBeGreaterThanOrEqual(1)
  })

  it("says why nobody hears, where the place to listen does not answer", async () => {
    await engine.close()
    engine = await open("postgres://postgres@127.0.0.1:1/shop")

    expect((await server()).hints).toMatchObject({
      kind: "failed",
      reason: expect.stringMatching(/ECONNREFUSED/),
    })
  })

  it("finds tables that a crash would empty, and indexes that are not valid", async () => {
    await database.query(`ALTER TABLE ${schema}.rates SET UNLOGGED`)
    await database.query(
      `UPDATE pg_index SET indisvalid = false WHERE indexrelid = '${schema}.jobs_ended'::regclass`,
    )

    expect(await server()).toMatchObject({ unlogged: ["rates"], brokenIndexes: ["jobs_ended"] })
  })

  it("counts the days as one table each, and each day once", async () => {
    const { server: facts, tables } = await engine.maintenance.inspect()

    const today = new Date().toISOString().slice(0, 10)
    expect(facts?.days.map((day) => day.day)).toContain(today)
    expect(tables.filter((table) => /\d{8}/.test(table.name))).toEqual([])
    expect(facts?.days.every((day) => day.bytes > 0)).toBe(true)
  })
})
