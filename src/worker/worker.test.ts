import { describe, expect, it, vi } from "vitest"
import { StoreUnavailableError } from "../core/errors.ts"
import type { DraftEvent, EventRow } from "../core/event.ts"
import { commitIds } from "../core/ids.ts"
import { type Policy, resolvePolicy } from "../core/policy.ts"
import type { SubscriptionDefinition } from "../core/subscription.ts"
import type { Change, ChangeResult } from "../engine/commit.ts"
import type { Engine } from "../engine/engine.ts"
import type { ClaimedJob, ClaimRequest, Glance, TakenBatch } from "../engine/leases.ts"
import { Tallies } from "../telemetry/tally.ts"
import { Tracing } from "../telemetry/tracing.ts"
import { movingClock } from "../testing/moving-clock.ts"
import { CatalogCache } from "./catalog-cache.ts"
import { Committer } from "./committer.ts"
import { type Gate, HandlerEntry, type HandlerFunction, Handlers } from "./handlers.ts"
import { Postponed } from "./job-run.ts"
import { Worker } from "./worker.ts"

const GLANCE: Glance = { work: false, released: false, nextDueAt: null, catalogVersion: null }
const COMMIT = "01M7Y4992Z9M5210JVGXJXDD78"

/** A store that hands out what the test puts into it, and is away when the test says so. */
class ScriptedStore {
  away = false
  glance = GLANCE
  catalogReads = 0
  hint: (groups: readonly string[] | null) => void = () => {}
  readonly batches: TakenBatch[] = []
  readonly jobs: ClaimedJob[] = []
  readonly changes: Change[] = []
  readonly claims: ClaimRequest[] = []
  readonly asked: string[] = []
  readonly dueAts: (number | null)[] = [] // what the next claims say that falls due next
  readonly handBack = vi.fn(async () => 0)

  readonly commit = async (changes: readonly Change[]): Promise<ChangeResult[]> => {
    if (this.away) throw new StoreUnavailableError("Connection refused.")
    this.changes.push(...changes)
    return changes.map(() => ({ status: "ok" }))
  }

  readonly leases: Engine["leases"] = {
    join: () => this.#answer("join", { worker: 1 }),
    heartbeat: () => this.#answer("heartbeat", { alive: true, freed: 0, glance: this.glance }),
    peek: () => this.#answer("peek", this.glance),
    take: () => this.#answer("take", this.batches.splice(0)),
    claim: (request) => {
      this.claims.push(request)
      const nextDueAt = this.dueAts.shift() ?? null
      return this.#answer("claim", { jobs: nextDueAt === null ? this.jobs.splice(0) : [], nextDueAt })
    },
    handBack: this.handBack,
    leave: () => this.#answer("leave", undefined),
  }

  async #answer<T>(verb: string, answer: T): Promise<T> {
    this.asked.push(verb)
    if (this.away) throw new StoreUnavailableError("Connection refused.")
    return answer
  }
}

