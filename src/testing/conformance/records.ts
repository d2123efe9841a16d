import type { PutRecord } from "../../engine/runs.ts"
import type { Suite } from "./test-engine.ts"

function put(id: string, value: string | null, over: Partial<PutRecord> = {}): PutRecord {
  return { kind: "put-record", collection: "users", id, value, ifAbsent: false, ...over }
}

export function testRecords({ it, expect }: Suite): void {
  it("keeps a value under its collection and id", async (shop) => {
    await shop.write(
      put("ada", '{"n":1}'),
      put("bob", '{"n":2}'),
      put("ada", '"key"', { collection: "secrets" }),
    )

    const { queries } = shop.engine
    expect(await queries.record("users", "ada")).toBe('{"n":1}')
    expect(await queries.record("users", "eve")).toBe(null)
    expect(await queries.records("users")).toEqual([
      { id: "ada", value: '{"n":1}' },
      { id: "bob", value: '{"n":2}' },
    ])
    expect(await queries.records("nothing")).toEqual([])
  })

  it("replaces a value, and lets it go", async (shop) => {
    await shop.writeOne(put("ada", "1"))
    await shop.writeOne(put("ada", "2"))
    expect(await shop.engine.queries.record("users", "ada")).toBe("2")

    await shop.write(put("ada", null), put("eve", null))

    expect(await shop.engine.queries.records("users")).toEqual([])
  })

  it("refuses another value where there was to be none, and takes the same", async (shop) => {
    const first = put("ada", "1", { ifAbsent: true })

    const results = await shop.write(first, first, put("ada", "2", { ifAbsent: true }), put("bob", "3"))

    expect(results.map((each) => each.status)).toEqual(["ok", "ok", "conflict", "ok"])
    expect(await shop.engine.queries.record("users", "ada")).toBe("1")
  })

  it("gives a name to one of many who want it at once", async (shop) => {
    const wishes = Array.from({ length: 5 }, (_, i) => put("ada", String(i), { ifAbsent: true }))

    const results = await Promise.all(wishes.map((wish) => shop.writeOne(wish)))

    expect(results.filter((each) => each.status === "ok").length).toBe(1)
  })
}
