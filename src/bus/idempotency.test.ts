import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { IdConflictError, InvalidInputError } from "../core/errors.ts"
import type { EventInput } from "../core/event.ts"
import { toDraft } from "./draft.ts"
import { inWordsOfTheKey, underKey } from "./idempotency.ts"

const defaults = { scope: "", mostBytes: 256 * 1024, warn: () => {} }

function call(key: string, inputs: readonly EventInput[], now = 0) {
  const drafts = inputs.map((input) => toDraft(input, {}, null, now, defaults))
  return underKey(key, drafts, inputs)
}

const placed: EventInput = { name: "order.placed", data: { id: "ord_1001", total: 40 } }
const paid: EventInput = { name: "order.paid", data: { id: "ord_1001" } }

describe("events of one call under a key", () => {
  it("have the same ids and hashes whenever the call is made, whatever the order of their fields", () => {
    const turned = { data: { total: 40, id: "ord_1001" }, name: "order.placed" }

    const [first, again] = [call("checkout-7", [placed, paid], 1), call("checkout-7", [turned, paid], 9)]

    expect(again.map(({ id, hash }) => [id, hash])).toEqual(first.map(({ id, hash }) => [id, hash]))
    expect(new Set(first.map((each) => each.id)).size).toBe(2)
  })

  it("have the same first id and another hash when any of them differs, is missing or stands elsewhere", () => {
    const [first] = call("checkout-7", [placed, paid])
    const others = [[placed], [paid, placed], [placed, paid, paid], [placed, { ...paid, data: {} }]]

    for (const other of others) {
      const [draft] = call("checkout-7", other)
      expect(draft?.id).toBe(first?.id)
      expect(draft?.hash).not.toBe(first?.hash)
    }
  })

  it("have other ids under another key and in another scope", () => {
    const ids = [
      call("checkout-7", [placed]),
      call("checkout-8", [placed]),
      call("checkout-7", [{ ...placed, scope: "acme" }]),
    ].map(([draft]) => draft?.id)

    expect(new Set(ids).size).toBe(3)
  })

  it("keep ids of their own, and still tell calls apart by the rest", () => {
    const own = { ...placed, id: "ord_1001" }

    const [first, second] = call("checkout-7", [own, paid])
    const [other] = call("checkout-7", [paid, own])

    expect(first).toMatchObject({ id: "ord_1001", hash: call("checkout-8", [own])[0]?.hash })
    expect(second?.id).toBe(other?.id)
    expect(second?.hash).not.toBe(other?.hash)
  })

  it("are never two of one id, and two calls share a first id only within a scope", () => {
    const input = fc.record(
      {
        name: fc.constantFrom("order.placed", "order.paid"),
        data: fc.jsonValue(),
        scope: fc.constantFrom("", "acme"),
      },
      { requiredKeys: ["name"] },
    )
    fc.assert(
      fc.property(fc.array(input, { minLength: 1, maxLength: 8 }), (inputs) => {
        const ids = call("checkout-7", inputs).map((each) => each.id)
        expect(new Set(ids).size).toBe(inputs.length)
      }),
    )
  })

  it.each([["", 7, "a\u0000b", "x".repeat(256)]])("refuse the key %j", (key) => {
    expect(() => call(key as string, [placed])).toThrow(InvalidInputError)
  })
})

it("a conflict of an id that the caller never saw is told in words of the key", () => {
  const drafts = call("checkout-7", [placed, { ...paid, id: "ord_1001" }])
  const derived = new IdConflictError(`got \`${drafts[0]?.id}\` with other content`)
  const own = new IdConflictError("got `ord_1001` with other content")

  expect(inWordsOfTheKey(derived, drafts)).toMatchObject({ code: "CARILLON_ID_CONFLICT", cause: derived })
  expect((inWordsOfTheKey(derived, drafts) as Error).message).toMatch(/idempotencyKey/)
  expect(inWordsOfTheKey(own, drafts)).toBe(own)
})
