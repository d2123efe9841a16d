import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { InvalidFilterError } from "./errors.ts"
import { compileFilter, type FilterableEvent } from "./filter.ts"

const order: FilterableEvent = {
  name: "order.placed",
  sender: "shop",
  key: "cus_77",
  scope: { account: "acme", workspace: "master" },
  metadata: { created_at: new Date("2026-01-02T03:04:05Z"), source: "api" },
  data: {
    id: "ord_1001",
    total: 40,
    currency: "EUR",
    express: false,
    coupon: null,
    note: "",
    tags: ["gift", "Fragile"],
    lines: [
      { sku: "A-1", quantity: 2, discount: 5 },
      { sku: "B-2", quantity: 9 },
    ],
    parcels: [],
    customer: { ip: "10.1.2.3", email: "ann@example.com" },
  },
}

describe("a filter", () => {
  it.each<[unknown, boolean]>([
    [{}, true],
    [{ name: ["order.placed"] }, true],
    [{ name: [{ prefix: "order." }] }, true],
    [{ sender: ["shop", "pos"] }, true],
    [{ sender: [{ exists: false }] }, false],
    [{ key: [{ prefix: "cus_" }] }, true],
    [{ scope: { account: ["acme"] } }, true],
    [{ metadata: { created_at: [{ prefix: "2026-01-02T" }] } }, true],
    [{ data: { currency: ["EUR", "CHF"] } }, true],
    [{ data: { currency: ["eur"] } }, false],
    [{ data: { currency: [{ "equals-ignore-case": "eur" }] } }, true],
    [{ data: { currency: ["EUR"], total: [41] } }, false],
    [{ data: { total: ["40"] } }, false],
    [{ data: { express: [false] } }, true],
    [{ data: { express: [null] } }, false],
    [{ data: { coupon: [null] } }, true],
    [{ data: { missing: [null] } }, false],
    [{ data: { note: [""] } }, true],
    [{ data: { id: [{ suffix: "1001" }] } }, true],
    [{ data: { id: [{ prefix: { "equals-ignore-case": "ORD" } }] } }, true],
    [{ data: { id: [{ suffix: { "equals-ignore-case": "ORD" } }] } }, false],
    [{ data: { total: [{ prefix: "4" }] } }, false],
    [{ data: { total: [{ numeric: [">", 39.5] }] } }, true],
    [{ data: { total: [{ numeric: [">", 40] }] } }, false],
    [{ data: { total: [{ numeric: [">=", 40, "<", 41] }] } }, true],
    [{ data: { total: [{ numeric: ["<", 50, ">", 39] }] } }, true],
    [{ data: { total: [{ numeric: [">=", 40, "<=", 40] }] } }, true],
    [{ data: { total: [{ numeric: ["=", 40] }] } }, true],
    [{ data: { total: [{ numeric: ["!=", 40] }] } }, false],
    [{ data: { currency: [{ numeric: ["!=", 40] }] } }, false],
    [{ data: { total: ["free", { numeric: ["<=", 40] }] } }, true],
    [{ data: { total: [{ exists: true }] } }, true],
    [{ data: { coupon: [{ exists: true }] } }, true],
    [{ data: { lines: [{ exists: true }] } }, true],
    [{ data: { parcels: [{ exists: true }] } }, true],
    [{ data: { missing: [{ exists: true }] } }, false],
    [{ data: { missing: [{ exists: false }] } }, true],
    [{ data: { missing: { deeper: [{ exists: false }] } } }, true],
    [{ data: { total: { deeper: [{ exists: false }] } } }, true],
    [{ data: { missing: ["x", { exists: false }] } }, true],
    [{ data: { currency: [{ "anything-but": "EUR" }] } }, false],
    [{ data: { currency: [{ "anything-but": ["USD", "CHF"] }] } }, true],
    [{ data: { total: [{ "anything-but": [1, 40] }] } }, false],
    [{ data: { missing: [{ "anything-but": "EUR" }] } }, false],
    [{ data: { id: [{ "anything-but": { prefix: "ord_" } }] } }, false],
    [{ data: { id: [{ "anything-but": { prefix: ["ret_", "inv_"] } }] } }, true],
    [{ data: { id: [{ "anything-but": { suffix: "01" } }] } }, false],
    [{ data: { id: [{ "anything-but": { wildcard: "*_1*" } }] } }, false],
    [{ data: { currency: [{ "anything-but": { "equals-ignore-case": ["eur"] } }] } }, false],
    [{ data: { total: [{ "anything-but": { prefix: "4" } }] } }, true],
    [{ data: { id: [{ wildcard: "ord_*" }] } }, true],
    [{ data: { id: [{ wildcard: "*_1*1" }] } }, true],
    [{ data: { id: [{ wildcard: "ord_\\*" }] } }, false],
    [{ data: { customer: { ip: [{ cidr: "10.0.0.0/8" }] } } }, true],
    [{ data: { customer: { email: [{ cidr: "10.0.0.0/8" }] } } }, false],
    [{ data: { tags: ["gift"] } }, true],
    [{ data: { tags: [{ "anything-but": "gift" }] } }, true],
    [{ data: { parcels: ["x"] } }, false],
    [{ data: { parcels: [{ "anything-but": "x" }] } }, false],
    [{ data: { lines: ["A-1"] } }, false],
    [{ data: { lines: { sku: ["B-2"], quantity: [9] } } }, true],
    [{ data: { lines: { sku: ["A-1"], quantity: [9] } } }, false],
    [{ data: { lines: { sku: ["B-2"], discount: [{ exists: false }] } } }, true],
    [{ data: { customer: { email: ["ann@example.com"] } } }, true],
    [{ data: { customer: ["ann@example.com"] } }, false],
    [{ data: { $or: [{ total: [1] }, { currency: ["EUR"] }] } }, true],
    [{ data: { $or: [{ total: [1] }, { currency: ["USD"] }] } }, false],
    [{ data: { $or: [{ total: [40] }], currency: ["USD"] } }, false],
    [{ $or: [{ sender: ["pos"] }, { data: { total: [40] } }] }, true],
    [{ data: { toString: [{ exists: true }] } }, false],
    [{ data: { constructor: { name: ["Object"] } } }, false],
    [{ data: JSON.parse('{ "__proto__": [{ "exists": true }] }') }, false],
    [{ data: { tags: { length: [2] } } }, false],
  ])("%j against an order: %s", (pattern, matches) => {
    const filter = compileFilter(pattern)

    expect(filter.matches(order)).toBe(matches)
    expect(filter.explain(order) === null).toBe(matches)
  })

  it("sees the fields of an event whose rarer ones are getters", () => {
    class Event {
      readonly name = "order.placed"
      get sender() {
        return "shop"
      }
    }

    expect(compileFilter({ sender: ["shop"] }).matches(new Event())).toBe(true)
  })

  it("takes a sender or key of null as not there", () => {
    const bare = { name: "order.placed", sender: null, key: null }

    expect(compileFilter({ sender: [{ exists: false }], key: [{ exists: false }] }).matches(bare)).toBe(true)
    expect(compileFilter({ sender: [{ "anything-but": "shop" }] }).matches(bare)).toBe(false)
  })

  it("tells a star and a backslash from a wildcard", () => {
    const filter = compileFilter({ data: [{ wildcard: "\\**\\\\" }] })

    expect(filter.matches({ name: "n", data: "*x\\" })).toBe(true)
    expect(filter.matches({ name: "n", data: "xx\\" })).toBe(false)
    expect(filter.matches({ name: "n", data: "*x" })).toBe(false)
  })

  it("looks at data that is no object", () => {
    expect(compileFilter({ data: ["ping"] }).matches({ name: "n", data: "ping" })).toBe(true)
    expect(compileFilter({ data: [{ exists: false }] }).matches({ name: "n" })).toBe(true)
  })

  it("keeps nothing of the pattern", () => {
    const pattern = { data: { total: [40], id: [{ "anything-but": ["x"] }] } }
    const filter = compileFilter(pattern)
    pattern.data.total[0] = 1
    pattern.data.id[0]?.["anything-but"].push("ord_1001")

    expect(filter.matches(order)).toBe(true)
  })

  it("does not lose itself in an event made of brackets", () => {
    const depth = 50_000
    const data = JSON.parse("[".repeat(depth) + "]".repeat(depth))
    const filter = compileFilter({ data: { total: [1] } })

    expect(filter.matches({ name: "n", data })).toBe(false)
    expect(filter.explain({ name: "n", data })).toMatch(/nested too deep|missing/)
  })
})

