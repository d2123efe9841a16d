import createKnex from "knex"
import { Kysely, PostgresDialect } from "kysely"
import pg from "pg"
import { describe, expect, it } from "vitest"
import { transactionOf } from "./transaction-of.ts"

const pool = new pg.Pool()
const kysely = new Kysely({ dialect: new PostgresDialect({ pool }) })
const knex = createKnex({ client: "pg" })

describe("a transaction that is handed in", () => {
  it("may be a client of pg", () => {
    const client = new pg.Client()

    expect(transactionOf(client).onCommit).toBeTypeOf("function")
  })

  it("may be anything that sends queries to one transaction", () => {
    const adapter = { query: async () => ({ rows: [] }) }

    expect(transactionOf(adapter)).toBe(adapter)
  })

  it.each([
    ["nothing", undefined, "`undefined`"],
    ["a string", "BEGIN", "`BEGIN`"],
    ["an empty object", {}, "an object without `query`"],
    ["a class's object", new Map(), "a Map without `query`"],
    ["a function", () => {}, "a function"],
    ["a pool of pg", pool, "got a pool, where each query may go to another connection"],
    ["what looks like a pool", { query() {}, connect() {}, totalCount: 1, idleCount: 0 }, "got a pool"],
    ["a Kysely", kysely, "a Kysely that is in no transaction"],
    ["a Knex", knex, "a Knex that is in no transaction"],
  ])("is not %s, and the error names it", (_, tx, named) => {
    expect(() => transactionOf(tx)).toThrow(named)
    expect(() => transactionOf(tx)).toThrow(expect.objectContaining({ code: "CARILLON_INVALID_INPUT" }))
  })

  it("has an `onCommit` that is a function, or none", () => {
    expect(() => transactionOf({ query: async () => {}, onCommit: true })).toThrow("`onCommit` of `tx`")
  })
})
