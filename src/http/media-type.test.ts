import { describe, expect, it } from "vitest"
import { asksFor, isJson, mediaType } from "./media-type.ts"

describe("a media type", () => {
  it("is known however it is written", () => {
    expect(mediaType("Application/JSON ; charset=utf-8")).toBe("application/json")
    expect(mediaType(null)).toBe("")
    expect([isJson("application/cloudevents+json"), isJson("text/json")]).toEqual([true, false])
  })

  it.each([
    ["application/cloudevents+json", true],
    ["text/html, application/cloudevents+json;q=0.9, */*", true],
    ["application/json, application/cloudevents+json;q=0.5", false],
    ["application/cloudevents+json;q=0", false],
    ["*/*", false],
    [null, false],
  ])("is asked for by %s: %s", (accept, asked) => {
    expect(asksFor(accept, "application/cloudevents+json")).toBe(asked)
  })
})
