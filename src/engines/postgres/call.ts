import { deliveryId } from "../../core/ids.ts"
import { stateAfter } from "../../core/job.ts"
import type {
  AppendEvents,
  ChangeResult,
  ContinuedJob,
  MarkJob,
  SettleBatch,
  SettleJob,
  StageEvents,
} from "../../engine/commit.ts"
import type { SignalRun, StartRun } from "../../engine/runs.ts"
import { type Appended, appendValues, partsOf, stageValues, toResult, toRows } from "./append.ts"
import type { HotStatement } from "./database.ts"
import { arrayOf, joined, joinedUnlessNull, signsFor } from "./lines.ts"
import { type StartAnswer, toStarted, toWritten, type WriteAnswer } from "./run-answers.ts"
import { type RunWrite, startValues, storable, writeValues } from "./run-lines.ts"

export const FENCED: ChangeResult = { status: "fenced" }
export const OK: ChangeResult = { status: "ok" }

/** What a statement answers: a value for each call in it. */
export type Answer = Readonly<Record<string, unknown>>
export type Reader = (row: Answer) => ChangeResult

/** An append that was written before; what it did is read back. */
export const KNOWN: ChangeResult = { status: "ok" }

/** The server cuts off what is longer; a statement without a name is prepared each time. */
const LONGEST_NAME = 40

const LETTERS = {
  append: "a",
  settle_batches: "b",
  settle_jobs: "j",
  start_scoped_runs: "s",
  write_runs: "w",
  stage_events: "e",
  signal_runs: "g",
  mark_job: "m",
} as const

/** A statement that is put together of calls. */
export class Call {
  readonly values: unknown[] = []
  readonly #parts: string[] = []
  #kinds = "" // a letter each
  readonly #now: number | null
  readonly #left: ReadonlySet<number> | undefined

  constructor(now: number | null, left?: ReadonlySet<number>) {
    this.#now = now
    this.#left = left
  }

  get statement(): HotStatement {
    const name = this.#kinds.length > LONGEST_NAME ? "" : `carillon_commit_${this.#kinds}`
    return { name, sql: `SELECT ${this.#parts.join(", ")}` }
  }

  relax(): void {
    this.#kinds += "r"
    this.#parts.push("set_config('synchronous_commit', 'off', true)")
  }

  append(change: AppendEvents): Reader {
    const name = this.#add("append", appendValues(change, this.#now, this.#left))
    return (row) => {
      const appended = row[name] as Appended
      if (appended.status === "known") return KNOWN
      return appended.status === "stale" ? { status: "stale" } : toResult(change, appended)
    }
  }

  settleBatches(changes: readonly SettleBatch[]): (row: Answer) => ChangeResult[] {
    const name = this.#add("settle_batches", [this.#now, JSON.stringify(changes.map(toSettle))])
    return (row) => (row[name] as readonly (0 | 1 | [number, number][])[]).map(toSettled)
  }

  settleJobs(changes: readonly SettleJob[]): (row: Answer) => ChangeResult[] {
    const name = this.#add("settle_jobs", [this.#now, ...settleJobsValues(changes)])
    return (row) => {
      const fenced = new Set(row[name] as readonly number[])
      return changes.map((_, i) => (fenced.has(i + 1) ? FENCED : OK))
    }
  }

  startRuns(changes: readonly StartRun[]): (row: Answer) => ChangeResult[] {
    const name = this.#add("start_scoped_runs", [this.#now, ...startValues(changes)])
    return (row) => toStarted(changes, row[name] as StartAnswer)
  }

  /** Not where one is unusual: see `isUnusual`. */
  signalRuns(changes: readonly SignalRun[]): (row: Answer) => ChangeResult[] {
    const signals = changes.map(({ run, signal }) => ({ ...signal, run }))
    const name = this.#add("signal_runs", [this.#now, JSON.stringify(signals)])
    return (row) => (row[name] as readonly number[]).map((count) => ({ status: "ok", count }))
  }

