import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { OverloadedError, StoreUnavailableError } from "../core/errors.ts"
import type { DraftEvent } from "../core/event.ts"
import { commitIds } from "../core/ids.ts"
import { resolvePolicy } from "../core/policy.ts"
import type { SubscriptionDefinition } from "../core/subscription.ts"
import type { Change, ChangeResult, SettleJob } from "../engine/commit.ts"
import type { Engine } from "../engine/engine.ts"
import { Tallies } from "../telemetry/tally.ts"
import { CatalogCache } from "./catalog-cache.ts"
import { Committer } from "./committer.ts"

/** A store that is away now and then, and remembers what it wrote by commit, as the real ones do. */
class FlakyStore {
  state: "here" | "away" | "silent" = "here"
  cutNext = false // the next commit is written, but its answer is lost
  tries = 0
  readonly orders: string[] = [] // in the order in which they were written
  readonly #commits = new Set<string>()
  readonly settled: number[] = []
  readonly #silenced: (() => void)[] = []

  commit = async (changes: readonly Change[]): Promise<ChangeResult[]> => {
    this.tries++
    if (this.state === "silent") await new Promise<void>((resolve) => this.#silenced.push(resolve))
    if (this.state === "away") throw new StoreUnavailableError("Connection refused.")
    const results = changes.map((change) => this.#write(change))
    if (this.cutNext) {
      this.cutNext = false
      throw new StoreUnavailableError("Connection closed.")
    }
    return results
  }

  /** Whoever waited for an answer is told that there is none. */
  breakOff(): void {
    this.state = "away"
    for (const resolve of this.#silenced.splice(0)) resolve()
  }

  #write(change: Change): ChangeResult {
    if (change.kind === "settle-job") this.settled.push(change.no)
    if (change.kind !== "append") return { status: "ok" }
    if (!change.again || !this.#commits.has(change.commitId))
      this.orders.push(...change.events.map((event) => event.data as string))
    this.#commits.add(change.commitId)
    return {
      status: "ok",
      append: { batches: [], jobs: [], rejected: [], existing: [], missing: [] },
    }
  }
}

async function setup({ emitTimeoutMs = 30_000, mostBytes = 1_000 } = {}) {
  const store = new FlakyStore()
  const onUnavailable = vi.fn()
  const definition: SubscriptionDefinition = {
    pattern: "order.placed",
    filter: null,
    sender: null,
    scope: null,
    target: { kind: "handler" },
    policy: resolvePolicy(),
    paused: false,
  }
  const base = { no: 1, id: "erp", group: "shop", ephemeral: false, fromVersion: 1, toVersion: null }
  const subscriptions = [{ ...base, definition }]
  const catalog = new CatalogCache({ catalog: async () => ({ version: 1, subscriptions }) } as never)
  await catalog.refresh()
  const committer = new Committer({
    tallies: new Tallies(),
    engine: { commit: store.commit, wakeup: { hint: () => {} } } as unknown as Engine,
    clock: {
      now: () => 1,
      monotonic: () => 1,
      setTimeout: (fn, ms) => setTimeout(fn, ms),
      clearTimeout: (timer) => clearTimeout(timer as never),
    },
    catalog,
    commitId: commitIds(
      () => 1,
      () => 0.1,
    ),
    group: "shop",
    fastPath: true,
    mostBytes,
    emitTimeoutMs,
    onUnavailable,
    mostOwnDeliveries: 1_000,
  })
  const emit = (id: string) => {
    const outcome = { id, ms: -1, error: null as Error | null }
    const calledAt = performance.now()
    const end = (error: Error | null) => {
      outcome.ms = performance.now() - calledAt
      outcome.error = error
    }
    committer.emit([order(id)], 10).then(
      () => end(null),
      (error) => end(error),
    )
    return outcome
  }
  return { store, committer, emit, onUnavailable }
}

function order(id: string): DraftEvent {
  const rest = { scope: "", sender: null, key: null, at: 1, extra: null, id: null, hash: null }
  return { name: "order.placed", data: id, ...rest, priority: 1, deliverAt: null }
}

function settleOf(no: number): SettleJob {
  const outcome = { kind: "delivered" } as const
  return { kind: "settle-job", no, worker: 1, epoch: 1, outcome, record: null, unordered: false }
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

describe("Committer, while the store does not answer", () => {
  beforeEach(() => {
    vi.useFakeTimers({
      toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"],
    })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  /** Immediates are real: what was asked for is on its way after some of them. */
  const underWay = async () => {
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
  }

  it("resolves an emit once the store is back, and writes its events once", async () => {
    const { store, emit } = await setup()
    store.cutNext = true
    const first = emit("ord_1")
    await underWay()
    store.state = "away"
    await pass(10_000)
    expect([first.ms, store.orders]).toEqual([-1, ["ord_1"]])

    store.state = "here"
    await pass(2_000)

    expect(first).toMatchObject({ error: null })
    expect(first.ms).toBeGreaterThan(10_000)
    expect(store.orders).toEqual(["ord_1"])
  })

  it("tries soon at first, then about once a second", async () => {
    const { store, emit, onUnavailable } = await setup()
    store.state = "away"
    emit("ord_1")
    await underWay()

    await pass(1_000)
    const early = store.tries
    await pass(20_000)

    expect(onUnavailable).toHaveBeenCalledTimes(store.tries)

    expect(early).toBeGreaterThanOrEqual(4)
    expect(store.tries - early).toBeGreaterThan(14)
    expect(store.tries - early).toBeLessThan(28)
  })

  it("rejects each emit when its own time is over, and says what may have become of it", async () => {
    const { store, emit } = await setup({ emitTimeoutMs: 10_000 })
    store.state = "away"
    const outcomes = [emit("ord_1")]
    await underWay()
    for (let i = 2; i <= 5; i++) {
      await pass(2_000)
      outcomes.push(emit(`ord_${i}`))
      await underWay()
    }

    for (let second = 0; second < 15; second++) {
      await pass(1_000)
      await underWay()
    }

    for (const { ms, error } of outcomes) {
      expect(error).toBeInstanceOf(StoreUnavailableError)
      expect(ms).toBeGreaterThanOrEqual(10_000)
      expect(ms).toBeLessThan(11_500)
    }
    expect(outcomes[0]?.error?.message).toMatch(
      /^Expected the store to answer within `emitTimeoutMs`, got no answer in 10000 ms, tried \d+ times: Connection refused\. The events may or may not be written\. Emit them again with the same `id`/,
    )
    expect(store.orders).toEqual([])
  })

  it("tells an emit that never left the queue that nothing of it was written", async () => {
    const { store, committer, emit } = await setup({ emitTimeoutMs: 10_000 })
    store.state = "away"
    void committer.settle(settleOf(7)) // is tried for ever, so what comes later waits behind it
    await pass(10)
    await underWay()
    const late = emit("ord_1")
    await pass(11_500)

    expect(late.error?.message).toContain("The events were not written. Emit them again")
  })

  it("tells the worker of a commit that was given up, and may have leased it something", async () => {
    const { store, committer, emit } = await setup({ emitTimeoutMs: 2_000 })
    const runner = {
      adopt: () => 4,
      freeSlots: () => 0,
      begin: vi.fn(),
      poke: () => {},
      doubt: vi.fn(),
      resume: () => {},
    }
    committer.runner = runner
    store.cutNext = true
    emit("ord_1")
    await underWay()
    store.state = "away"
    await pass(4_000)

    expect(runner.doubt).toHaveBeenCalledOnce()
    expect(runner.begin).not.toHaveBeenCalled()
  })

  it("takes emits again when the store is back after some had to give up", async () => {
    const { store, emit } = await setup({ emitTimeoutMs: 5_000 })
    store.state = "away"
    const lost = emit("ord_1")
    await underWay()
    await pass(8_000)
    await underWay()
    const waiting = emit("ord_2")
    await pass(1_000)

    store.state = "here"
    await pass(1_500)
    await underWay()
    const next = emit("ord_3")
    await underWay()

    expect([lost.error?.name, waiting.error, next.error]).toEqual(["StoreUnavailableError", null, null])
    expect(next.ms).toBeGreaterThanOrEqual(0)
    expect(store.orders).toEqual(["ord_2", "ord_3"])
  })

  it("goes on when the store answers others, though nothing is left to try", async () => {
    const { store, committer, emit } = await setup({ emitTimeoutMs: 2_000 })
    store.state = "away"
    const lost = emit("ord_1")
    await underWay()
    await pass(4_000)
    expect([lost.error?.name, committer.isFailing]).toEqual(["StoreUnavailableError", true])

    store.state = "here"
    committer.heedAnswer()

    expect(committer.isFailing).toBe(false)
  })

  it("believes no other answer while it has something to try", async () => {
    const { store, committer } = await setup()
    store.state = "away"
    void committer.settle(settleOf(7))
    await pass(10)
    await underWay()

    committer.heedAnswer()

    expect(committer.isFailing).toBe(true)
  })

  it("keeps the order of emits through an outage", async () => {
    const { store, emit } = await setup()
    store.cutNext = true
    const outcomes = [emit("ord_1")]
    await underWay()
    store.state = "away"
    for (let i = 2; i <= 6; i++) {
      await pass(500)
      outcomes.push(emit(`ord_${i}`))
      await underWay()
    }

    store.state = "here"
    for (let second = 0; second < 3; second++) {
      await pass(1_000)
      await underWay()
    }

    expect(outcomes.every(({ ms, error }) => ms >= 0 && error === null)).toBe(true)
    expect(store.orders).toEqual(["ord_1", "ord_2", "ord_3", "ord_4", "ord_5", "ord_6"])
  })

  it("keeps settles for ever, also those that shared a commit with an emit that gave up", async () => {
    const { store, committer, emit } = await setup({ emitTimeoutMs: 2_000 })
    store.state = "away"
    const settle = committer.settle(settleOf(7))
    const lost = emit("ord_1")
    await underWay()
    await pass(600_000)
    await underWay()
    expect(lost.error).toBeInstanceOf(StoreUnavailableError)

    store.state = "here"
    await pass(2_000)
    await underWay()
    await pass(10)

    expect(await settle).toEqual({ status: "ok" })
    expect([store.settled, store.orders]).toEqual([[7], []])
  })

  it("rejects any other change when its time is over", async () => {
    const { store, committer } = await setup({ emitTimeoutMs: 5_000 })
    store.state = "away"
    const redrive = committer.write({ kind: "redrive", nos: [1] })
    const refused = expect(redrive).rejects.toThrow(/may or may not have been done/)
    await underWay()

    await pass(7_000)

    await refused
  })

  it("answers emits in time though the store says nothing at all", async () => {
    const { store, emit } = await setup({ emitTimeoutMs: 5_000 })
    store.state = "silent"
    const sent = emit("ord_1")
    await underWay()
    const queued = emit("ord_2")

    await pass(6_500)

    expect([sent.error?.name, queued.error?.name]).toEqual(["StoreUnavailableError", "StoreUnavailableError"])
    store.breakOff()
    await pass(2_000)
    expect(store.orders).toEqual([])
  })

  it("answers for each of those that are written together in its own time", async () => {
    const { store, committer } = await setup({ emitTimeoutMs: 10_000, mostBytes: 100_000 })
    store.state = "away"
    const rejectedAfter: number[] = []
    for (let i = 0; i < 40; i++) {
      const calledAt = performance.now()
      committer
        .emit([order(`ord_${i}`)], 1, { receipts: false })
        .catch(() => rejectedAfter.push(performance.now() - calledAt))
      await underWay()
      await pass(200)
    }

    for (let second = 0; second < 14; second++) {
      await pass(1_000)
      await underWay()
    }

    expect(rejectedAfter).toHaveLength(40)
    expect(Math.min(...rejectedAfter)).toBeGreaterThanOrEqual(8_500)
    expect(Math.max(...rejectedAfter)).toBeLessThan(11_500)
  })

  it("still bounds what waits by its bytes", async () => {
    const { store, committer, emit } = await setup({ mostBytes: 25, emitTimeoutMs: 3_000 })
    store.state = "away"
    emit("ord_1")
    await underWay()
    emit("ord_2")
    await expect(committer.emit([order("ord_3")], 10)).rejects.toThrow(OverloadedError)

    await pass(5_000)
    await underWay()
    const later = emit("ord_4")
    await pass(100)

    expect(later.error).toBe(null)
  })

  it("gives up what waits when it is closed meanwhile, after some patience", async () => {
    const { store, committer, emit } = await setup()
    store.state = "away"
    const waiting = emit("ord_1")
    const settle = committer.settle(settleOf(7))
    const dropped = expect(settle).rejects.toThrow()
    await underWay()

    const closing = committer.flushWithin(3_000).then(() => committer.close())
    await pass(6_000)
    await closing
    await dropped

    expect(waiting.error).not.toBe(null)
    expect(committer.isFailing).toBe(true)
  })
})
