import type { Caused, RelatedEvent } from "../bus/causes.ts"
import type { RunState, StepOutcome, StepPhase, StepRecord, StepWait } from "../core/run.ts"
import { parseScope, type Scope } from "../core/scope.ts"
import { readValue } from "../core/value.ts"
import type { RunRow } from "../engine/runs.ts"
import { messageIn } from "./step-error.ts"

/** A run in a list. */
export interface RunReport {
  readonly id: string
  readonly workflow: string
  readonly scope: Scope
  readonly transactionId: string
  readonly group: string
  readonly state: RunState
  /** What it does or waits for, in words; null when it has ended. */
  readonly why: string | null
  readonly dueAt: Date | null // when it goes on by itself; null = now, or when it is woken
  readonly startedAt: Date
  readonly endedAt: Date | null
  readonly error: string | null
  readonly cancelled: string | null // why it was to be undone
  readonly parent: { readonly run: string; readonly step: string } | null
  readonly eventGroupId: string
  readonly worker: number | null
  readonly erasedAt: Date | null // null = all of it is there; else its input, result and steps say nothing
}

/** A run with all that is kept of it. */
export interface RunDetail extends RunReport {
  /** What its steps have emitted: staged while it goes on, else as it was let go. */
  readonly emitted: readonly RelatedEvent[]
  /** False = more events lie around it than were searched for what it emitted. */
  readonly searchedAll: boolean
  /** The runs that are steps of it, newest first. */
  readonly children: readonly RunReport[]
  readonly input: unknown
  readonly result: unknown
  /** Every attempt, in the order in which they ended. */
  readonly steps: readonly StepReport[]
}

export interface StepReport {
  readonly step: string
  readonly phase: StepPhase
  readonly attempt: number
  readonly outcome: StepOutcome
  readonly at: Date
  readonly ms: number
  readonly input: unknown
  readonly output: unknown
  readonly error: string | null
  readonly waitsFor: string | null
  readonly dueAt: Date | null // of a wait: its end; of a failure: not before
  readonly worker: number
}

const WOKEN_ONLY = 2 ** 46 // beyond any real time

/** `held` says why nobody goes on with it, where that is not in the store. */
export function runReport(row: RunRow, held: string | null = null): RunReport {
  const { id, workflow, transactionId, group, state, error, cancelled, parent, job } = row
  const dueAt = job?.state === "waiting" && job.dueAt < WOKEN_ONLY ? new Date(job.dueAt) : null
  return {
    id,
    workflow,
    scope: parseScope(row.scope),
    transactionId,
    group,
    state,
    why: held ?? whyOf(row),
    dueAt,
    startedAt: new Date(row.startedAt),
    endedAt: row.endedAt === null ? null : new Date(row.endedAt),
    error,
    cancelled,
    parent,
    eventGroupId: row.context.eventGroupId,
    worker: job?.worker ?? null,
    erasedAt: row.context.erasedAt === undefined ? null : new Date(row.context.erasedAt),
  }
}

/** What stands around a run. */
export interface RunSurroundings {
  readonly held: string | null
  readonly caused: Caused
  readonly children: readonly RunReport[]
}

export function runDetail(
  row: RunRow,
  records: readonly StepRecord[],
  { held, caused, children }: RunSurroundings,
): RunDetail {
  return {
    ...runReport(row, held),
    emitted: caused.events,
    searchedAll: caused.searchedAll,
    children,
    input: readValue(row.input),
    result: readValue(row.result),
    steps: records.map(stepReport),
  }
}

function whyOf({ job, endedAt }: RunRow): string | null {
  if (job === null) return endedAt === null ? "nobody holds it: start a worker" : null
  if (job.state === "dead") return `its worker died ${job.crashes} times: mend what kills it, then redrive it`
  if (job.state === "leased" && endedAt !== null) return "its events are being released"
  return job.reason
}

function stepReport(record: StepRecord): StepReport {
  const { step, phase, attempt, outcome, ms, error, dueAt, wait, worker } = record
  return {
    step,
    phase,
    attempt,
    outcome,
    at: new Date(record.at),
    ms,
    input: readValue(record.input),
    output: readValue(record.output),
    error: error === null ? null : messageIn(error),
    waitsFor: wait === null ? null : wordsOf(wait),
    dueAt: dueAt === null ? null : new Date(dueAt),
    worker,
  }
}

function wordsOf(wait: StepWait): string {
  switch (wait.kind) {
    case "response":
      return "a response"
    case "time":
      return "its time"
    case "event":
      return `the event ${wait.event}`
    case "run":
      return `the run ${wait.run}`
  }
}
