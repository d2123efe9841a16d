import { describe, expect, it } from "vitest"
import { failureOf } from "../core/failure.ts"
import { attempted, thrown } from "./attempt.ts"
import type { NotifierResult } from "./notifier.ts"

const NOW = Date.UTC(2026, 0, 1)

function made(result: Partial<NotifierResult>, { tookMs = 20, status = 500 as number | null } = {}) {
  const details = {
    notifier: "http",
    recipient: "https://shop.example/",
    status,
    request: null,
    response: null,
  }
  const whole = { success: false, subscriptionId: "sub_1", responseData: "no", details, ...result }
  return attempted({ result: whole, tookMs, timeoutMs: 15_000, now: NOW })
}

describe("an attempt", () => {
  it("that succeeds is delivered, and speaks for its endpoint", () => {
    const result = made({ success: true }, { status: 200 })

    expect(result).toEqual({ error: null, sign: { kind: "success" }, isOverload: false, disable: null })
  })

  it("that fails is held against its endpoint, and says what came back", () => {
    const { error, sign } = made({ responseData: "500 Internal Server Error" })

    expect(failureOf(error)).toEqual({ kind: "error", message: "500 Internal Server Error" })
    expect(sign).toEqual({ kind: "failure", why: "500 Internal Server Error" })
  })

  it("for which an event is to blame says that the endpoint lives", () => {
    expect(made({ fault: "event" }, { status: 422 })).toMatchObject({
      sign: { kind: "event" },
      isOverload: false,
    })
  })

  it("for which we are to blame says nothing of the endpoint", () => {
    expect(made({ fault: "sender", retryAfter: 60_000 }, { status: null }).sign).toBeNull()
  })

  it("without an answer in nearly all of its time is a timeout, whoever noticed it", () => {
    const late = { tookMs: 14_900, status: null }

    expect(made({}, late).sign?.kind).toBe("timeout")
    expect(made({}, { ...late, status: 500 }).sign?.kind).toBe("failure")
    expect(thrown(new Error("aborted"), { tookMs: 14_900, timeoutMs: 15_000 }).sign?.kind).toBe("timeout")
    expect(thrown(new Error("refused"), { tookMs: 5, timeoutMs: 15_000 }).sign?.kind).toBe("failure")
  })

  it("is tried again when its endpoint wants to hear again, and no sooner than by its policy", () => {
    const { error, sign } = made({ retryAfter: new Date(NOW + 60_000) }, { status: 429 })

    expect(failureOf(error)).toMatchObject({ kind: "retry-after", until: NOW + 60_000, notSooner: true })
    expect(sign).toEqual({ kind: "asked", until: NOW + 60_000, why: "no" })
  })

  it("lets its endpoint rest for a second or more, and not for what is past or no time", () => {
    for (const retryAfter of [999, 0, -5, Number.NaN, new Date(NOW - 1), new Date(Number.NaN)])
      expect(made({ retryAfter }).sign?.kind).toBe("failure")
  })

  it("is not tried again where that does not help", () => {
    expect(failureOf(made({ isRetryable: false }).error).kind).toBe("permanent")
  })

  it("says what the recipient said that wants nothing more, and waits for somebody to enable it", () => {
    const { disable, error } = made(
      { disable: "gone", responseData: "Gone", isRetryable: false },
      { status: 410 },
    )

    expect([disable, failureOf(error).kind]).toEqual([{ why: "410: Gone", status: 410 }, "error"])
    expect(made({ disable: "gone", responseData: "410 Gone" }, { status: 410 }).disable?.why).toBe("410 Gone")
    expect(made({ disable: "gone", responseData: "no such queue" }, { status: null }).disable).toEqual({
      why: "no such queue",
      status: null,
    })
  })

  it.each([[408], [429], [503], [504], [null]])(
    "shows with status %s that its endpoint is overloaded",
    (status) => {
      expect(made({}, { status }).isOverload).toBe(true)
    },
  )

  it.each([[500], [404]])("shows with status %s nothing of the kind", (status) => {
    expect(made({}, { status }).isOverload).toBe(false)
  })

  it("has an error without a stack: there is nothing of ours to be found by it", () => {
    expect(failureOf(made({}).error).stack).toBeUndefined()
  })
})