describe("explain", () => {
  it.each([
    [{ data: { total: [{ numeric: [">", 100] }] } }, "data.total is 40, wanted numeric > 100"],
    [{ data: { total: [{ numeric: [">", 1, "<", 9] }] } }, "data.total is 40, wanted numeric > 1, < 9"],
    [{ data: { currency: ["USD", { prefix: "C" }] } }, 'data.currency is "EUR", wanted "USD" or prefix "C"'],
    [{ data: { vat: ["x"] } }, 'data.vat is missing, wanted "x"'],
    [{ data: { vat: { id: ["x"] } } }, 'data.vat.id is missing, wanted "x"'],
    [{ data: { total: [{ exists: false }] } }, "data.total is 40, wanted it not to exist"],
    [{ data: { customer: ["ann"] } }, 'data.customer is an object, wanted "ann"'],
    [{ data: { tags: ["sale"] } }, 'data.tags is an array of 2, wanted "sale"'],
    [{ data: { coupon: [{ "anything-but": [null] }] } }, "data.coupon is null, wanted anything but null"],
    [
      { data: { lines: { sku: ["C-3"] } } },
      'none of the 2 elements of data.lines matches; of the first: data.lines[0].sku is "A-1", wanted "C-3"',
    ],
    [{ $or: [{ sender: ["pos"] }] }, 'sender is "shop", wanted "pos"'],
    [
      { data: { total: [40], $or: [{ total: [1] }, { currency: ["USD"] }] } },
      "none of 2 alternatives matches; of the first: data.total is 40, wanted 1",
    ],
    [{ name: ["order.paid"], data: { total: [1] } }, 'name is "order.placed", wanted "order.paid"'],
    [
      { metadata: { created_at: ["today"] } },
      'metadata.created_at is "2026-01-02T03:04:05.000Z", wanted "today"',
    ],
  ])("of %j", (pattern, reason) => {
    expect(compileFilter(pattern).explain(order)).toBe(reason)
  })

  it("shows at most 80 characters of a value", () => {
    const reason = compileFilter({ data: ["a"] }).explain({ name: "n", data: "🔔".repeat(10_000) })

    expect(reason?.length).toBeLessThanOrEqual("data is , wanted ".length + 80 + 3)
  })
})

