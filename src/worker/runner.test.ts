import { describe, expect, it, vi } from "vitest"
import type { StoredEvent } from "../core/event.ts"
import { resolvePolicy } from "../core/policy.ts"
import { EventView } from "../core/view.ts"
import { Tracing } from "../telemetry/tracing.ts"
import { movingClock } from "../testing/moving-clock.ts"
import { Delivery, type DeliveryContext } from "./delivery.ts"
import { HandlerEntry } from "./handlers.ts"
import { Runner } from "./runner.ts"

/** A handler whose calls the test ends by hand. */
class HandWork {
  readonly calls: { end: () => void; fail: (error: Error) => void; context: DeliveryContext }[] = []

  run = (_event: unknown, context: DeliveryContext): Promise<void> =>
    new Promise((resolve, reject) => {
      this.calls.push({ end: resolve, fail: reject, context })
    })
}

function setup({ capacity = 1_000, mostUnsettled = 4_000 } = {}) {
  const clock = movingClock()
  const reports: { id: number; error: unknown }[] = []
  const onStuck = vi.fn()
  const onCapped = vi.fn()
  let allowed = true
  const runner = new Runner({
    clock,
    capacity,
    tracing: new Tracing("shop"),
    mostUnsettled,
    mayStart: () => allowed,
    onFree: () => {},
    onStuck,
    onCapped,
  })
  const home = {
    done: (delivery: Delivery, error: unknown) => reports.push({ id: delivery.view.index, error }),
  }
  const handler = (work: HandWork, policy = {}) =>
    new HandlerEntry({
      no: 1,
      id: "sync-cms",
      run: work.run,
      policy: resolvePolicy(policy),
      ephemeral: false,
      paused: false,
    })
  const deliver = (entry: HandlerEntry, index: number, isolated = false) =>
    new Delivery(
      home,
      entry,
      brand(index),
      { container: null, transactions: null, loggerFor: () => null },
      { isolated },
    )
  const allow = (value: boolean) => {
    allowed = value
  }
  return { clock, runner, reports, onStuck, onCapped, handler, deliver, allow }
}

function brand(index: number): EventView {
  const rest = { scope: "", sender: null, key: null, at: 0, data: null, extra: null, id: null, hash: null }
  return new EventView({ name: "brand.created", ...rest } as StoredEvent, "01M7Y4992Z9M5210JVGXJXDD78", index)
}

function fail(): never {
  throw new Error("no")
}

