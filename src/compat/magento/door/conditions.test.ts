import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { CONDITION_TYPES, type ConditionType, compare, type FieldKind, holds, isLike } from "./conditions.ts"

const row = {
  subscription_id: 12,
  event_name: "sales.order.created",
  status: true,
  subscribed_at: "2024-03-20 00:57:16",
  status_code: null,
}
const KINDS: Readonly<Record<string, FieldKind>> = {
  subscription_id: "number",
  status: "truth",
  subscribed_at: "time",
  status_code: "number",
}

const is = (field: string, condition_type: ConditionType, value: string): boolean =>
  holds(row, { field, condition_type, value }, KINDS[field] ?? "text")

describe("a condition", () => {
  it.each<[string, ConditionType, string, boolean]>([
    ["event_name", "eq", "Sales.Order.Created", true],
    ["event_name", "neq", "sales.order.created", false],
    ["event_name", "like", "SALES.%created", true],
    ["event_name", "nlike", "customer.%", true],
    ["event_name", "in", "customer.saved, sales.order.created", true],
    ["event_name", "nin", "customer.saved", true],
    ["event_name", "finset", "sales.order.created", true],
    ["event_name", "nfinset", "customer.saved", true],
    ["subscription_id", "eq", "12", true],
    ["subscription_id", "eq", "012.0", true],
    ["subscription_id", "gt", "9", true],
    ["subscription_id", "gt", "12", false],
    ["subscription_id", "gteq", "12", true],
    ["subscription_id", "moreq", "13", false],
    ["subscription_id", "from", "12", true],
    ["subscription_id", "lt", "100", true],
    ["subscription_id", "lteq", "11", false],
    ["subscription_id", "to", "12", true],
    ["subscription_id", "eq", "twelve", false],
    ["subscription_id", "eq", "", false],
    ["subscription_id", "neq", "twelve", true],
    ["status", "eq", "1", true],
    ["status", "eq", "true", true],
    ["status", "eq", "0", false],
    ["status", "in", "false,true", true],
    ["subscribed_at", "gteq", "2024-03-20", true],
    ["subscribed_at", "gt", "2024-03-20T00:57:16+00:00", false],
    ["subscribed_at", "eq", "2024-03-20T00:57:16.000Z", true],
    ["subscribed_at", "eq", "2024-03-20T01:57:16+01:00", true],
    ["subscribed_at", "lt", "2024-03-20 00:57", false],
    ["subscribed_at", "in", "2024-03-19, 2024-03-20 00:57:16", true],
    ["subscribed_at", "like", "2024-03-%", true],
    ["subscribed_at", "null", "", false],
    ["subscribed_at", "notnull", "", true],
  ])("on %s, %s %j is %s", (field, type, value, expected) => {
    expect(is(field, type, value)).toBe(expected)
  })

  it("finds nothing in what there is not, but that it is not", () => {
    for (const type of CONDITION_TYPES)
      expect([type, is("status_code", type, "500")]).toEqual([type, type === "null"])
  })

  it("orders by what a field holds", () => {
    const [nine, ten] = [
      { ...row, subscription_id: 9 },
      { ...row, subscription_id: 10 },
    ]

    expect(compare(nine, ten, "subscription_id", "number")).toBe(-1)
    expect(compare(nine, ten, "subscription_id", "text")).toBe(1)
    expect(compare(ten, ten, "subscription_id", "number")).toBe(0)
  })
})

describe("LIKE", () => {
  it("finds what a regular expression of the same meaning finds", () => {
    const letters = fc.array(fc.constantFrom("a", "b", "%", "_", "\\"), { maxLength: 12 })
    fc.assert(
      fc.property(fc.stringMatching(/^[ab%_]{0,12}$/), letters, (text, pieces) => {
        const pattern = pieces.join("")

        expect(isLike(text, pattern)).toBe(meaning(pattern).test(text))
      }),
      { numRuns: 1_000 },
    )
  })

  it("takes no long for patterns that are made to", () => {
    expect(isLike("a".repeat(5_000), `${"%a".repeat(200)}%b`)).toBe(false)
  })
})

/** The same pattern as a regular expression. */
function meaning(pattern: string): RegExp {
  let source = ""
  for (let at = 0; at < pattern.length; at++) {
    const letter = pattern[at] as string
    const next = pattern[at + 1]
    if (letter === "\\" && next !== undefined) {
      source += plain(next)
      at++
    } else source += letter === "%" ? ".*" : letter === "_" ? "." : plain(letter)
  }
  return new RegExp(`^${source}$`, "s")
}

function plain(letter: string): string {
  return letter === "\\" ? "\\\\" : letter
}
