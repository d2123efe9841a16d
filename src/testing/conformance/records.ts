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

  it("replaces what was read, and refuses where it was changed or went since", async (shop) => {
    await shop.writeOne(put("ada", "1"))

    const results = await shop.write(
      put("ada", "2", { ifValue: "1" }),
      put("ada", "2", { ifValue: "1" }),
      put("ada", "3", { ifValue: "1" }),
      put("eve", "1", { ifValue: "0" }),
    )

    expect(results.map((each) => each.status)).toEqual(["ok", "ok", "conflict", "conflict"])
    expect(await shop.engine.queries.records("users")).toEqual([{ id: "ada", value: "2" }])
  })

  it("loses no change of many who read and change at once", async (shop) => {
    await shop.writeOne(put("ada", "0"))
    const add = async (digit: string): Promise<void> => {
      const old = (await shop.engine.queries.record("users", "ada")) ?? ""
      const { status } = await shop.writeOne(put("ada", old + digit, { ifValue: old }))
      if (status === "conflict") return add(digit)
    }

    await Promise.all(["1", "2", "3", "4", "5"].map(add))

    const value = await shop.engine.queries.record("users", "ada")
    expect(value?.split("").sort().join("")).toBe("012345")
  })

  it("pages through a collection from the greatest id down", async (shop) => {
    for (const n of [1, 2, 3, 4, 5]) await shop.writeOne(put(`aud_${n}`, String(n), { collection: "audit" }))
    await shop.writeOne(put("ada", "1"))
    const { queries } = shop.engine

    const first = await queries.recordPage("audit", { limit: 2 })
    const second = await queries.recordPage("audit", { limit: 2, before: first.cursor as string })
    const third = await queries.recordPage("audit", { limit: 2, before: second.cursor as string })

    expect([first, second, third].map(({ items }) => items.map(({ id, value }) => `${id} ${value}`))).toEqual(
      [["aud_5 5", "aud_4 4"], ["aud_3 3", "aud_2 2"], ["aud_1 1"]],
    )
    expect(third.cursor).toBe(null)
    expect(await queries.recordPage("audit", { limit: 2, before: "aud_1" })).toEqual({
      items: [],
      cursor: null,
    })
  })

  it("prunes the smallest ids of one collection, so many at a time", async (shop) => {
    for (const n of [1, 2, 3, 4]) await shop.writeOne(put(`aud_${n}`, String(n), { collection: "audit" }))
    await shop.writeOne(put("ada", "1"))
    const prune = { kind: "prune-records", collection: "audit", before: "aud_4", limit: 2 } as const

    const counts = [await shop.writeOne(prune), await shop.writeOne(prune), await shop.writeOne(prune)]

    expect(counts).toMatchObject([{ count: 2 }, { count: 1 }, { count: 0 }])
    const kept = await shop.engine.queries.records("audit")
    expect(kept.map(({ id }) => id)).toEqual(["aud_4"])
    expect(await shop.engine.queries.record("users", "ada")).toBe("1")
  })

  it("gives a name to one of many who want it at once", async (shop) => {
    const wishes = Array.from({ length: 5 }, (_, i) => put("ada", String(i), { ifAbsent: true }))

    const results = await Promise.all(wishes.map((wish) => shop.writeOne(wish)))

    expect(results.filter((each) => each.status === "ok").length).toBe(1)
  })
}
