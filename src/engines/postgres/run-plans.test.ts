import { afterAll, beforeAll, expect, it } from "vitest"
import { describePostgres } from "../../../test/support/describe.ts"
import { type TestDatabase, testDatabase } from "../../../test/support/postgres.ts"
import { until } from "../../../test/support/programs.ts"
import type { RunContext } from "../../core/run.ts"
import type { Change } from "../../engine/commit.ts"
import type { Engine } from "../../engine/engine.ts"
import type { RunLease, StartedRun } from "../../engine/runs.ts"
import { openPostgres } from "./engine.ts"

/** So many entries of indexes are looked at for a run of two steps that is started, recorded and ended. */
const MOST_ENTRIES = 15
const RUNS = 1_000
const AT_ONCE = 50

await describePostgres("plans for runs", () => {
  let database: TestDatabase

  beforeAll(async () => {
    database = await testDatabase("run_plans", { durable: false })
  })
  afterAll(() => database.drop())

  it("find a run by its number, also when its tables were empty when they were looked at last", async () => {
    const engine = await open(database.url)
    await database.query("VACUUM ANALYZE")
    const { worker } = await engine.leases.join({ group: "shop", leaseMs: 60_000 })

    for (let i = 0; i < RUNS; i += AT_ONCE) await placeOrders(engine, worker, i)
    await engine.close() // what it counted is told at the latest now

    await until(async () => (await count("n_tup_ins", "pg_stat_user_tables")) >= RUNS)
    expect(await count("idx_tup_read", "pg_stat_user_indexes")).toBeLessThan(MOST_ENTRIES * RUNS)
  })

  async function count(what: string, view: string): Promise<number> {
    const [row] = await database.query<{ n: string }>(
      `SELECT sum(${what}) AS n FROM ${view} WHERE schemaname = 'shop' AND relname IN ('runs', 'run_steps', 'jobs')`,
    )
    return Number(row?.n)
  }
})

async function open(url: string): Promise<Engine> {
  const { engine } = await openPostgres({
    url,
    schema: "shop",
    pooler: false,
    listenUrl: null,
    readers: 2,
    transactions: 2,
    answerTimeoutMs: 10_000,
    applicationName: "carillon plans",
    clock: null,
  })
  return engine
}

async function placeOrders(engine: Engine, worker: number, from: number): Promise<void> {
  const orders = Array.from({ length: AT_ONCE }, (_, i) => `order_${from + i}`)
  const started = await engine.commit(orders.map((id) => start(id, worker)))
  const leases = started.map((result) => {
    const { no, job } = (result as { run: StartedRun }).run
    return { run: no, job, worker, epoch: 1 }
  })
  await engine.commit(leases.map((lease) => ({ ...written(lease, "charge"), kind: "checkpoint" })))
  await engine.commit(leases.map((lease) => ({ ...written(lease, "ship"), kind: "end-run", ...END })))
}

const CONTEXT: RunContext = {
  eventGroupId: "evg_1",
  metadata: null,
  timeoutAt: null,
  deadline: null,
  retentionMs: null,
  ownsGroup: true,
  correlationId: null,
  causationId: null,
  traceparent: null,
}

function start(id: string, worker: number): Change {
  const of = { group: "shop", subscription: 1, workflow: "place-order", hash: "h1", scope: "", parent: null }
  const run = { ...of, id, transactionId: id, input: null, context: CONTEXT, priority: 1, dueAt: 0 }
  return { kind: "start-run", worker, join: "done", run }
}

const END = { result: null, error: null, keepUntil: null, close: true, state: "done" } as const

function written(lease: RunLease, step: string) {
  const record = {
    step,
    phase: "invoke",
    attempt: 1,
    outcome: "done",
    at: 1_767_268_800_000,
    ms: 5,
    input: null,
    output: null,
    undo: null,
    error: null,
    dueAt: null,
    wait: null,
    worker: lease.worker,
  } as const
  return { lease, records: [record], state: null, park: null }
}
