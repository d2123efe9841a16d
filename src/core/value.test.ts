import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { UnserialisableError } from "./errors.ts"
import { readValue, writeValue } from "./value.ts"

function across(value: unknown): unknown {
  return readValue(writeValue(value, "the order"))
}

describe("writeValue and readValue", () => {
  it("give back any value of JSON, dates and bytes, whatever its names are", () => {
    fc.assert(
      fc.property(values(), (value) => {
        expect(across(value)).toStrictEqual(value)
      }),
      { numRuns: 1_000 },
    )
  })

  it("give back the same again after a second time on the way", () => {
    fc.assert(
      fc.property(fc.anything({ withDate: true, withNullPrototype: true }), (value) => {
        let once: unknown
        try {
          once = across(value)
        } catch (error) {
          expect(error).toBeInstanceOf(UnserialisableError)
          return
        }
        expect(across(once)).toStrictEqual(once)
      }),
      { numRuns: 1_000 },
    )
  })

  it("keep names that look like the tags of dates and bytes", () => {
    for (const name of ["$date", "$$date", "$$$date", "$bytes", "$$bytes"])
      for (const value of ["2026-01-01T00:00:00.000Z", 7, null, { $date: "x" }, [{ [name]: "" }]])
        expect(across({ [name]: value })).toStrictEqual({ [name]: value })
  })

  it("keep a name of `__proto__` as a name", () => {
    const order = JSON.parse('{"__proto__":{"admin":true},"total":7}')

    const came = across(order) as object

    expect(Object.keys(came)).toEqual(["__proto__", "total"])
    expect((came as { admin?: unknown }).admin).toBeUndefined()
    expect(Object.getPrototypeOf(came)).toBe(Object.prototype)
  })

  it("keep it beside a name that looks like a tag", () => {
    const order = JSON.parse('{"$date":1,"__proto__":{"admin":true}}')

    expect(Object.keys(across(order) as object)).toEqual(["$date", "__proto__"])
  })

  it("treat the rest as JSON does: holes and NaN are null, what is undefined or a function is left out", () => {
    const order = {
      // biome-ignore lint/suspicious/noSparseArray: it is what comes
      items: [1, , undefined, Number.NaN, Number.POSITIVE_INFINITY, () => 1],
      note: undefined,
      total: () => 7,
      at: new Date(Number.NaN),
      minus: -0,
    }

    expect(across(order)).toStrictEqual({ items: [1, null, null, null, null, null], at: null, minus: 0 })
  })

  it("write undefined as nothing, and nothing as undefined", () => {
    expect(writeValue(undefined, "the order")).toBeNull()
    expect(writeValue(() => 1, "the order")).toBeNull()
    expect(readValue(null)).toBeUndefined()
  })

  it("write a map's and a set's fields, a class's fields, and what `toJSON` says", () => {
    class Money {
      readonly cents = 1_200
      toJSON(): unknown {
        return { cents: this.cents, at: new Date(0) }
      }
    }

    expect(across({ price: new Money(), of: new URL("https://shop.example/") })).toStrictEqual({
      price: { cents: 1_200, at: new Date(0) },
      of: "https://shop.example/",
    })
    expect(across(new Map([["a", 1]]))).toStrictEqual({})
  })

  it("keep texts that no store likes: NUL, half of a pair, names with both", () => {
    const order = { "no\u0000te": "a\u0000b", half: "\ud800", long: "x".repeat(100_000) }

    expect(across(order)).toStrictEqual(order)
  })

  it("hand over nothing that the writer still holds", () => {
    const order = { items: [{ sku: "shirt" }], at: new Date(0), proof: new Uint8Array([1, 2]) }

    const came = across(order) as typeof order
    came.items.push({ sku: "hat" })
    came.at.setFullYear(1999)
    came.proof[0] = 9

    expect(order).toStrictEqual({ items: [{ sku: "shirt" }], at: new Date(0), proof: new Uint8Array([1, 2]) })
  })

  it("refuse what cannot be written, and say where it is", () => {
    const cycle: Record<string, unknown> = { total: 7 }
    cycle.parent = cycle

    expect(() => writeValue({ order: { total: 7n } }, "the order")).toThrow(
      /^Expected the order to be JSON .*got 7n at `order\.total`/,
    )
    expect(() => writeValue([Symbol("x")], "the order")).toThrow(UnserialisableError)
    expect(() => writeValue(cycle, "the order")).toThrow(UnserialisableError)
    expect(() =>
      writeValue(
        {
          get total() {
            throw new Error("not loaded")
          },
        },
        "the order",
      ),
    ).toThrow(/not loaded/)
  })
})

function values(): fc.Arbitrary<unknown> {
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof({ depthSize: "small" }, tie("leaf"), tie("list"), tie("object")),
    list: fc.array(tie("value"), { maxLength: 4 }),
    object: fc
      .array(fc.tuple(name, tie("value")), { maxLength: 4 })
      .map((entries) => Object.fromEntries(entries)),
    leaf: fc.oneof(
      fc.constant(null),
      fc.boolean(),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => (number === 0 ? 0 : number)),
      fc.string({ unit: "binary" }),
      fc.constantFrom("$date", '"$', "$$bytes"),
      fc.date({ noInvalidDate: true }),
      fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
    ),
  }))
  return value
}

const name = fc.oneof(
  fc.string(),
  fc.constantFrom(
    "$date",
    "$$date",
    "$$$date",
    "$bytes",
    "$$bytes",
    "$",
    "$$",
    "$dates",
    "__proto__",
    "toString",
  ),
)