function setup({
  policy = {} as Policy,
  run = (() => {}) as HandlerFunction,
  emitTimeoutMs = 30_000,
  gate = undefined as Gate | undefined,
  mostUnsettled = 4_000,
  capacity = 1_000,
} = {}) {
  const clock = movingClock()
  const store = new ScriptedStore()
  const definition: SubscriptionDefinition = {
    pattern: "order.placed",
    filter: null,
    sender: null,
    scope: null,
    target: { kind: "handler" },
    policy: resolvePolicy(policy),
    paused: false,
  }
  const pause = async (paused: boolean) => {
    Object.assign(definition, { paused })
    await catalog.refresh()
    worker.heedPauses()
  }
  const base = { id: "erp@order.placed", group: "shop", ephemeral: false, fromVersion: 1, toVersion: null }
  const catalog = new CatalogCache({
    catalog: async () => {
      store.catalogReads++
      return { version: 1, subscriptions: [{ no: 1, ...base, definition }] }
    },
  } as never)
  const engine = {
    capabilities: {},
    commit: store.commit,
    leases: store.leases,
    transactions: null,
    wakeup: {
      hint: () => {},
      listen: (onHint: typeof store.hint) => {
        store.hint = onHint
        return () => {}
      },
    },
  } as unknown as Engine
  const committer = new Committer({
    tallies: new Tallies(),
    engine,
    clock,
    catalog,
    commitId: commitIds(clock.now, () => 0.1),
    group: "shop",
    fastPath: true,
    mostBytes: 1_000_000,
    emitTimeoutMs,
    onUnavailable: () => {},
    mostOwnDeliveries: 1_000,
  })
  const handlers = new Handlers(new Tallies())
  const { id } = base
  handlers.add(
    new HandlerEntry({ no: 1, id, run, policy: definition.policy, ephemeral: false, paused: false, gate }),
  )
  const onError = vi.fn()
  const worker = new Worker({
    engine,
    clock,
    random: () => 0.5,
    catalog,
    committer,
    handlers,
    tracing: new Tracing("shop"),
    tools: { container: null, transactions: null, loggerFor: () => null },
    group: "shop",
    leaseMs: 15_000,
    heartbeatMs: 5_000,
    pollMs: 1_000,
    capacity,
    mostUnsettled,
    runSystemJob: async () => {},
    onFailed: () => {},
    onDead: () => {},
    onStuck: () => {},
    onTaken: () => {},
    onReleased: () => {},
    onAnswered: () => {},
    onError,
  })
  committer.runner = worker
  const start = async () => {
    await catalog.refresh()
    await worker.start()
    await clock.settle()
    store.asked.length = 0
    store.catalogReads = 0
  }
  return { clock, store, worker, committer, handlers, start, pause, onError }
}

function order(index: number): EventRow {
  const rest = { scope: "", sender: null, key: null, at: 1, extra: null, id: null, hash: null }
  return { name: "order.placed", data: `{"id":"ord_${index}"}`, ...rest, commitId: COMMIT, index } as EventRow
}

function draft(): DraftEvent {
  const { commitId: _, index: __, ...event } = order(0)
  return { ...event, hash: null, priority: 1, deliverAt: null }
}

function job(no: number): ClaimedJob {
  return {
    no,
    epoch: 1,
    kind: "delivery",
    id: `dlv_${no}`,
    subscription: 1,
    scope: "",
    key: null,
    priority: 1,
    attempt: 0,
    crashes: 0,
    isolated: false,
    replay: 0,
    history: [],
    event: order(no),
    data: null,
  }
}

function part(no: number, over: Partial<TakenBatch> = {}): TakenBatch {
  const base = { source: "part", epoch: 1, takes: 1, catalogVersion: 1, priority: 1 } as const
  return { ...base, no, subscription: 1, replay: 0, events: [order(0), order(1)], ...over }
}

describe("an idle worker", () => {
  it("asks the store once a second, heartbeats included", async () => {
    const { clock, store, start } = setup()
    await start()

    const perSecond: number[] = []
    for (let second = 0; second < 60; second++) {
      await clock.advance("1s")
      perSecond.push(store.asked.splice(0).length)
    }

    expect(perSecond.slice(1).every((asked) => asked === 1)).toBe(true)
  })

  it("looks at once for its own group's hints, and not at all for those of others", async () => {
    const { clock, store, start } = setup()
    await start()

    store.hint(["warehouse"])
    await clock.settle()
    expect(store.asked).toEqual([])
    store.hint(["warehouse", "shop"])
    await clock.settle()

    expect(store.asked).toEqual(["take", "claim"])
    expect(store.catalogReads).toBe(0)
  })

  it("reads the catalog when a hint is for everybody, or when a glance shows another version", async () => {
    const { clock, store, start } = setup()
    await start()

    store.hint(null)
    await clock.settle()
    expect(store.catalogReads).toBe(1)
    store.glance = { ...GLANCE, catalogVersion: 1 }
    await clock.advance("1s")
    expect(store.catalogReads).toBe(1)
    store.glance = { ...GLANCE, catalogVersion: 2 }
    await clock.advance("1s")

    expect(store.catalogReads).toBe(2)
  })

  it("glances at what it has handlers for and is not paused", async () => {
    const { clock, store, handlers, start } = setup()
    const peek = vi.spyOn(store.leases, "peek")
    await start()
    await clock.advance("1s")
    for (const handler of handlers.values()) handler.paused = true
    await clock.advance("1s")

    expect(peek.mock.calls.map(([{ subscriptions }]) => subscriptions)).toEqual([[1], []])
  })
})

