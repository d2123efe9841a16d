import pg from "pg"
import { afterAll, beforeAll, expect, it } from "vitest"
import { describePostgres } from "../../../test/support/describe.ts"
import { type TestDatabase, testDatabase } from "../../../test/support/postgres.ts"
import { until } from "../../../test/support/programs.ts"
import type { StepRecord } from "../../core/run.ts"
import type { Change, ChangeResult } from "../../engine/commit.ts"
import type { Engine } from "../../engine/engine.ts"
import type { Checkpoint, RunLease, StartedRun, StartRun } from "../../engine/runs.ts"
import { openPostgres } from "./engine.ts"

await describePostgres("runs that several processes write of at once", () => {
  const schema = "shop"
  let database: TestDatabase
  let engines: Engine[]
  let made = 0

  beforeAll(async () => {
    database = await testDatabase("runs_at_once", { durable: false })
    engines = []
    for (let i = 0; i < 3; i++) engines.push(await open())
  })
  afterAll(async () => {
    for (const engine of engines) await engine.close()
    await database.drop()
  })

  it("starts one live run of each transaction, whoever asks for it in whatever order", async () => {
    const transactions = Array.from({ length: 40 }, () => `cart_${++made}`)
    const asked = engines.flatMap((engine, i) =>
      ["live", "done"].map((join) => {
        const starts = transactions.map((id) => start(id, { join: join as "live" }))
        return write(engine, ...(i % 2 === 0 ? starts : starts.reverse()))
      }),
    )

    const started = (await Promise.all(asked)).flat().map(runOf)

    expect(started.filter((run) => run.isNew)).toHaveLength(transactions.length)
    expect(new Set(started.map((run) => run.id)).size).toBe(transactions.length)
  })

  it("joins a run that is done, also while it is just ending, and so starts it once", async () => {
    const [first, second, third] = engines as [Engine, Engine, Engine]
    const worker = await join(first)
    for (let i = 0; i < 30; i++) {
      const transaction = `cart_${++made}`
      const again = () => start(transaction, { join: "done" })
      const run = runOf((await write(first, start(transaction, { worker })))[0])

      const results = await Promise.all([
        write(first, end(leaseOf(run, worker))),
        write(second, again()),
        write(third, again()),
      ])

      expect(results[0][0]).toMatchObject({ status: "ok" })
      expect([runOf(results[1][0]).id, runOf(results[2][0]).id]).toEqual([run.id, run.id])
    }
  })

  it("loses no signal that comes while a run parks", async () => {
    const [first, second] = engines as [Engine, Engine]
    const worker = await join(first)
    for (let i = 0; i < 30; i++) {
      const run = runOf((await write(first, start(`cart_${++made}`, { worker })))[0])
      const park = { dueAt: null, reason: "event", signals: 0 }

      const [[parked], [signal]] = await Promise.all([
        write(first, checkpoint(leaseOf(run, worker), [], { park })),
        write(second, { kind: "signal-run", run: run.id, signal: { kind: "wake" } }),
      ])

      const row = await first.queries.run(run.id)
      expect(signal).toMatchObject({ status: "ok" })
      if ((parked as { parked?: boolean }).parked) expect(row?.job).toMatchObject({ reason: "woken" })
      else expect(row?.job).toMatchObject({ state: "leased" })
    }
  })

  it("wakes a parent of which several children end at once, and counts each", async () => {
    const [first, second] = engines as [Engine, Engine]
    const worker = await join(first)
    for (let i = 0; i < 10; i++) {
      const parent = runOf((await write(first, start(`cart_${++made}`, { worker })))[0])
      const children = (await write(first, ...Array.from({ length: 6 }, () => child(parent, worker)))).map(
        runOf,
      )
      const leases = children.map((run) => leaseOf(run, worker))
      const park = { dueAt: null, reason: "run", signals: 0 }

      await Promise.all([
        write(first, ...leases.slice(0, 3).map((lease) => end(lease))),
        write(
          second,
          ...leases
            .slice(3)
            .map((lease) => end(lease))
            .reverse(),
        ),
        write(first, checkpoint(leaseOf(parent, worker), [], { park })),
      ])

      const row = await first.queries.run(parent.id)
      expect(row?.signals).toBe(6)
      expect(row?.job?.state === "leased" || row?.job?.reason === "woken").toBe(true)
    }
  })

  it("undoes a run that was cancelled at the moment of its end", async () => {
    const [first, second] = engines as [Engine, Engine]
    const worker = await join(first)
    for (let i = 0; i < 30; i++) {
      const run = runOf((await write(first, start(`cart_${++made}`, { worker })))[0])

      const [[ended], [cancelled]] = await Promise.all([
        write(first, end(leaseOf(run, worker))),
        write(second, { kind: "signal-run", run: run.id, signal: { kind: "cancel", reason: "no tea left" } }),
      ])

      expect([ended?.status, cancelled?.status]).toEqual(["ok", "ok"])
      expect(await first.queries.run(run.id)).toMatchObject({
        state: "compensating",
        cancelled: "no tea left",
        endedAt: null,
        job: { state: "waiting" },
      })
    }
  })

  it("writes nothing twice of a commit whose first try is still under way", async () => {
    const [first, second] = engines as [Engine, Engine]
    const worker = await join(first)
    for (let i = 0; i < 20; i++) {
      const parent = runOf((await write(first, start(`cart_${++made}`, { worker })))[0])
      const run = runOf((await write(first, child(parent, worker)))[0])
      const same = [
        start(`cart_${++made}`, { worker }),
        end(leaseOf(run, worker), [step("reserve-stock", worker), step("charge", worker)]),
      ]

      const [one, two] = await Promise.all([write(first, ...same), write(second, ...same)])

      expect(runOf(one[0])).toEqual(runOf(two[0]))
      expect([one[1]?.status, two[1]?.status]).toEqual(["ok", "ok"])
      expect(await first.queries.runSteps(run.no)).toHaveLength(2)
      expect((await first.queries.run(parent.id))?.signals).toBe(1)
    }
  })

  it("buries nobody who is writing of a run, and fences whoever was buried before", async () => {
    const [first, second] = engines as [Engine, Engine]
    const worker = await join(first)
    const other = await join(second)
    const run = runOf((await write(first, start(`cart_${++made}`, { worker })))[0])
    const gate = await closeGate()
    const writing = write(first, checkpoint(leaseOf(run, worker), [step("charge", worker)]))
    await gate.isReached()
    await database.query(`UPDATE ${schema}.workers SET expires_at = 0 WHERE no = $1`, [worker])

    const early = await beat(second, other)
    await gate.open()
    const [written] = await writing
    const late = await beat(second, other)
    const [fenced] = await write(first, checkpoint(leaseOf(run, worker), [step("ship", worker)]))

    expect([early.freed, written?.status]).toEqual([0, "ok"])
    expect([late.freed, fenced?.status]).toEqual([1, "fenced"])
    expect((await second.queries.runSteps(run.no)).map((each) => each.step)).toEqual(["charge"])
  })

  async function open(): Promise<Engine> {
    const { engine } = await openPostgres({
      url: database.url,
      schema,
      pooler: false,
      listenUrl: null,
      readers: 2,
      transactions: 2,
      answerTimeoutMs: 10_000,
      applicationName: "carillon runs",
      clock: null,
    })
    return engine
  }

  function beat(engine: Engine, worker: number): Promise<{ readonly freed: number }> {
    return engine.leases.heartbeat({ worker, group: "shop", leaseMs: 60_000, handles: [] })
  }

  /** Whoever writes a step waits, in the middle of its transaction, until the gate is opened. */
  async function closeGate(): Promise<{ isReached(): Promise<void>; open(): Promise<void> }> {
    await database.query(`CREATE FUNCTION ${schema}.wait_at_gate() RETURNS TRIGGER LANGUAGE plpgsql AS
      $$ BEGIN PERFORM pg_advisory_xact_lock(${GATE}); RETURN NULL; END $$`)
    await database.query(
      `CREATE TRIGGER gate AFTER INSERT ON ${schema}.run_steps FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.wait_at_gate()`,
    )
    const keeper = new pg.Client({ connectionString: database.url })
    await keeper.connect()
    await keeper.query(`SELECT pg_advisory_lock(${GATE})`)
    return {
      isReached: () => until(async () => (await database.query(WAITERS)).length > 0),
      open: async () => {
        await keeper.end()
        await database.query(`DROP FUNCTION ${schema}.wait_at_gate() CASCADE`)
      },
    }
  }

  async function join(engine: Engine): Promise<number> {
    return (await engine.leases.join({ group: "shop", leaseMs: 60_000 })).worker
  }

  function write(engine: Engine, ...changes: Change[]): Promise<ChangeResult[]> {
    return engine.commit(changes)
  }

  function start(
    transactionId: string,
    { join = "live", worker = null, parent = null }: Partial<StartRun> & Partial<StartRun["run"]> = {},
  ): StartRun {
    const run = {
      id: `run_${++made}`,
      group: "shop",
      subscription: 1,
      workflow: "place-order",
      hash: "h1",
      scope: "",
      transactionId,
      parent,
      input: '{"cart":"cart_1"}',
      context: CONTEXT,
      priority: 1,
      dueAt: 0,
    }
    return { kind: "start-run", run, worker, join }
  }

  function child(parent: StartedRun, worker: number): StartRun {
    return start(`cart_${++made}`, { worker, parent: { run: parent.id, step: "ship" } })
  }
})

