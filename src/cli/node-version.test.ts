import { describe, expect, it } from "vitest"
import { tooOld } from "./node-version.ts"

describe("an old Node", () => {
  it("is told which one is needed", () => {
    expect(tooOld("20.20.2")).toMatch(/^Expected Node 24 or later, this is 20\.20\.2\./)
    expect(tooOld("9.11.2")).not.toBeNull()
  })

  it("is none that runs these tests, nor a later one", () => {
    expect([tooOld(process.versions.node), tooOld("100.0.0"), tooOld("26.0.0-pre")]).toEqual([
      null,
      null,
      null,
    ])
  })
})