describe("Runner", () => {
  it("never runs more of a subscription than its concurrency, and goes on in order as slots get free", async () => {
    const { clock, runner, reports, handler, deliver } = setup()
    const work = new HandWork()
    const entry = handler(work, { concurrency: 2 })

    for (let i = 0; i < 4; i++) runner.run(deliver(entry, i))
    expect(work.calls).toHaveLength(2)
    work.calls[1]?.end()
    await clock.settle()

    expect(work.calls).toHaveLength(3)
    expect(reports).toEqual([{ id: 1, error: undefined }])
    expect(runner.running).toBe(2)
    expect(runner.waiting).toBe(1)
  })

  it("never runs more than the process's capacity", () => {
    const { runner, handler, deliver } = setup({ capacity: 3 })
    const work = new HandWork()
    const entries = [handler(work), handler(work)]

    for (let i = 0; i < 6; i++) runner.run(deliver(entries[i % 2] as HandlerEntry, i))

    expect(work.calls).toHaveLength(3)
  })

  it("stops when a crash would repeat too much, says so, and goes on when that is settled", async () => {
    const { clock, runner, onCapped, handler, deliver } = setup({ mostUnsettled: 2 })
    const work = new HandWork()
    const entry = handler(work)

    for (let i = 0; i < 3; i++) runner.run(deliver(entry, i))
    for (const call of work.calls) call.end()
    await clock.settle()
    expect(work.calls).toHaveLength(2)
    expect(onCapped).toHaveBeenCalled()
    runner.settled(2)

    expect(work.calls).toHaveLength(3)
  })

  it("starts nothing without a lease", () => {
    const { runner, handler, deliver, allow } = setup()
    const work = new HandWork()
    allow(false)

    runner.run(deliver(handler(work), 0))
    expect(work.calls).toHaveLength(0)
    allow(true)
    runner.pump()

    expect(work.calls).toHaveLength(1)
  })

  it("aborts the signal at the timeout and reports a timeout when the handler heeds it", async () => {
    const { clock, runner, reports, onStuck, handler, deliver } = setup()
    const work = new HandWork()

    runner.run(deliver(handler(work, { timeout: 3_000 }), 0))
    const signal = work.calls[0]?.context.signal as AbortSignal
    signal.addEventListener("abort", () => work.calls[0]?.fail(signal.reason))
    await clock.advance(2_999)
    expect(signal.aborted).toBe(false)
    await clock.advance(30)

    expect(reports[0]?.error).toMatchObject({ code: "CARILLON_TIMEOUT" })
    expect(onStuck).not.toHaveBeenCalled()
  })

  it("calls a handler stuck that ignores its signal, and keeps its slot until it ends", async () => {
    const { clock, runner, reports, onStuck, handler, deliver } = setup()
    const work = new HandWork()
    const entry = handler(work, { timeout: 1_000, concurrency: 1 })

    runner.run(deliver(entry, 0))
    runner.run(deliver(entry, 1))
    await clock.advance("5s")
    expect(onStuck).toHaveBeenCalledOnce()
    expect(work.calls).toHaveLength(1)
    work.calls[0]?.end()
    await clock.settle()

    expect(reports[0]).toMatchObject({ id: 0, error: { code: "CARILLON_TIMEOUT" } })
    expect(work.calls).toHaveLength(2)
  })

  it("runs a suspect alone, but not for ever", async () => {
    const { clock, runner, handler, deliver } = setup()
    const work = new HandWork()
    const suspect = new HandWork()
    const entry = handler(work)

    runner.run(deliver(entry, 0))
    runner.runAlone(deliver(handler(suspect), 1, true))
    runner.run(deliver(entry, 2))
    expect([work.calls.length, suspect.calls.length]).toEqual([1, 0])
    work.calls[0]?.end()
    await clock.settle()
    expect([work.calls.length, suspect.calls.length]).toEqual([1, 1])
    await clock.advance("2s")

    expect([work.calls.length, suspect.calls.length]).toEqual([2, 1])
  })

  it("does not let a handler that hangs keep a suspect waiting for ever", async () => {
    const { clock, runner, handler, deliver } = setup()
    const hanging = new HandWork()
    const suspect = new HandWork()

    runner.run(deliver(handler(hanging), 0))
    runner.runAlone(deliver(handler(suspect), 1, true))
    await clock.advance("2s")

    expect(suspect.calls).toHaveLength(1)
  })

  it.each([
    ["whose then throws", { value: () => fail() }, new Error("no")],
    ["whose then cannot be read", { get: () => fail() }, new Error("no")],
    ["whose then is no function", { value: 5 }, undefined],
  ])("takes a thenable %s for what it is, and keeps no slot for it", async (_, then, error) => {
    const { clock, runner, reports, deliver } = setup()
    // biome-ignore lint/suspicious/noThenProperty: a thenable is what this is about
    const run = () => Object.defineProperty({}, "then", then)
    const policy = resolvePolicy({})
    const entry = new HandlerEntry({ no: 1, id: "sync-cms", run, policy, ephemeral: false, paused: false })

    runner.run(deliver(entry, 0))
    await clock.settle()

    expect(reports).toEqual([{ id: 0, error }])
    expect(runner.isIdle).toBe(true)
  })

  it("drops what waits of a lost lease, and what runs reports to nobody", async () => {
    const { clock, runner, reports, handler, deliver } = setup()
    const work = new HandWork()
    const entry = handler(work, { concurrency: 1 })

    runner.run(deliver(entry, 0))
    runner.run(deliver(entry, 1))
    runner.forget({ done: () => {} })
    work.calls[0]?.end()
    await clock.settle()

    expect(reports).toEqual([])
    expect(work.calls).toHaveLength(1)
    expect(runner.isIdle).toBe(true)
  })
})