const GATE = 42
const WAITERS = `SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = ${GATE} AND NOT granted`

const CONTEXT = {
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

function runOf(result: ChangeResult | undefined): StartedRun {
  if (result?.status !== "ok" || result.run === undefined)
    throw new Error(`Expected a run, got ${JSON.stringify(result)}.`)
  return result.run
}

function leaseOf({ no, job }: StartedRun, worker: number): RunLease {
  return { run: no, job, worker, epoch: 1 }
}

function checkpoint(
  lease: RunLease,
  records: readonly StepRecord[],
  over: Partial<Checkpoint> = {},
): Checkpoint {
  return { kind: "checkpoint", lease, records, state: null, park: null, ...over }
}

function end(lease: RunLease, records: readonly StepRecord[] = []): Change {
  const how = { state: "done", result: '"ord_1001"', error: null, keepUntil: null, close: true } as const
  return { kind: "end-run", lease, records, ...how }
}

function step(name: string, worker: number): StepRecord {
  return {
    step: name,
    phase: "invoke",
    attempt: 1,
    outcome: "done",
    at: 1_767_268_800_000,
    ms: 5,
    input: '{"sku":"tea"}',
    output: '{"reserved":true}',
    undo: null,
    error: null,
    dueAt: null,
    wait: null,
    worker,
  }
}
