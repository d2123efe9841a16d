import { setTimeout as sleep } from "node:timers/promises"
import { Client } from "pg"
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest"
import { describePostgres } from "./describe.ts"
import { type TestDatabase, testDatabase } from "./postgres.ts"
import { TcpProxy } from "./proxy.ts"

await describePostgres("a proxy before the server", () => {
  let database: TestDatabase
  let proxy: TcpProxy
  let client: Client
  const isInsert = (sql: string) => sql.startsWith("INSERT")

  beforeAll(async () => {
    database = await testDatabase("proxy")
    await database.query("CREATE TABLE orders (id int)")
  })
  afterAll(() => database.drop())
  beforeEach(async () => {
    await database.query("TRUNCATE orders")
    proxy = await TcpProxy.open(database.url)
    client = await connected()
  })
  afterEach(async () => {
    await client.end().catch(() => {})
    await proxy.close()
  })

  async function connected(): Promise<Client> {
    const made = new Client({ connectionString: proxy.url, connectionTimeoutMillis: 500 })
    made.on("error", () => {})
    await made.connect()
    return made
  }

  async function orders(): Promise<unknown[]> {
    return (await database.query<{ id: number }>("SELECT id FROM orders ORDER BY id")).map((row) => row.id)
  }

  test("passes what is said", async () => {
    const { rows } = await client.query("SELECT $1::text || repeat('x', 100000) AS text", ["é"])

    expect(rows[0].text).toHaveLength(100_001)
  })

  test("cuts before a statement, which the server never hears of", async () => {
    const struck = proxy.at({ matches: isInsert, when: "before" })

    await expect(client.query("INSERT INTO orders VALUES ($1)", [1])).rejects.toThrow()

    await struck
    expect(await orders()).toEqual([])
  })

  test("cuts after a statement, whose answer is lost though it was done", async () => {
    const struck = proxy.at({ matches: (sql) => sql === "COMMIT", when: "answered", nth: 2 })
    const insert = async (id: number) => {
      await client.query("BEGIN")
      await client.query("INSERT INTO orders VALUES ($1)", [id])
      await client.query("COMMIT")
    }

    await insert(1)
    await expect(insert(2)).rejects.toThrow()

    await struck
    expect(await orders()).toEqual([1, 2])
  })

  test("knows a statement that was named before, and the process that runs it", async () => {
    const named = (id: number) =>
      client.query({ name: "add", text: "INSERT INTO orders VALUES ($1)", values: [id] })
    await named(1)
    const [row] = (await client.query("SELECT pg_backend_pid() AS pid")).rows
    const processes: number[] = []

    const struck = proxy.at({
      matches: isInsert,
      when: "sent",
      act: (link) => void processes.push(link.backend),
    })
    await named(2)

    await struck
    expect(processes).toEqual([row.pid])
    expect(await orders()).toEqual([1, 2])
  })

  test("spares answers with fewer rows than are meant", async () => {
    const select = (rows: number) => client.query(`SELECT generate_series(1, ${rows}) AS n`)
    const struck = proxy.at({
      matches: (sql) => sql.includes("generate_series"),
      when: "answered",
      leastRows: 2,
    })

    expect((await select(0)).rows).toEqual([])
    expect((await select(1)).rows).toEqual([{ n: 1 }])
    await expect(select(2)).rejects.toThrow()

    await struck
  })

  test("cuts all connections and refuses new ones", async () => {
    const asked = client.query("SELECT pg_sleep(60)").catch((error: Error) => error)

    expect(proxy.cut()).toBe(1)

    expect(await asked).toBeInstanceOf(Error)
    proxy.refuse()
    await expect(connected()).rejects.toThrow()
    proxy.refuse(false)
    await (await connected()).end()
  })

  test("goes silent without closing anything, and resets what was said into the silence", async () => {
    proxy.silence()
    const asked = client.query("INSERT INTO orders VALUES (1)").catch((error: Error) => error)

    expect(await Promise.race([asked, sleep(100, "nothing")])).toBe("nothing")
    await expect(connected()).rejects.toThrow("timeout")

    proxy.speak()
    expect(await asked).toBeInstanceOf(Error)
    expect(await orders()).toEqual([])
  })

  test("forgets connections that were open, which nobody resets", async () => {
    proxy.silence()
    proxy.forget()

    const asked = client.query("SELECT 1").catch((error: Error) => error)
    const fresh = await connected()

    expect((await fresh.query("SELECT 1 AS n")).rows).toEqual([{ n: 1 }])
    expect(await Promise.race([asked, sleep(100, "nothing")])).toBe("nothing")
    await fresh.end()
  })

  test("delays what is said without changing its order", async () => {
    proxy.delayMs = 20

    const { rows } = await client.query("SELECT generate_series(1, 3000) AS n")

    expect(rows.map((row) => row.n)).toEqual(Array.from({ length: 3_000 }, (_, i) => i + 1))
  })
})
