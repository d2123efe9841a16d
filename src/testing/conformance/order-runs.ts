import type { RunContext, StepRecord } from "../../core/run.ts"
import type { ChangeResult } from "../../engine/commit.ts"
import type {
  Checkpoint,
  EndRun,
  NewRun,
  RunLease,
  RunRow,
  RunSignal,
  SignalRun,
  StartedRun,
  StartRun,
} from "../../engine/runs.ts"
import { GROUP, type Shop } from "./shop.ts"

export const WORKFLOW = "place-order"

type StartWish = Partial<NewRun> & Partial<Pick<StartRun, "worker" | "join">>

/** Runs of the workflow that places orders, said in few words. */
export class OrderRuns {
  readonly shop: Shop
  readonly subscription: number
  readonly worker: number
  #made = 0

  static async of(shop: Shop): Promise<OrderRuns> {
    return new OrderRuns(shop, await subscribe(shop, "h1"), await shop.join())
  }

  constructor(shop: Shop, subscription: number, worker: number) {
    this.shop = shop
    this.subscription = subscription
    this.worker = worker
  }

  /** Unless said otherwise it is leased to our worker, and its transaction is its own. */
  newStart({ worker = this.worker, join = "live", ...over }: StartWish = {}): StartRun {
    const id = `run_${1001 + this.#made++}`
    const run: NewRun = {
      id,
      group: GROUP,
      subscription: this.subscription,
      workflow: WORKFLOW,
      hash: "h1",
      scope: "",
      transactionId: id,
      parent: null,
      input: '{"cart":"cart_1"}',
      context: CONTEXT,
      priority: 1,
      dueAt: this.shop.now(),
      ...over,
    }
    return { kind: "start-run", run, worker, join }
  }

  async start(wish: StartWish = {}): Promise<StartedRun> {
    return runOf(await this.shop.writeOne(this.newStart(wish)))
  }

  /** A new run that our worker holds. */
  async held(wish: StartWish = {}): Promise<RunLease & { readonly id: string }> {
    const run = await this.start(wish)
    return { ...this.leaseOf(run), id: run.id }
  }

  /** A new run that waits until it is woken. */
  async parked(wish: StartWish = {}): Promise<RunLease & { readonly id: string }> {
    const lease = await this.held(wish)
    await this.shop.writeOne(
      this.checkpoint(lease, [], { park: { dueAt: null, reason: "event", signals: 0 } }),
    )
    return lease
  }

  leaseOf({ no, job, epoch }: StartedRun): RunLease {
    return { run: no, job, worker: this.worker, epoch }
  }

  step(step: string, over: Partial<StepRecord> = {}): StepRecord {
    return {
      step,
      phase: "invoke",
      attempt: 1,
      outcome: "done",
      at: this.shop.now(),
      ms: 5,
      input: '{"sku":"tea"}',
      output: '{"reserved":true}',
      undo: null,
      error: null,
      dueAt: null,
      wait: null,
      worker: this.worker,
      ...over,
    }
  }

  waiting(step: string, over: Partial<StepRecord> = {}): StepRecord {
    return this.step(step, { outcome: "waiting", output: null, wait: { kind: "response" }, ...over })
  }

  checkpoint(
    { run, job, worker, epoch }: RunLease,
    records: readonly StepRecord[],
    over: Partial<Checkpoint> = {},
  ): Checkpoint {
    const lease = { run, job, worker, epoch }
    return { kind: "checkpoint", lease, records, state: null, park: null, ...over }
  }

  end({ run, job, worker, epoch }: RunLease, over: Partial<EndRun> = {}): EndRun {
    return {
      kind: "end-run",
      lease: { run, job, worker, epoch },
      records: [],
      state: "done",
      result: '{"order":"ord_1001"}',
      error: null,
      keepUntil: null,
      close: true,
      ...over,
    }
  }

  signal(run: string, signal: RunSignal): SignalRun {
    return { kind: "signal-run", run, signal }
  }

  stepSignal(run: string, step: string, over: Partial<Extract<RunSignal, { kind: "step" }>> = {}): SignalRun {
    const signal = {
      phase: "invoke",
      outcome: "done",
      output: '"paid"',
      undo: null,
      error: null,
      dueAt: null,
    } as const
    return this.signal(run, { kind: "step", step, ...signal, ...over })
  }

  /** The run as it stands. */
  async row(id: string): Promise<RunRow> {
    const row = await this.shop.engine.queries.run(id)
    if (row === null) throw new Error(`Expected a run ${id}, there is none.`)
    return row
  }

  async steps(run: number): Promise<string[]> {
    const steps = await this.shop.engine.queries.runSteps(run)
    return steps.map(({ step, phase, attempt, outcome }) => `${step} ${phase} ${attempt}: ${outcome}`)
  }

  async claimIds(over: Parameters<Shop["claim"]>[3] = {}, worker = this.worker): Promise<string[]> {
    const { jobs } = await this.shop.claim(worker, this.subscription, 100, over)
    return jobs.map((job) => job.id)
  }
}

export const CONTEXT: RunContext = {
  eventGroupId: "evg_1",
  metadata: { locale: "de" },
  timeoutAt: null,
  deadline: null,
  retentionMs: null,
  ownsGroup: true,
  correlationId: null,
  causationId: null,
  traceparent: null,
}

/** Puts a workflow in the catalog and says its number. */
export function subscribe(shop: Shop, hash: string, paused = false): Promise<number> {
  const { definition } = shop.putSubscription("x")
  const target = { kind: "workflow", workflow: WORKFLOW, hash } as const
  return shop.subscribe(`workflow:${WORKFLOW}#${hash}`, {
    definition: { ...definition, pattern: "", target, paused } as never,
  })
}

export function runOf(result: ChangeResult): StartedRun {
  if (result.status !== "ok" || result.run === undefined)
    throw new Error(`The store did not start a run: ${JSON.stringify(result)}`)
  return result.run
}
