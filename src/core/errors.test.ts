import { describe, expect, it } from "vitest"
import * as errors from "./errors.ts"

const { CarillonError, expected, isPermanent, PermanentError, RetryAfterError, retryAfterOf } = errors

const SAY_MORE = ["RetryAfterError", "TooManyAttemptsError", "WebhookVerificationError"] // their second argument

describe("every error", () => {
  const classes = Object.entries(errors).filter(
    ([name]) => name.endsWith("Error") && name !== "CarillonError",
  )

  it.each(classes)("%s is a CarillonError that has its class for a name", (name, thing) => {
    const Class = thing as typeof PermanentError
    const cause = new Error("disk full")
    const error = new Class("It did not work", { cause })

    expect(error).toBeInstanceOf(CarillonError)
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ name, message: "It did not work" })
    expect(error.code).toMatch(/^CARILLON_[A-Z_]+$/)
    if (!SAY_MORE.includes(name)) expect(error.cause).toBe(cause)
  })

  it("has a code of its own", () => {
    const codes = classes.map(([, thing]) => new (thing as typeof PermanentError)("").code)

    expect(new Set(codes).size).toBe(codes.length)
  })
})

describe("isPermanent and retryAfterOf", () => {
  it("look at the code, so that two copies of the module agree", () => {
    expect(isPermanent(new PermanentError("gone"))).toBe(true)
    expect(isPermanent({ code: "CARILLON_PERMANENT" })).toBe(true)
    expect(retryAfterOf({ code: "CARILLON_RETRY_AFTER", retryAfter: 500 })).toBe(500)
  })

  it("give the time as it was given", () => {
    const when = new Date("2030-01-01")
    const cause = new Error("429")
    const error = new RetryAfterError("busy", when, { cause })

    expect(retryAfterOf(error)).toBe(when)
    expect(retryAfterOf(new RetryAfterError("busy", 0))).toBe(0)
    expect(error.cause).toBe(cause)
  })

  it.each([[new Error("x")], [{ code: 7 }], ["CARILLON_PERMANENT"], [null], [undefined]])(
    "say no to %s",
    (thrown) => {
      expect(isPermanent(thrown)).toBe(false)
      expect(retryAfterOf(thrown)).toBe(null)
    },
  )

  it.each([[Number.NaN], [new Date("never")], ["tomorrow"], [undefined]])(
    "find no time in %s",
    (retryAfter) => {
      expect(retryAfterOf({ code: "CARILLON_RETRY_AFTER", retryAfter })).toBe(null)
    },
  )
})

describe("expected", () => {
  it.each<[unknown, string]>([
    [0, "`0` (number)"],
    ["", '`""` (string)'],
    ["a".repeat(100), `\`"${"a".repeat(60)}…"\` (string)`],
    [true, "`true` (boolean)"],
    [10n, "`10n` (bigint)"],
    [undefined, "nothing (undefined)"],
    [null, "`null`"],
    [["a", "b"], "an array of 2"],
    [{ password: "secret" }, "an object"],
    [() => {}, "a function"],
  ])("names %s and prints no payload", (came, named) => {
    expect(expected("`concurrency` to be a whole number from 1 up", came)).toBe(
      `Expected \`concurrency\` to be a whole number from 1 up, got ${named}.`,
    )
  })
})
