import { describe, expect, it } from "vitest"
import { resolvePolicy } from "../core/policy.ts"
import type {
  AppendEvents,
  AppendResult,
  Change,
  ChangeResult,
  ContinuedJob,
  NewJob,
  NewPart,
  SettleBatch,
} from "../engine/commit.ts"
import { concernedBy } from "./hints.ts"

const OK: ChangeResult = { status: "ok" }
const concerned = (change: Change, result: ChangeResult = OK) => concernedBy([change], [result], "shop")

function append(over: Partial<AppendEvents> = {}): AppendEvents {
  return {
    kind: "append",
    commitId: "c",
    again: false,
    catalogVersion: 1,
    events: [],
    emits: [],
    batches: [],
    worker: 1,
    jobs: [],
    parts: [],
    release: null,
    ...over,
  }
}

function appended(over: Partial<AppendResult>): ChangeResult {
  return {
    status: "ok",
    append: { batches: [], jobs: [], rejected: [], existing: [], missing: [], ...over },
  }
}

const batch = (group: string, worker: number | null) => ({ group, priority: 1, deliveries: {}, worker })
const part = (group: string) => ({ group }) as NewPart
const job = (group: string, leased = false) => ({ group, leased }) as NewJob
const continued = (over: Partial<ContinuedJob>) =>
  ({ group: "shop", state: 0, attempt: 0, ...over }) as ContinuedJob

function settleBatch(over: Partial<SettleBatch>): SettleBatch {
  const lease = { source: "batch", no: 1, worker: 1, epoch: 1 } as const
  return { kind: "settle-batch", lease, outcome: {}, jobs: [], parts: [], ...over }
}

describe("whom an emit concerns", () => {
  it("is nobody else, when its work was born leased to the emitting worker", () => {
    const change = append({ batches: [batch("shop", 1)], jobs: [job("shop", true)] })
    const leased = [{ no: 1, epoch: 1 }]

    expect(concerned(change, appended({ batches: leased, jobs: leased }))).toEqual([])
    expect(concerned(append())).toEqual([])
  })

  it("is the groups whose batches, jobs or parts wait to be taken", () => {
    const change = append({
      batches: [batch("shop", 1), batch("warehouse", null)],
      jobs: [job("mail"), job("mail")],
      parts: [part("search")],
    })

    expect(concerned(change, appended({ batches: [1, 0].map((epoch) => ({ no: 1, epoch })) }))).toEqual([
      "warehouse",
      "mail",
      "search",
    ])
  })

  it("is the worker's own group, when the worker was given up for dead meanwhile", () => {
    const open = [{ no: 1, epoch: 0 }]

    expect(concerned(append({ batches: [batch("shop", 1)] }), appended({ batches: open }))).toEqual(["shop"])
    expect(concerned(append({ jobs: [job("shop", true)] }), appended({ jobs: open }))).toEqual(["shop"])
  })

  it("is nobody, when it was not written", () => {
    expect(concerned(append({ parts: [part("shop")] }), { status: "stale" })).toEqual([])
  })
})

describe("whom a settle concerns", () => {
  it("is the group, when something is left that others may take", () => {
    expect(concerned(settleBatch({ parts: [part("shop")] }))).toEqual(["shop"])
    expect(concerned(settleBatch({ jobs: [continued({ reason: "isolated" })] }))).toEqual(["shop"])
  })

  it("is nobody, when all is done, runs on here, or waits for a retry", () => {
    expect(concerned(settleBatch({}))).toEqual([])
    expect(concerned(settleBatch({ jobs: [continued({ state: 1 }), continued({ attempt: 1 })] }))).toEqual([])
    expect(concerned(settleBatch({ parts: [part("shop")] }), { status: "fenced" })).toEqual([])
  })

  it("is the group, when a job is handed back as it came", () => {
    const lease = { kind: "settle-job", no: 1, worker: 1, epoch: 1, unordered: false } as const
    const retry = { kind: "retry", dueAt: 1, error: "" } as const
    const record = { attempt: 1, at: 1, ms: 1, outcome: "retry", worker: 1 } as const

    expect(concerned({ ...lease, outcome: retry, record: null })).toEqual(["shop"])
    expect(concerned({ ...lease, outcome: retry, record })).toEqual([])
    expect(concerned({ ...lease, outcome: { kind: "delivered" }, record })).toEqual([])
  })
})

describe("whom a change of the catalog concerns", () => {
  const put: Change = {
    kind: "put-subscription",
    group: "shop",
    id: "mail@order.placed",
    worker: null,
    definition: {
      pattern: "order.placed",
      filter: null,
      sender: null,
      scope: null,
      target: { kind: "handler" },
      policy: resolvePolicy(),
      paused: false,
    },
    startAt: null,
    keepPaused: true,
  }

  it("is everybody, unless the subscription was there already", () => {
    expect(concerned(put, { status: "ok", count: 1 })).toBe(null)
    expect(concerned(put, { status: "ok", count: 0 })).toEqual([])
    expect(concerned({ kind: "end-subscription", group: "shop", id: "mail" })).toBe(null)
  })

  it("is everybody, when jobs of whatever group go again or end", () => {
    expect(concerned({ kind: "redrive", nos: [1] }, { status: "ok", count: 1 })).toBe(null)
    expect(concerned({ kind: "cancel", nos: [1], reason: "" }, { status: "ok", count: 0 })).toEqual([])
  })

  it("is everybody, whatever else stands in the commit", () => {
    const change = append({ parts: [part("warehouse")] })

    expect(concernedBy([change, put], [OK, { status: "ok", count: 1 }], "shop")).toBe(null)
  })
})

describe("whom a signal to a run concerns", () => {
  const signal: Change = { kind: "signal-run", run: "run_1", signal: { kind: "wake" } }

  it("is the group of the run, whoever sends it", () => {
    expect(concerned(signal)).toEqual(["shop"])
    expect(concerned({ ...signal, group: "till" })).toEqual(["till"])
  })
})

describe("whom the end of a run concerns", () => {
  const end: Change = {
    kind: "end-run",
    lease: { run: 1, job: 1, worker: 1, epoch: 1 },
    records: [],
    state: "done",
    result: null,
    error: null,
    keepUntil: null,
    close: true,
  }

  it("is nobody, when no parent waited for it", () => {
    expect(concerned(end, { status: "ok", count: 0 })).toEqual([])
  })

  it("is its group, when its parent goes on or it is to be undone first", () => {
    expect(concerned(end, { status: "ok", count: 1 })).toEqual(["shop"])
    expect(concerned(end, { status: "ok", count: 0, parked: true })).toEqual(["shop"])
  })
})
