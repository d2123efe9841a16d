import { z } from "@hono/zod-openapi"
import { describe, expect, it } from "vitest"
import { emitEvents } from "../contract/events.ts"
import { plainIssues } from "./issues.ts"

function issuesOf(schema: z.ZodType, value: unknown): readonly (readonly [string, string])[] {
  const { error } = schema.safeParse(value)
  return plainIssues(error?.issues ?? []).map(({ path = [], message }) => [path.join("."), message])
}

describe("what is wrong with a value that may be one of several things", () => {
  const body = emitEvents.body as z.ZodType

  it("is told of the thing that was meant", () => {
    expect(issuesOf(body, { name: "" })).toEqual([["name", expect.stringContaining("Too small")]])
    expect(issuesOf(body, [{ name: "order.placed" }, { data: 1 }])).toEqual([
      ["1.name", expect.stringContaining("expected string")],
    ])
  })

  it("is told of a field that there is not", () => {
    expect(issuesOf(body, { name: "order.placed", nmae: 1 })).toEqual([["", expect.stringContaining("nmae")]])
  })

  it("is told of all of them where none was meant", () => {
    expect(issuesOf(body, 7)).toEqual([
      ["", expect.stringMatching(/expected object.*; or: .*expected array/)],
    ])
  })

  it("is told where the choice stands inside of others", () => {
    const order = z.object({ lines: z.array(z.union([z.string(), z.object({ sku: z.string() })])) })

    expect(issuesOf(order, { lines: ["a", { sku: 1 }] })).toEqual([
      ["lines.1.sku", expect.stringContaining("expected string")],
    ])
  })
})