  /** Not where an id is taken: see `isUnusual`. */
  stage(changes: readonly StageEvents[]): (row: Answer) => ChangeResult[] {
    this.#add("stage_events", [this.#now, ...stageValues(changes)])
    return () =>
      changes.map(({ events }) => ({ status: "ok", count: events.length, fresh: events.map((_, i) => i) }))
  }

  /** No run may stand in two of them. */
  writeRuns(changes: readonly RunWrite[]): (row: Answer) => ChangeResult[] {
    const name = this.#add("write_runs", [this.#now, ...writeValues(changes)])
    return (row) => toWritten(changes, row[name] as WriteAnswer)
  }

  mark({ no, worker, epoch, reason }: MarkJob): Reader {
    const name = this.#add("mark_job", [this.#now, no, worker, epoch, reason])
    return (row) => (row[name] === true ? OK : FENCED)
  }

  #add(kind: keyof typeof LETTERS, values: readonly unknown[]): string {
    const name = `${kind}_${this.#parts.length}`
    const places = values.map((_, i) => `$${this.values.length + i + 1}`)
    this.#parts.push(`store.${kind}(${places.join(", ")}) AS ${name}`)
    this.#kinds += LETTERS[kind]
    this.values.push(...values)
    return name
  }
}

function toSettle({ lease, outcome, jobs, parts }: SettleBatch): object {
  return {
    part: lease.source === "part",
    no: lease.no,
    worker: lease.worker,
    epoch: lease.epoch,
    outcome: JSON.stringify(outcome),
    jobs: jobs.length === 0 ? undefined : jobs.map((job) => toContinued(job, null)),
    parts: parts.length === 0 ? undefined : JSON.parse(partsOf(parts) ?? "null"),
  }
}

function toSettled(answer: 0 | 1 | [number, number][]): ChangeResult {
  if (answer === 0) return FENCED
  return answer === 1 ? OK : { status: "ok", jobs: toRows(answer) }
}

export function toContinued(job: ContinuedJob, key: string | null): object {
  return {
    id: deliveryId(job.commitId, job.index, job.subscription, job.replay),
    group_name: job.group,
    subscription: job.subscription,
    commit_id: job.commitId,
    idx: job.index,
    replay: job.replay,
    scope: job.scope,
    key,
    priority: job.priority,
    state: job.state,
    reason: job.reason,
    due_at: Math.ceil(job.dueAt),
    attempt: job.attempt,
    crashes: job.crashes,
    isolated: job.isolated ? 1 : 0,
    error: storable(job.error),
    history: job.history.length === 0 ? null : JSON.stringify(job.history),
  }
}

function settleJobsValues(changes: readonly SettleJob[]): unknown[] {
  const reasons = changes.map(({ outcome }) =>
    outcome.kind === "retry" ? "retry" : outcome.kind === "delivered" ? "delivered" : outcome.reason,
  )
  const errors = changes.map(({ outcome }) => storable("error" in outcome ? outcome.error : null))
  const signs = signsFor([...reasons, ...errors])
  return [
    signs.separator,
    signs.nil,
    arrayOf(changes.map((each) => each.no)),
    arrayOf(changes.map((each) => each.worker)),
    arrayOf(changes.map((each) => each.epoch)),
    arrayOf(changes.map(({ outcome }) => stateAfter(outcome))),
    arrayOf(changes.map(({ outcome }) => (outcome.kind === "retry" ? Math.ceil(outcome.dueAt) : null))),
    arrayOf(changes.map(({ record }) => record?.attempt ?? null)),
    arrayOf(changes.map(({ unordered }) => unordered)),
    // An attempt that came to its end did not kill the process: the delivery is no suspect any more.
    arrayOf(changes.map(({ record, outcome }) => record !== null && outcome.kind === "retry")),
    joined(reasons, signs),
    joinedUnlessNull(errors, signs),
    joinedUnlessNull(
      changes.map(({ record }) => (record === null ? null : JSON.stringify(record))),
      signs,
    ),
  ]
}
