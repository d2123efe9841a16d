import { describe, expect, it } from "vitest"
import { StoreError, StoreUnavailableError } from "../core/errors.ts"
import { OutageLog } from "./outage-log.ts"

function setup() {
  const lines: string[] = []
  let now = 5_000
  const log = new OutageLog({
    error: (error) => lines.push(error instanceof Error ? error.message : String(error)),
    info: (message) => lines.push(message),
    monotonic: () => now,
  })
  const refuse = () => log.report(new StoreUnavailableError("Connection refused."))
  const pass = (ms: number) => {
    now += ms
  }
  return { log, lines, refuse, pass }
}

describe("OutageLog", () => {
  it("tells of an outage at once, then once a minute, then of its end", () => {
    const { log, lines, refuse, pass } = setup()

    for (let second = 0; second < 150; second++) {
      refuse()
      pass(1_000)
    }
    log.answered()
    log.answered()

    expect(lines).toEqual([
      "Connection refused.",
      "The store has not answered for 60 s: Connection refused.",
      "The store has not answered for 2 min: Connection refused.",
      "The store answers again, after 3 min.",
    ])
  })

  it("tells of the next outage anew", () => {
    const { log, lines, refuse, pass } = setup()
    refuse()
    pass(2_000)
    log.answered()

    refuse()

    expect(lines).toEqual([
      "Connection refused.",
      "The store answers again, after 2 s.",
      "Connection refused.",
    ])
  })

  it("tells of other errors as they come, and of no end where nothing began", () => {
    const { log, lines } = setup()

    log.report(new StoreError("The disk is full."))
    log.report(new StoreError("The disk is full."))
    log.answered()

    expect(lines).toEqual(["The disk is full.", "The disk is full."])
  })
})