describe("compileFilter", () => {
  const circle: Record<string, unknown> = {}
  circle.data = circle
  const deep = JSON.parse(`${'{"data":'.repeat(30)}["x"]${"}".repeat(30)}`)

  it.each<[unknown, string]>([
    [null, "Expected the filter to be an object"],
    [[], "Expected the filter to be an object"],
    [() => true, 'Expected the filter to be an object like `{ "data": { … } }`, got a function.'],
    [{ detail: { total: [1] } }, "An event has no `detail`. Did you mean `data`?"],
    [{ "detail-type": ["x"] }, "Did you mean `name`?"],
    [{ source: ["x"] }, "Did you mean `sender`?"],
    [{ metdata: ["x"] }, "Did you mean `metadata`?"],
    [{ $or: [{ sauce: ["x"] }] }, "An event has no `sauce`."],
    [{ name: "order.placed" }, "Expected `name` to be a list of values or tests"],
    [{ sender: [null] }, '[{ "exists": false }]'],
    [{ data: { total: 40 } }, "Expected `data.total` to be a list, got `40` (number). Put a value in a list"],
    [{ data: { total: [] } }, "The list of `data.total` is empty"],
    [{ data: {} }, "`data` asks for nothing"],
    [{ data: { total: [[1]] } }, "Expected `data.total` to list values"],
    [{ data: { total: [undefined] } }, "Expected `data.total` to list values"],
    [{ data: { total: [Number.NaN] } }, "Expected `data.total` to list values"],
    [{ data: { total: [{}] } }, "Expected one operator in each test of `data.total`, got 0"],
    [{ data: { total: [{ prefix: "a", suffix: "b" }] } }, "got 2"],
    [
      { data: { total: [{ preffix: "a" }] } },
      "no operator `preffix` (at `data.total`). Did you mean `prefix`?",
    ],
    [{ data: { total: [{ constructor: "a" }] } }, "A filter has no operator `constructor`"],
    [{ data: { total: [{ prefix: 4 }] } }, "Expected `data.total.prefix` to be a string, got `4` (number)."],
    [{ data: { total: [{ prefix: { wildcard: "a" } }] } }, "equals-ignore-case"],
    [{ data: { total: [{ exists: "yes" }] } }, "Expected `data.total.exists` to be true or false"],
    [{ data: { total: [{ numeric: 5 }] } }, "Expected `data.total.numeric` to be like"],
    [{ data: { total: [{ numeric: [">"] }] } }, "`data.total.numeric`"],
    [{ data: { total: [{ numeric: ["~", 5] }] } }, "`data.total.numeric`"],
    [{ data: { total: [{ numeric: [">", "5"] }] } }, "`data.total.numeric`"],
    [{ data: { total: [{ numeric: [">", 5, "<", 3] }] } }, "`data.total.numeric`"],
    [{ data: { total: [{ numeric: [">", 5, ">", 3] }] } }, "`data.total.numeric`"],
    [{ data: { total: [{ numeric: [">", 5, "<=", 5] }] } }, "`data.total.numeric`"],
    [{ data: { ip: [{ cidr: "10.0.0.0/99" }] } }, '`data.ip.cidr` to be a network like "10.0.0.0/8"'],
    [{ data: { id: [{ "anything-but": [] }] } }, "`data.id.anything-but`"],
    [{ data: { id: [{ "anything-but": { numeric: [">", 1] } }] } }, "Expected one of prefix, suffix"],
    [{ data: { id: [{ "anything-but": { prefix: [] } }] } }, "`data.id.anything-but.prefix` to list"],
    [{ data: { $or: [] } }, "Expected `data.$or` to be a list of patterns"],
    [{ data: { $or: { a: ["x"] } } }, "Expected `data.$or` to be a list of patterns"],
    [{ data: { at: new Date() } }, "plain objects"],
    [{ data: { at: new Map() } }, "plain objects"],
    [circle, "at most 20 levels deep"],
    [deep, "at most 20 levels deep"],
    [{ data: { id: Array.from({ length: 3_000 }, (_, i) => i) } }, "at most 2000 fields and values"],
    [{ data: { id: ["x".repeat(3_000)] } }, "at most 2048 characters"],
    [{ data: { ["x".repeat(3_000)]: ["x"] } }, "at most 2048 characters"],
  ])("refuses %j and says how to mend it", (pattern, message) => {
    expect(() => compileFilter(pattern)).toThrow(InvalidFilterError)
    expect(() => compileFilter(pattern)).toThrow(message)
  })

  it("throws nothing but its own error, whatever it is given", () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withDate: true, withMap: true }), (pattern) => {
        for (const candidate of [pattern, { data: pattern }, { data: { a: [pattern] } }]) {
          try {
            compileFilter(candidate)
          } catch (error) {
            expect(error).toBeInstanceOf(InvalidFilterError)
          }
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe("on random patterns and events", () => {
  const keys = fc.constantFrom("a", "a", "a", "b", "__proto__", "length")
  const scalars = fc.constantFrom<unknown>("a", "ab", "ba", "B", "", 0, 1, 2.5, true, null)
  const text = fc.constantFrom("a", "b", "ab", "B", "")
  const tests = fc.oneof(
    scalars,
    fc.record({ prefix: text }),
    fc.record({ suffix: text }),
    fc.record({ "equals-ignore-case": text }),
    fc.record({ wildcard: fc.constantFrom("*", "a*", "*b", "a*a", "*a*") }),
    fc.record({ exists: fc.boolean() }),
    fc.record({ numeric: fc.constantFrom<unknown[]>([">", 0], ["<=", 1], ["=", 2.5], [">=", 1, "<", 2.5]) }),
    fc.record({ "anything-but": fc.oneof(scalars, fc.array(scalars, { minLength: 1, maxLength: 3 })) }),
    fc.record({ "anything-but": fc.record({ prefix: fc.oneof(text, fc.array(text, { minLength: 1 })) }) }),
  )
  const own = (entries: [string, unknown][]) => {
    const object = {}
    for (const [key, value] of entries) {
      Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
    }
    return object
  }
  const objectOf = (value: fc.Arbitrary<unknown>, most: number) =>
    fc
      .uniqueArray(fc.tuple(keys, value), { minLength: 1, maxLength: most, selector: ([key]) => key })
      .map(own)
  const lists = fc.array(tests, { minLength: 1, maxLength: 3 })
  const fieldsOf = (levels: number): fc.Arbitrary<object> => {
    const deeper = levels === 0 ? lists : fc.oneof({ weight: 3, arbitrary: lists }, fieldsOf(levels - 1))
    const fields = objectOf(deeper, 2)
    if (levels === 0) return fields
    const either = fc.option(fc.array(fieldsOf(levels - 1), { minLength: 1, maxLength: 2 }), { freq: 3 })
    return fc.tuple(fields, either).map(([own, $or]) => ($or === null ? own : { ...own, $or }))
  }
  const dataOf = (levels: number): fc.Arbitrary<unknown> =>
    levels === 0
      ? scalars
      : fc.oneof({ weight: 2, arbitrary: scalars }, fc.array(dataOf(levels - 1), { maxLength: 3 }), {
          weight: 3,
          arbitrary: objectOf(dataOf(levels - 1), 3),
        })

  it("agrees with the language read word by word", () => {
    let matched = 0
    fc.assert(
      fc.property(fieldsOf(2), dataOf(3), (pattern, data) => {
        const filter = compileFilter({ data: pattern })
        const event = { name: "order.placed", data }
        const wanted = asksOf(pattern, data)
        if (wanted) matched++
        expect(filter.matches(event)).toBe(wanted)
        expect(filter.explain(event) === null).toBe(wanted)
      }),
      { numRuns: 5_000 },
    )
    expect(matched).toBeGreaterThan(100)
  })
})

// The oracle: slow, and in the order of the language's own sentences.
function asksOf(pattern: unknown, value: unknown): boolean {
  if (Array.isArray(pattern)) return pattern.some((test) => listed(test, value))
  const candidates = elementsOf(value)
  return (candidates.length === 0 ? [undefined] : candidates).some((element) =>
    Object.entries(pattern as object).every(([key, asked]) =>
      key === "$or"
        ? asked.some((alternative: unknown) => asksOf(alternative, element))
        : asksOf(asked, childOf(element, key)),
    ),
  )
}

function elementsOf(value: unknown): unknown[] {
  if (!Array.isArray(value)) return [value]
  return value.flatMap((element) =>
    Array.isArray(element) && element.length === 0 ? [undefined] : elementsOf(element),
  )
}

function childOf(value: unknown, key: string): unknown {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value)
  return isObject ? Object.getOwnPropertyDescriptor(value, key)?.value : undefined
}

function listed(test: unknown, value: unknown): boolean {
  const operator = typeof test === "object" && test !== null ? Object.entries(test)[0] : undefined
  if (operator?.[0] === "exists") return operator[1] === (value !== undefined)
  const isScalar = (element: unknown) => element === null || !["object", "undefined"].includes(typeof element)
  return elementsOf(value)
    .filter(isScalar)
    .some((element) => (operator === undefined ? element === test : passes(operator, element)))
}

function passes([operator, operand]: [string, unknown], value: unknown): boolean {
  const is = (pattern: RegExp) => typeof value === "string" && pattern.test(value)
  switch (operator) {
    case "prefix":
      return is(new RegExp(`^${operand}`))
    case "suffix":
      return is(new RegExp(`${operand}$`))
    case "equals-ignore-case":
      return is(new RegExp(`^${operand}$`, "i"))
    case "wildcard":
      return is(new RegExp(`^${String(operand).replaceAll("*", ".*")}$`))
    case "numeric": {
      const list = operand as [string, number]
      const js = Array.from({ length: list.length / 2 }, (_, i) => {
        const sign = list[i * 2] === "=" ? "===" : list[i * 2]
        return `(${value} ${sign} ${list[i * 2 + 1]})`
      })
      return typeof value === "number" && new Function(`return ${js.join(" && ")}`)()
    }
    default: {
      const refused = operand as { prefix: string | string[] } | unknown[]
      if (typeof refused === "object" && refused !== null && "prefix" in refused) {
        return ![refused.prefix].flat().some((prefix) => passes(["prefix", prefix], value))
      }
      return ![refused].flat().includes(value)
    }
  }
}
