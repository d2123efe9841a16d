import { describe, expect, it } from "vitest"
import { type Route, readRoute, refuseTwinRoutes } from "./route.ts"

const GET = (): void => {}
const at = (place: string, exports: object = { GET }): Route | null =>
  readRoute(`src/api/${place}`, place, { ...exports })

describe("a route's file", () => {
  it.each([
    ["route.ts", "/"],
    ["store/brands/route.ts", "/store/brands"],
    ["store/brands/[id]/logo/route.js", "/store/brands/:id/logo"],
    ["well.known/v1.0/route.ts", "/well.known/v1.0"],
  ])("%s is %s", (place, path) => {
    expect(at(place)?.path).toBe(path)
  })

  it("without a method is none", () => {
    expect(at("brands/route.ts", { helper: GET })).toBeNull()
  })

  it.each([
    ["a method that is no function", "brands/route.ts", { GET: {} }],
    ["a parameter twice", "brands/[id]/logos/[id]/route.ts", { GET }],
    ["a pattern as a folder", "brands/:id/route.ts", { GET }],
    ["a wildcard as a folder", "brands/*/route.ts", { GET }],
    ["half a parameter", "brands/[id/route.ts", { GET }],
  ])("with %s stops the start and is named", (_, place, exports) => {
    expect(() => at(place, exports)).toThrow(
      expect.objectContaining({
        code: "CARILLON_CONFIG",
        message: expect.stringContaining(`src/api/${place}`),
      }),
    )
  })

  it("for a path that another has is refused, whatever its parameter is called", () => {
    const routes = [at("brands/[id]/route.ts"), at("brands/[brand_id]/route.ts")] as Route[]

    expect(() => refuseTwinRoutes(routes)).toThrow(/two for \/brands\/:brand_id: .*\[id\].*\[brand_id\]/)
  })
})
