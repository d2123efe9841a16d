import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { OverloadedError, StoreError } from "../core/errors.ts"
import type { DraftEvent } from "../core/event.ts"
import { commitIds } from "../core/ids.ts"
import { resolvePolicy } from "../core/policy.ts"
import type { AppendEvents, Change, ChangeResult, SettleJob } from "../engine/commit.ts"
import type { Engine } from "../engine/engine.ts"
import { Tallies } from "../telemetry/tally.ts"
import { CatalogCache } from "./catalog-cache.ts"
import { Committer, type DirectRunner } from "./committer.ts"

/** A store whose commits the test answers by hand. */
class HandStore {
  readonly commits: {
    changes: readonly Change[]
    answer: (results?: ChangeResult[]) => void
    fail: () => void
  }[] = []
  version = 1

  commit = (changes: readonly Change[]): Promise<ChangeResult[]> =>
    new Promise((resolve, reject) => {
      const ok = changes.map((change) => ({ status: "ok", append: appended(change) }) as ChangeResult)
      this.commits.push({
        changes,
        answer: (results = ok) => resolve(results),
        fail: () => reject(new StoreError("the disk is full")),
      })
    })

  async next(count: number): Promise<HandStore["commits"][number]> {
    await vi.waitFor(() => expect(this.commits.length).toBeGreaterThanOrEqual(count))
    return this.commits[count - 1] as HandStore["commits"][number]
  }
}

function appended(change: Change) {
  if (change.kind !== "append") return undefined
  const batches = change.batches.map((batch, i) => ({ no: i + 1, epoch: batch.worker === null ? 0 : 1 }))
  return { batches, jobs: [], rejected: [], existing: [], missing: [] }
}

async function setup({ mostBytes = 1_000, worker = null as number | null, emitTimeoutMs = 30_000 } = {}) {
  const store = new HandStore()
  const definition = {
    pattern: "*",
    filter: null,
    sender: null,
    scope: null,
    target: { kind: "handler" } as const,
    policy: resolvePolicy(),
    paused: false,
  }
  const subscription = {
    no: 1,
    id: "s",
    group: "shop",
    ephemeral: false,
    fromVersion: 1,
    toVersion: null,
    definition,
  }
  const catalog = new CatalogCache({
    catalog: async () => ({ version: store.version, subscriptions: [subscription] }),
  } as never)
  await catalog.refresh()
  const clock = {
    now: () => 1,
    monotonic: () => 1,
    setTimeout: (fn: () => void, ms: number) => setTimeout(fn, ms),
    clearTimeout: (timer: unknown) => clearTimeout(timer as never),
  }
  const committer = new Committer({
    tallies: new Tallies(),
    engine: { commit: store.commit, wakeup: { hint: () => {} } } as unknown as Engine,
    clock,
    catalog,
    commitId: commitIds(
      () => 1,
      () => 0.1,
    ),
    group: "shop",
    fastPath: true,
    mostBytes,
    emitTimeoutMs,
    onUnavailable: () => {},
    mostOwnDeliveries: 1_000,
  })
  const runner = {
    adopt: vi.fn(() => worker),
    freeSlots: () => 0,
    begin: vi.fn(),
    poke: vi.fn(),
    doubt: vi.fn(),
    resume: vi.fn(),
  } satisfies DirectRunner
  committer.runner = runner
  return { store, committer, runner }
}

function order(id: string): DraftEvent {
  const rest = { scope: "", sender: null, key: null, at: 1, extra: null, id: null, hash: null }
  return { name: "order.placed", data: JSON.stringify({ id }), ...rest, priority: 1, deliverAt: null }
}

function settled(no: number): SettleJob {
  return {
    kind: "settle-job",
    no,
    worker: 1,
    epoch: 1,
    outcome: { kind: "delivered" },
    record: null,
    unordered: false,
  }
}

const appendOf = (changes: readonly Change[]): AppendEvents =>
  changes.find((each) => each.kind === "append") as AppendEvents

