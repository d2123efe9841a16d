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

  it.each([
    null,
    5,
    [],
    { databas: ":memory:" },
    { database: "" },
    { database: "postgres://127.0.0.1/shop" },
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
  ])("refuses %j with a code of its own", (options) => {
    expect(codeOf(options)).toBe("CARILLON_CONFIG")
  })
})
