import { describe, expect, it } from "vitest"
import { cursorsOf } from "./cursors.ts"
import { pageOfWhole } from "./whole-list.ts"

const key = (byte: number) => new Uint8Array(32).fill(byte)
const cursors = cursorsOf([key(1)], "listRoles", "all")
const pageOf = (all: readonly string[], query: { limit?: number; cursor?: string } = {}) =>
  pageOfWhole(all, { query, cursors, keyOf: (item) => item })

describe("a page of a whole list", () => {
  it("is followed by the next, up to the end", () => {
    const first = pageOf(["a", "b", "c"], { limit: 2 })
    const second = pageOf(["a", "b", "c"], { limit: 2, cursor: first.cursor ?? "" })

    expect(first.items).toEqual(["a", "b"])
    expect(second).toEqual({ items: ["c"], cursor: null })
    expect(pageOf(["a", "b"], { limit: 2 }).cursor).toBeNull()
    expect(pageOf([])).toEqual({ items: [], cursor: null })
  })

  it("goes on behind the item that came last, whatever has come or gone before it", () => {
    const { cursor } = pageOf(["a", "b", "c", "d"], { limit: 2 })
    const rest = (all: readonly string[]) => pageOf(all, { limit: 2, cursor: cursor ?? "" }).items

    expect(rest(["b", "c", "d"])).toEqual(["c", "d"])
    expect(rest(["0", "a", "b", "c", "d"])).toEqual(["c", "d"])
  })

  it("goes on at its place where that item is gone", () => {
    const { cursor } = pageOf(["a", "b", "c", "d"], { limit: 2 })

    expect(pageOf(["a", "c", "d"], { cursor: cursor ?? "" }).items).toEqual(["c", "d"])
  })

  it("refuses a cursor of another list", () => {
    const other = cursorsOf([key(1)], "listUsers", "all").seal("0 a") ?? ""

    expect(() => pageOf(["a"], { cursor: other })).toThrow("a cursor that this list returned")
  })
})