describe("Committer", () => {
  beforeEach(() => {
    vi.useFakeTimers({
      toFake: ["setTimeout", "clearTimeout"],
      shouldAdvanceTime: true,
      advanceTimeDelta: 20,
    })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it("puts what arrives while a commit is under way into the next one", async () => {
    const { store, committer } = await setup()

    const first = committer.emit([order("ord_1")], 10)
    const one = await store.next(1)
    const others = [committer.emit([order("ord_2")], 10), committer.emit([order("ord_3")], 10)]
    one.answer()
    await first
    const two = await store.next(2)
    two.answer()
    await Promise.all(others)

    expect(appendOf(one.changes).events).toHaveLength(1)
    expect(appendOf(two.changes).events).toHaveLength(2)
    expect(store.commits).toHaveLength(2)
  })

  it("lets settles ride along with the next emit", async () => {
    const { store, committer } = await setup()

    const settle = committer.settle(settled(7))
    const emit = committer.emit([order("ord_1")], 10)
    const commit = await store.next(1)
    commit.answer()
    await Promise.all([settle, emit])

    expect(commit.changes.map((each) => each.kind)).toEqual(["settle-job", "append"])
  })

  it("tries a failed commit again under the same id and leased to the same worker", async () => {
    const { store, committer, runner } = await setup({ worker: 4 })

    const emit = committer.emit([order("ord_1")], 10)
    const first = await store.next(1)
    runner.adopt.mockReturnValue(null)
    first.fail()
    const second = await store.next(2)

    expect(committer.isFailing).toBe(true)
    expect(appendOf(second.changes)).toEqual({ ...appendOf(first.changes), again: true })
    second.answer()
    await emit
    expect(committer.isFailing).toBe(false)
    expect(runner.resume).toHaveBeenCalledOnce()
    expect(runner.begin).toHaveBeenCalledOnce()
  })

  it("rejects an emit that cannot be written, and keeps a settle until it can", async () => {
    const { store, committer } = await setup()

    const emit = committer.emit([order("ord_1")], 10)
    const refused = expect(emit).rejects.toThrow("the disk is full")
    const settle = committer.settle(settled(7))
    for (const count of [1, 2, 3]) (await store.next(count)).fail()
    await refused
    const fourth = await store.next(4)
    fourth.answer()

    expect(fourth.changes).toEqual([settled(7)])
    expect(await settle).toMatchObject({ status: "ok" })
  })

  it("keeps nobody waiting for an emit that is given up, when there is nothing left to try", async () => {
    const { store, committer, runner } = await setup()

    const refused = expect(committer.emit([order("ord_1")], 10)).rejects.toThrow("the disk is full")
    for (const count of [1, 2, 3]) (await store.next(count)).fail()
    await refused

    expect(committer.isFailing).toBe(false)
    expect(runner.resume).toHaveBeenCalledOnce()
  })

  it("routes again when the catalog has changed meanwhile", async () => {
    const { store, committer } = await setup()

    const emit = committer.emit([order("ord_1")], 10)
    const first = await store.next(1)
    store.version = 2
    first.answer([{ status: "stale" }])
    const second = await store.next(2)
    second.answer()
    await emit

    expect(appendOf(first.changes).catalogVersion).toBe(1)
    expect(appendOf(second.changes).catalogVersion).toBe(2)
  })

  it("rejects an emit beyond its bytes, and takes emits again when there is room", async () => {
    const { store, committer } = await setup({ mostBytes: 25 })

    const first = committer.emit([order("ord_1")], 20)
    await expect(committer.emit([order("ord_2")], 20)).rejects.toThrow(OverloadedError)
    ;(await store.next(1)).answer()
    await first
    const third = committer.emit([order("ord_3")], 20)
    ;(await store.next(2)).answer()

    await third
  })

  it("sends the next commit before the handlers of the last one begin", async () => {
    const { store, committer, runner } = await setup({ worker: 1 })
    runner.begin.mockImplementation(() => {
      if (runner.begin.mock.calls.length === 1) expect(store.commits).toHaveLength(2)
    })

    const first = committer.emit([order("ord_1")], 10)
    const one = await store.next(1)
    const second = committer.emit([order("ord_2")], 10)
    one.answer()
    await first
    ;(await store.next(2)).answer()
    await second

    expect(runner.begin).toHaveBeenCalledTimes(2)
  })

  it("takes single events whose receipts nobody wants together, in their order", async () => {
    const { store, committer } = await setup()
    const plain = (id: string) => committer.emit([order(id)], 1, { receipts: false })

    const emits = [plain("ord_1"), plain("ord_2"), committer.emit([order("ord_3")], 1), plain("ord_4")]
    const commit = await store.next(1)
    commit.answer()
    await Promise.all(emits)

    const { events, emits: ordinals } = appendOf(commit.changes)
    expect(events.map((event) => event.data)).toEqual(
      ["ord_1", "ord_2", "ord_3", "ord_4"].map((id) => order(id).data),
    )
    expect(ordinals).toEqual([0, 0, 1, 2])
  })

  it("takes large events together only as far as a commit may be large", async () => {
    const { store, committer } = await setup({ mostBytes: 64 * 1024 * 1024 })
    const large = 256 * 1024

    const emits = Array.from({ length: 40 }, (_, i) =>
      committer.emit([order(`ord_${i}`)], large, { receipts: false }),
    )
    for (const count of [1, 2, 3]) (await store.next(count)).answer()
    await Promise.all(emits)

    const sizes = store.commits.map((commit) => appendOf(commit.changes).events.length)
    expect(Math.max(...sizes) * large).toBeLessThanOrEqual(4 * 1024 * 1024)
  })

  it("rejects one emit of a commit and acknowledges its neighbours", async () => {
    const { store, committer } = await setup()

    const emits = ["ord_1", "ord_2", "ord_3"].map((id) => committer.emit([order(id)], 10))
    const outcomes = Promise.allSettled(emits)
    const commit = await store.next(1)
    const append = { batches: [], jobs: [], existing: [], missing: [] }
    commit.answer([
      { status: "ok", append: { ...append, rejected: [{ emit: 1, code: "conflict", message: "taken" }] } },
    ])

    expect((await outcomes).map((each) => each.status)).toEqual(["fulfilled", "rejected", "fulfilled"])
  })

  it("refuses everything once it is closed, after writing what waits", async () => {
    const { store, committer } = await setup()

    const emit = committer.emit([order("ord_1")], 10)
    const closing = committer.close()
    ;(await store.next(1)).answer()
    await Promise.all([emit, closing])

    await expect(committer.emit([order("ord_2")], 10)).rejects.toMatchObject({ code: "CARILLON_STOPPED" })
  })
})
