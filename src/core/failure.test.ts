import { describe, expect, it } from "vitest"
import { PermanentError, RetryAfterError, TimeoutError } from "./errors.ts"
import { failureOf } from "./failure.ts"

describe("failureOf", () => {
  it("keeps the message and the first lines of the stack", () => {
    const failure = failureOf(new Error("The CMS is down"))

    expect(failure).toMatchObject({ kind: "error", message: "The CMS is down" })
    expect(failure.stack).toMatch(/^Error: The CMS is down\n +at /)
    expect(failure.stack?.split("\n").length).toBeLessThanOrEqual(12)
  })

  it("knows the errors that users throw", () => {
    const until = new Date("2030-01-01")

    expect(failureOf(new PermanentError("closed"))).toMatchObject({ kind: "permanent", message: "closed" })
    expect(failureOf(new RetryAfterError("busy", 500))).toMatchObject({ kind: "retry-after", after: 500 })
    expect(failureOf(new RetryAfterError("busy", 500)).notSooner).toBeUndefined()
    expect(failureOf(new RetryAfterError("busy", 500, { notSooner: true })).notSooner).toBe(true)
    expect(failureOf(new RetryAfterError("busy", until))).toMatchObject({
      kind: "retry-after",
      until: until.getTime(),
    })
    expect(failureOf(new TimeoutError("too long"))).toMatchObject({ kind: "timeout", message: "too long" })
  })

  it("knows them from another copy of the module", () => {
    expect(failureOf({ code: "CARILLON_PERMANENT", message: "closed" })).toEqual({
      kind: "permanent",
      message: "closed",
    })
  })

  it("takes a retry time that is none as an ordinary error", () => {
    expect(failureOf(new RetryAfterError("busy", new Date("never"))).kind).toBe("error")
    expect(failureOf(new RetryAfterError("busy", Number.NaN)).kind).toBe("error")
  })

  it("says why a fetch failed", () => {
    const refused = new AggregateError([new Error("connect ECONNREFUSED 127.0.0.1:1")])

    expect(failureOf(new TypeError("fetch failed", { cause: refused })).message).toBe(
      "fetch failed (AggregateError without a message (connect ECONNREFUSED 127.0.0.1:1))",
    )
  })

  it("does not say twice what an error quotes of its cause's first line", () => {
    const circular = new TypeError("Converting circular structure to JSON\n    --> starting at object")
    const error = new Error("Expected JSON, got: Converting circular structure to JSON", { cause: circular })

    expect(failureOf(error).message).toBe("Expected JSON, got: Converting circular structure to JSON")
  })

  it("does not follow a circle of causes for ever", () => {
    const error = new Error("a")
    error.cause = new Error("b", { cause: error })

    expect(failureOf(error).message.length).toBeLessThan(100)
  })

  it.each([
    ["The CMS is down", "The CMS is down"],
    ["", "An empty string was thrown"],
    [undefined, "undefined was thrown"],
    [null, "null was thrown"],
    [404, "404 was thrown"],
    [Symbol("late"), "Symbol(late) was thrown"],
    [() => {}, "A function was thrown"],
    [{ status: 500, token: "secret" }, "An object without a message was thrown"],
    [new RangeError(), "RangeError without a message"],
  ])("makes words of %s", (thrown, message) => {
    expect(failureOf(thrown)).toMatchObject({ kind: "error", message })
  })

  it("survives an object that cannot be read", () => {
    const hostile = new Proxy(
      {},
      {
        get: () => {
          throw new Error("no")
        },
      },
    )

    expect(failureOf(hostile)).toEqual({ kind: "error", message: "An object that cannot be read was thrown" })
  })

  it("cuts what is too long, and leaves nothing that a store cannot keep", () => {
    const failure = failureOf(new Error(`\u0000\ud800${"🔔".repeat(100_000)}`))

    expect(failure.message.length).toBe(2_000)
    expect(failure.stack?.length).toBeLessThanOrEqual(2_000)
    expect(failure.message.isWellFormed()).toBe(true)
    expect(failure.message).not.toContain("\u0000")
  })
})
