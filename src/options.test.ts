import { describe, expect, it } from "vitest"
import { type CarillonOptions, resolveOptions } from "./options.ts"

const codeOf = (options: unknown): string => {
  try {
    resolveOptions(options as CarillonOptions)
    return "accepted"
  } catch (error) {
    return (error as { code: string }).code
  }
}

describe("resolveOptions", () => {
  it("decides every option, and freezes them", () => {
    const options = resolveOptions({ database: ":memory:", group: "shop", leaseMs: 9_000 })

    expect(options).toMatchObject({ path: ":memory:", storeThread: "main", heartbeatMs: 3_000, scope: "" })
    expect(options.subscriptionScope).toBeNull()
    expect(Object.isFrozen(options)).toBe(true)
  })

  it("keeps the store off the caller's thread when it is a file", () => {
    expect(resolveOptions({ database: "file:./shop.db", group: "shop" }).storeThread).toBe("worker")
  })

  it("takes schema and pooler from the URL, and shows it without its password", () => {
    const database = "postgres://shop:secret@db/shop?sslmode=require&schema=orders&pooler=true"

    const options = resolveOptions({ database, group: "shop" })

    expect(options.postgres).toMatchObject({
      url: "postgres://shop:secret@db/shop?sslmode=require",
      schema: "orders",
      pooler: true,
      listenUrl: null,
    })
    expect(options.database).toBe("postgres://shop:***@db/shop?sslmode=require&schema=orders&pooler=true")
  })

  it("takes the same from options, which may repeat what the URL says", () => {
    const database = "postgres://db/shop?schema=orders"

    const options = resolveOptions({ database, group: "shop", postgres: { schema: "orders" } })

    expect(options.postgres).toMatchObject({ url: "postgres://db/shop", schema: "orders", pooler: false })
    expect(options.postgres?.listenUrl).toBe("postgres://db/shop")
  })

  it("keeps a secret for development beside the file, or in the working folder of who uses a server", () => {
    const fileOf = (database: string) => resolveOptions({ database }).secretFile

    expect(fileOf("file:shop.db")).toMatch(/[/\\]shop\.db\.secret$/)
    expect(fileOf("postgres://db/shop")).toMatch(/[/\\]\.carillon[/\\]secret$/)
    expect(fileOf(":memory:")).toBeNull()
  })

  it.each([
    null,
    5,
    [],
    { databas: ":memory:" },
    { database: "" },
    { database: "mysql://127.0.0.1/shop" },
    { database: "postgres:/shop" },
    { database: "postgres://127.0.0.1/shop?shema=orders" },
    { group: "shop\0" },
    { database: "postgres://db/shop?schema=public" },
    { database: "postgres://db/shop?schema=orders", postgres: { schema: "events" } },
    { database: "postgres://db/shop?pooler=yes" },
    { database: "postgres://db/shop", postgres: { pool: 5 } },
    { database: "postgres://db/shop", postgres: { listenUrl: "db" } },
    { database: "file:shop.db", postgres: { schema: "orders" } },
    { migrate: "no" },
    { database: "file:shop.db?mode=ro" },
    { group: "" },
    { graceMs: 3e9 },
    { leaseMs: 100, heartbeatMs: 5_000 },
    { concurrency: 0 },
    { storeThread: "other" },
    { logger: "x" },
    { logger: {} },
    { container: {} },
    { clock: 5 },
    { definitions: [5] },
    { secret: 5 },
    { auditRetentionMs: 0 },
  ])("refuses %j with a code of its own", (options) => {
    expect(codeOf(options)).toBe("CARILLON_CONFIG")
  })
})