describe("a gate", () => {
  /** Lets two through, and is closed and opened by the test. */
  class Door implements Gate {
    isClosed = false
    holdsReady = true
    pool = { room: 100 }
    slotsBeside = () => (this.isClosed ? 0 : 2)
    mostBeside = () => (this.isClosed ? 0 : 2)
    waits = () => {}
  }

  it("that closes has what waits behind it handed back, and what runs go on", async () => {
    const gate = new Door()
    const { clock, store, worker, start } = setup({ gate, run: () => new Promise(() => {}) })
    await start()
    store.jobs.push(job(1), job(2), job(3), job(4))
    worker.poke()
    await clock.settle()

    gate.isClosed = true
    worker.heedGates()
    await clock.advance(10)

    const back = store.changes.filter((change) => change.kind === "settle-job")
    expect(back.map(({ no, outcome, record }) => [no, outcome.kind, record])).toEqual([
      [3, "retry", null],
      [4, "retry", null],
    ])
    expect([worker.runner.running, worker.runner.waiting]).toEqual([2, 0])
  })

  it("that is closed is not looked behind, and is as soon as it opens", async () => {
    const gate = new Door()
    gate.isClosed = true
    const { clock, store, worker, start } = setup({ gate })
    const peek = vi.spyOn(store.leases, "peek")
    await start()
    await clock.advance("1s")
    expect(peek.mock.calls.map(([{ subscriptions }]) => subscriptions)).toEqual([[]])
    expect(store.claims.at(-1)?.slots).toEqual([])

    gate.isClosed = false
    worker.heedGates()
    await clock.settle()

    expect(store.claims.at(-1)).toMatchObject({ slots: [[1, expect.any(Number)]], thorough: true })
  })

  it("that shares a pool with others asks for no more than all of them may hold", async () => {
    const [pool, policy] = [{ room: 5 }, resolvePolicy()]
    const gates = [new Door(), new Door(), new Door()].map((gate) => Object.assign(gate, { pool }))
    const { clock, store, worker, handlers, start } = setup({ gate: gates[0] })
    for (const [no, gate] of gates.entries())
      handlers.add(
        new HandlerEntry({
          no: no + 1,
          id: `sub_${no}`,
          run: () => {},
          policy,
          ephemeral: false,
          paused: false,
          gate,
        }),
      )
    await start()
    worker.poke()
    await clock.settle()

    const asked = store.claims.at(-1)?.slots.map(([, free]) => free) ?? []
    expect(asked.reduce((sum, free) => sum + free, 0)).toBe(5)
  })

  it("that shares a pool with others is asked for in every look, however much the others could hold", async () => {
    const [pool, policy, run] = [{ room: 15 }, resolvePolicy(), vi.fn()]
    const { clock, store, worker, handlers, start } = setup({ gate: Object.assign(new Door(), { pool }) })
    for (let no = 2; no <= 10; no++) {
      const gate = Object.assign(new Door(), { pool })
      handlers.add(
        new HandlerEntry({ no, id: `sub_${no}`, run, policy, ephemeral: false, paused: false, gate }),
      )
    }
    await start()

    worker.poke()
    await clock.settle()
    worker.poke()
    await clock.settle()

    for (const { slots } of store.claims.slice(-2)) {
      expect(slots.map(([no]) => no).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
      expect(slots.reduce((sum, [, free]) => sum + free, 0)).toBe(15)
    }
  })

  it("that opens or closes leaves batches alone, also those of who is paused", async () => {
    const { clock, store, worker, start, pause } = setup()
    await start()
    await pause(true)
    store.batches.push(part(3))
    worker.poke()
    await clock.settle()

    worker.heedGates()
    await clock.advance("1s")

    const kept = store.changes.flatMap((change) => (change.kind === "settle-batch" ? change.parts : []))
    expect(kept.flatMap((each) => each.refs.map((ref) => ref.index))).toEqual([0, 1])
  })

  it("that holds nothing ready lets nothing be born leased: one event may be for thousands of its like", async () => {
    const gate = new Door()
    const { worker, start } = setup({ gate })
    await start()
    expect(worker.freeSlots(1)).toBeGreaterThan(0)

    gate.holdsReady = false

    expect(worker.freeSlots(1)).toBe(0)
  })
})

describe("a delivery that is postponed", () => {
  it("goes back without an attempt, and keeps nobody else from starting", async () => {
    const until = Date.UTC(2026, 0, 2)
    const handled: number[] = []
    const run: HandlerFunction = async ({ index }) => {
      if (index < 4) throw new Postponed(until, "our names are not resolved")
      handled.push(index)
    }
    const { clock, store, worker, start } = setup({ run, mostUnsettled: 2 })
    await start()
    store.jobs.push(...[1, 2, 3, 4, 5].map(job))
    worker.poke()
    await clock.settle()
    await clock.advance(100)

    const settled = store.changes.filter((change) => change.kind === "settle-job")
    expect(settled.slice(0, 3).map(({ outcome, record }) => [outcome, record])).toEqual(
      [1, 2, 3].map(() => [{ kind: "retry", dueAt: until, error: "our names are not resolved" }, null]),
    )
    expect(handled).toEqual([4, 5])
  })

  it("keeps its place among those of its key, also where one that failed would not", async () => {
    const run: HandlerFunction = async ({ index }) => {
      throw index === 1 ? new Postponed(Date.UTC(2026, 0, 2), "our names are not resolved") : new Error("500")
    }
    const { clock, store, worker, start } = setup({ run, policy: { order: "skip" } })
    await start()
    store.jobs.push(...[1, 2].map((no) => ({ ...job(no), key: `ord_${no}` })))
    worker.poke()
    await clock.settle()
    await clock.advance(10)

    const settled = store.changes.filter((change) => change.kind === "settle-job")
    expect(settled.map(({ no, unordered }) => [no, unordered])).toEqual([
      [1, false],
      [2, true],
    ])
  })
})

describe("more subscriptions than there is room for", () => {
  it("are all asked for before nothing is left to drain", async () => {
    const [run, policy] = [vi.fn(), resolvePolicy()]
    const { clock, store, worker, handlers, start } = setup({ run, capacity: 2 })
    for (let no = 2; no <= 9; no++)
      handlers.add(new HandlerEntry({ no, id: `sub_${no}`, run, policy, ephemeral: false, paused: false }))
    await start()
    const waiting = [job(3), job(7), job(9)].map((each) => ({ ...each, subscription: each.no }))
    const { claim } = store.leases
    store.leases.claim = (request) => {
      const asked = new Set(request.slots.map(([no]) => no))
      for (const each of waiting.splice(0)) (asked.has(each.no) ? store.jobs : waiting).push(each)
      return claim(request)
    }

    const drained = worker.drain()
    await vi.waitFor(async () => {
      await clock.advance(10)
      expect(run).toHaveBeenCalledTimes(3)
    })
    await drained

    expect(waiting).toEqual([])
  })
})

describe("a pause", () => {
  it("hands back what a claim brings that was asked for before it", async () => {
    const run = vi.fn()
    const { clock, store, worker, start, pause } = setup({ run })
    await start()
    store.jobs.push(job(1))
    worker.poke()
    const { claim } = store.leases
    store.leases.claim = async (request) => {
      const answer = await claim(request)
      await pause(true)
      return answer
    }
    await clock.settle()
    await clock.advance(10)

    expect(run).not.toHaveBeenCalled()
    expect(store.changes).toMatchObject([
      { kind: "settle-job", no: 1, outcome: { kind: "retry" }, record: null },
    ])
  })

  it("loses nothing of a batch that is open here when a claim brings more for it", async () => {
    const { clock, store, worker, start, pause } = setup()
    await start()
    await pause(true)
    store.batches.push(part(3))
    store.jobs.push(job(7))
    worker.poke()
    await clock.settle()
    await clock.advance("1s")

    const kept = store.changes.flatMap((change) => (change.kind === "settle-batch" ? change.parts : []))
    expect(kept.flatMap((each) => each.refs.map((ref) => ref.index))).toEqual([0, 1])
  })

  it("is over at once for what still waits here", async () => {
    const run = vi.fn()
    const { clock, store, worker, start, pause } = setup({ run })
    await start()
    await pause(true)
    store.batches.push(part(3))
    worker.poke()
    await clock.settle()
    expect(run).not.toHaveBeenCalled()

    await pause(false)

    expect(run).toHaveBeenCalledTimes(2)
  })
})

describe("drain", () => {
  it("goes on while a claim that found nothing wants to be asked again", async () => {
    const run = vi.fn()
    const { clock, store, worker, start } = setup({ run })
    await start()
    store.dueAts.push(clock.now(), clock.now() - 5, clock.now() + 20)
    store.jobs.push(job(7))

    await worker.drain()

    expect(run).toHaveBeenCalledOnce()
  })

  it("ends when what waits is due later, or not in time for another worker's slot", async () => {
    const { clock, store, worker, start } = setup()
    await start()
    store.jobs.push(job(7))
    store.dueAts.push(clock.now() + 60_000)
    await worker.drain()
    expect(store.jobs.length).toBe(1)

    store.dueAts.push(...Array.from({ length: 1_000 }, () => clock.now() + 50))
    await worker.drain()

    expect(store.jobs.length).toBe(1)
  })
})

describe("a look that found something", () => {
  it("is not followed by another when it brought less than it asked for, nor is a settle", async () => {
    const run = vi.fn()
    const { clock, store, worker, start } = setup({ run })
    await start()
    store.jobs.push(job(7), job(8))

    worker.poke()
    await clock.advance(20)

    expect(run).toHaveBeenCalledTimes(2)
    expect(store.changes.map((change) => change.kind)).toEqual(["settle-job", "settle-job"])
    expect(store.asked).toEqual(["take", "claim"])
  })

  it("is followed by others while the store gives all that is asked for", async () => {
    const { clock, store, worker, start } = setup({ policy: { concurrency: 1 } })
    await start()
    vi.spyOn(store.leases, "claim").mockImplementation(async ({ slots }) => {
      store.asked.push("claim")
      const asked = slots[0]?.[1] ?? 0
      return { jobs: store.jobs.splice(0, asked), nextDueAt: null }
    })
    for (let no = 1; no <= 6; no++) store.jobs.push(job(no))

    worker.poke()
    await clock.advance(20)

    expect(store.jobs).toEqual([])
    expect(store.asked.length).toBeGreaterThan(4)
  })

  it("is followed by another after parts, and after a settle that others of its key wait for", async () => {
    const { clock, store, worker, start } = setup({ policy: { order: "hold" } })
    await start()
    store.batches.push(part(3))
    worker.poke()
    await clock.settle()
    expect(store.asked.splice(0)).toEqual(["take", "claim", "take", "claim"])
    await clock.advance(20)

    store.jobs.push({ ...job(7), event: { ...order(7), key: "cus_1" } as EventRow })
    worker.poke()
    await clock.advance(20)

    expect(store.asked).toEqual(["take", "claim", "take", "claim"])
  })

  it("asks for one of each subscription at once when it looks at everything, however many there are", async () => {
    const { clock, store, worker, handlers, start } = setup()
    const policy = resolvePolicy({})
    for (let no = 2; no <= 200; no++)
      handlers.add(
        new HandlerEntry({ no, id: `erp-${no}`, run: () => {}, policy, ephemeral: false, paused: false }),
      )
    await start()
    store.glance = { ...GLANCE, work: true }

    worker.poke()
    await clock.advance(1_500)

    const thorough = store.claims.find((claim) => claim.thorough)
    expect(new Set(thorough?.slots.map(([no]) => no)).size).toBe(200)
  })

  it("is followed by one when a retry falls due", async () => {
    const run = vi.fn(() => {
      throw new Error("The ERP is down")
    })
    const { clock, store, worker, start } = setup({
      run,
      policy: { initialBackoffDelay: 700, jitter: 0 },
    })
    await start()
    store.jobs.push(job(7))
    worker.poke()
    await clock.advance(100)
    store.asked.length = 0

    await clock.advance(599)
    expect(store.asked).toEqual([])
    await clock.advance(1)

    expect(store.asked).toEqual(["take", "claim"])
  })

  it("is followed by one when this process itself wrote something that waits", async () => {
    const { clock, store, committer, start } = setup()
    await start()

    await committer.write({ kind: "redrive", nos: [7] })
    await clock.settle()

    expect(store.asked).toEqual(["take", "claim"])
  })
})

describe("limits over all workers", () => {
  it("are named in every claim", async () => {
    const rateLimit = { limit: 5, per: 1_000 }
    const { store, start } = setup({ policy: { rateLimit, globalConcurrency: 7, keyConcurrency: 2 } })
    await start()

    expect(store.claims[0]?.limits).toEqual({ 1: { rate: rateLimit, concurrency: 7, keyConcurrency: 2 } })
  })

  it("let a worker ask for no more than it can run at once: what it held ready would take others' slots", async () => {
    const { store, start } = setup({ policy: { globalConcurrency: 50, concurrency: 4 } })
    await start()

    expect(store.claims[0]?.slots).toEqual([[1, 4]])
  })

  it.each<[Policy, string]>([
    [{ globalConcurrency: 2 }, "limited"],
    [{ rateLimit: { limit: 1, per: 1_000 } }, "limited"],
    [{ transactional: true }, "transactional"],
  ])("make jobs of what was waiting together before the policy was %j", async (policy, reason) => {
    const run = vi.fn()
    const { clock, store, worker, start } = setup({ policy, run })
    await start()
    store.batches.push(part(9))

    worker.poke()
    await clock.advance(10)

    const [settle] = store.changes
    expect(settle).toMatchObject({ kind: "settle-batch", lease: { source: "part", no: 9 } })
    expect(settle?.kind === "settle-batch" && settle.jobs).toMatchObject([
      { index: 0, state: 0, reason, attempt: 0 },
      { index: 1, state: 0, reason, attempt: 0 },
    ])
    expect(run).not.toHaveBeenCalled()
  })
})

describe("a worker whose store does not answer", () => {
  it("lives through minutes of it, and goes on by itself", async () => {
    const run = vi.fn()
    const { clock, store, worker, start, onError } = setup({ run })
    await start()
    store.away = true
    await clock.advance("10m")
    expect(onError.mock.calls.every(([error]) => error instanceof StoreUnavailableError)).toBe(true)
    expect(store.asked.length).toBeLessThan(2_000)

    store.away = false
    store.glance = { ...GLANCE, work: true }
    store.jobs.push(job(7))
    await clock.advance("3s")

    expect(run).toHaveBeenCalledOnce()
    await worker.stop(1_000)
  })

  it("drains what waits once it answers, though the lease has run out meanwhile by our own clock", async () => {
    const run = vi.fn()
    const { clock, store, worker, start } = setup({ run })
    await start()
    store.away = true
    await clock.advance("16s")
    store.away = false
    store.jobs.push(job(7))
    expect(worker.mayStart).toBe(false)

    const drained = worker.drain()
    await vi.waitFor(() => expect(worker.mayStart).toBe(true))
    await clock.advance(10) // what is settled waits that long for company
    await drained

    expect(run).toHaveBeenCalledOnce()
  })

  it("has written when it is drained what ended while it looked for the last time", async () => {
    const { store, worker, committer, start } = setup()
    await start()
    const { claim } = store.leases
    store.leases.claim = (request) => {
      store.leases.claim = claim
      void committer.settle({ kind: "clear", eventGroupId: "cart", names: null })
      return claim(request)
    }

    await worker.drain()

    expect(store.changes).toMatchObject([{ kind: "clear" }])
  })

  it("asks at once for what fell due while it asked for something else", async () => {
    const { clock, store, worker, start } = setup()
    await start()
    const answered = Promise.withResolvers<void>()
    const { claim } = store.leases
    store.leases.claim = (request) => answered.promise.then(() => claim(request))
    store.dueAts.push(clock.now() + 500)
    worker.poke()
    await clock.advance(500)
    const before = store.claims.length

    answered.resolve()
    await clock.settle()

    expect(store.claims.length).toBe(before + 2)
  })

  it("drains what it was given when time had run on beyond its lease meanwhile", async () => {
    const run = vi.fn()
    const { clock, store, worker, start } = setup({ run })
    await start()
    const answered = Promise.withResolvers<void>()
    const { claim, heartbeat } = store.leases
    store.leases.claim = (request) => answered.promise.then(() => claim(request))
    store.leases.heartbeat = (request) => answered.promise.then(() => heartbeat(request))
    store.jobs.push(job(7))
    worker.poke()
    await clock.advance("30s")
    answered.resolve()
    await clock.settle()
    expect(worker.mayStart).toBe(false)
    expect(worker.runner.isIdle).toBe(false)

    const drained = worker.drain()
    await vi.waitFor(() => expect(worker.mayStart).toBe(true))
    await clock.advance(10)
    await drained

    expect(run).toHaveBeenCalledOnce()
  })

  it("starts what waits at the next heartbeat, though an emit was given up and no other follows", async () => {
    const run = vi.fn()
    const { clock, store, worker, committer, start } = setup({ run, emitTimeoutMs: 100 })
    await start()
    store.away = true
    await expect(committer.emit([draft()], 10)).rejects.toThrow(StoreUnavailableError)
    await vi.waitFor(() => expect(committer.hasChanges).toBe(false), { timeout: 5_000 })
    expect(committer.isFailing).toBe(true)
    store.away = false
    store.jobs.push(job(7))

    await clock.advance("6s")

    expect([committer.isFailing, run.mock.calls.length]).toEqual([false, 1])
    await worker.stop(1_000)
  })

  it("does not start", async () => {
    const { store, worker } = setup()
    store.away = true

    await expect(worker.start()).rejects.toThrow(StoreUnavailableError)
    expect(worker.isRunning).toBe(false)
  })

  it("stops all the same", async () => {
    const { clock, store, worker, start } = setup()
    await start()
    store.away = true
    store.jobs.push(job(7))
    await clock.advance("1s")

    await worker.stop(50)

    expect(worker.isRunning).toBe(false)
  })
})

describe("an answer that was lost", () => {
  /** A worker that runs job 7 and holds part 3, and whose next claim is not answered. */
  async function doubting() {
    const all = setup({ run: () => new Promise(() => {}) })
    await all.start()
    all.store.jobs.push(job(7))
    all.store.batches.push(part(3))
    all.worker.poke()
    await all.clock.settle()
    all.store.away = true
    all.worker.poke()
    await all.clock.settle()
    all.store.away = false
    return all
  }

  it("is asked for again: what came with it is handed back, twice, and what is known stays", async () => {
    const { clock, store } = await doubting()
    await clock.advance("1s")
    expect(store.handBack).not.toHaveBeenCalled()

    await clock.advance("2s")
    expect(store.handBack).toHaveBeenCalledTimes(1)
    expect(store.handBack).toHaveBeenCalledWith({
      worker: 1,
      olderThanMs: 2_000,
      batches: [],
      parts: [],
      jobs: [7],
    })
    await clock.advance("2m")

    expect(store.handBack).toHaveBeenCalledTimes(2)
  })

  it("hands nothing back that is handled and not yet written as settled", async () => {
    const ends: (() => void)[] = []
    const { clock, store, worker, start } = setup({ run: () => new Promise<void>((end) => ends.push(end)) })
    await start()
    store.batches.push(part(3))
    worker.poke()
    await clock.settle()

    expect(worker.held.of(1)).toEqual({ batches: [], parts: [3], jobs: [] })
    for (const end of ends) end()
    await clock.settle()
    expect(worker.held.of(1).parts).toEqual([3])
    await clock.advance(10)

    expect(worker.held.of(1).parts).toEqual([])
  })

  it("is of no concern where the worker is another by then", async () => {
    const { clock, store, worker } = await doubting()
    vi.spyOn(store.leases, "heartbeat").mockResolvedValueOnce({ alive: false, freed: 0, glance: GLANCE })
    await clock.advance("6s")

    expect(worker.held.of(1)).toEqual({ batches: [], parts: [], jobs: [] })
  })
})
