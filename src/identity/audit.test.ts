import { describe, expect, it } from "vitest"
import { identityInMemory } from "../../test/support/identity.ts"
import { NotFoundError } from "../core/errors.ts"
import type { Scopes } from "../core/scope.ts"
import type { Access } from "./access.ts"

const DAY_MS = 24 * 60 * 60 * 1_000

function someone(name: string, scopes: Scopes = "all"): Access {
  return {
    actor: { kind: "user", id: `user_${name}`, name: `${name}@shop.example` },
    permissions: "all",
    scopes,
  }
}

function setup() {
  const { identity, source, time } = identityInMemory()
  const { audit } = identity
  const did = (by: Access, action: string, scopes?: Scopes) =>
    audit.audited(by, { action, scopes }, async () => {})
  return { audit, source, time, did }
}

describe("what is audited", () => {
  it("is written down before it is done, and completed afterwards", async () => {
    const { audit, time } = setup()
    const act = { action: "delivery.redrive", target: "dlv_1", details: { subscription: "crm" } }

    const result = await audit.audited(someone("ada"), act, async (note) => {
      expect((await audit.list()).items).toMatchObject([
        { outcome: "asked", details: { subscription: "crm" } },
      ])
      note({ redriven: 3 })
      return "done"
    })

    expect(result).toBe("done")
    expect((await audit.list()).items).toEqual([
      {
        id: expect.stringMatching(/^aud_[0-9A-Z]{26}$/),
        at: new Date(time.now),
        actor: { kind: "user", id: "user_ada", name: "ada@shop.example" },
        action: "delivery.redrive",
        target: "dlv_1",
        scopes: "all",
        details: { subscription: "crm", redriven: 3 },
        outcome: "done",
        error: null,
      },
    ])
  })

  it("is not done where it cannot be written down", async () => {
    const { audit, source } = setup()
    source.write = () => Promise.reject(new Error("The disk is full"))
    let isDone = false

    const asked = audit.audited(someone("ada"), { action: "token.create" }, async () => {
      isDone = true
    })

    await expect(asked).rejects.toThrow("The disk is full")
    expect(isDone).toBe(false)
  })

  it("stands as failed with our words, or with none where a payload may be in them", async () => {
    const { audit } = setup()
    const fail = (error: Error) =>
      audit.audited(someone("ada"), { action: "run.cancel" }, () => Promise.reject(error)).catch(() => {})

    await fail(new NotFoundError("Expected a run, got none."))
    await fail(new TypeError("cannot read 4111 1111 1111 1111"))

    expect((await audit.list()).items.map(({ outcome, error }) => [outcome, error])).toEqual([
      ["failed", "TypeError"],
      ["failed", "Expected a run, got none."],
    ])
  })

  it("does not say whose data was to be erased, where that failed", async () => {
    const { audit } = setup()
    const refused = audit.audited(someone("ada"), { action: "data.erase" }, async () => {
      throw new NotFoundError("An event has no `ada@shop.example`.")
    })

    await expect(refused).rejects.toThrow("ada@shop.example")
    expect((await audit.list()).items[0]).toMatchObject({ outcome: "failed", error: "CARILLON_NOT_FOUND" })
  })

  it("stays small, whatever is told of it", async () => {
    const { audit, source } = setup()
    const ids = Array.from({ length: 1_000 }, (_, i) => `dlv_${i}${"x".repeat(500)}`)
    const deep = { a: { b: { c: { d: "too deep" } } } }

    await audit.audited(
      someone("ada"),
      { action: "delivery.redrive", details: { ids, deep } },
      async () => {},
    )

    expect([...source.rows.values()].join().length).toBeLessThan(10_000)
    expect((await audit.list()).items[0]?.details).toMatchObject({ deep: { a: {} } })
  })
})

describe("the audit log", () => {
  it("is read newest first, a page at a time, by actor, action and time", async () => {
    const { audit, time, did } = setup()
    const start = time.now
    for (let i = 0; i < 10; i++) {
      time.now = start + i * 1_000
      await did(someone(i % 2 === 0 ? "ada" : "bob"), i < 5 ? "token.create" : "token.revoke")
    }

    const first = await audit.list({ limit: 4 })
    const rest = await audit.list({ limit: 100, cursor: first.cursor ?? "" })
    const seen = [...first.items, ...rest.items].map(({ at }) => (at.getTime() - start) / 1_000)
    expect(seen).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0])
    expect(rest.cursor).toBeNull()

    const count = async (request: object) => (await audit.list(request)).items.length
    expect(await count({ actor: "user_ada" })).toBe(5)
    expect(await count({ actor: "bob@shop.example", action: "token.create" })).toBe(2)
    expect(await count({ action: "token.*" })).toBe(10)
    expect(await count({ action: "user.*" })).toBe(0)
    expect(await count({ from: start + 2_000, to: new Date(start + 5_000) })).toBe(3)
  })

  it("shows an entry to who may see all of its scopes", async () => {
    const { audit, did } = setup()
    await did(someone("ada", ["acme/master"]), "delivery.redrive")
    await did(someone("bob"), "subscription.pause", ["acme/master", "globex/master"])
    await did(someone("root"), "user.create")

    const seenBy = async (scopes: Scopes) =>
      (await audit.list({}, someone("eve", scopes))).items.map(({ action }) => action)

    expect(await seenBy(["acme/master"])).toEqual(["delivery.redrive"])
    expect(await seenBy(["globex/master"])).toEqual([])
    expect(await seenBy(["acme/master", "globex/master"])).toEqual(["subscription.pause", "delivery.redrive"])
    expect(await seenBy("all")).toHaveLength(3)
  })

  it("passes over what is not wanted for a while only, and goes on from there", async () => {
    const { audit, did } = setup()
    await did(someone("ada"), "first")
    for (let i = 0; i < 6_000; i++) await did(someone("bob"), "noise")

    const { items, cursor } = await audit.list({ action: "first" })

    expect(items).toEqual([])
    expect(cursor).not.toBeNull()
    expect((await audit.list({ action: "first", cursor: cursor ?? "" })).items).toHaveLength(1)
  })

  it("forgets what is older than its retention", async () => {
    const { audit, time, did } = setup()
    for (let i = 0; i < 600; i++) await did(someone("ada"), "old")
    time.now += 300 * DAY_MS
    await did(someone("ada"), "new")

    expect(await audit.prune()).toBe(0)
    time.now += 100 * DAY_MS
    expect(await audit.prune()).toBe(600)

    expect((await audit.list()).items.map(({ action }) => action)).toEqual(["new"])
  })

  it.each([
    ["a limit", { limit: 0 }],
    ["a cursor", { cursor: "aud_x" }],
    ["a time", { from: new Date(Number.NaN) }],
  ])("refuses %s that is none", async (_, request) => {
    const { audit } = setup()

    await expect(audit.list(request)).rejects.toMatchObject({ code: "CARILLON_INVALID_INPUT" })
  })
})
