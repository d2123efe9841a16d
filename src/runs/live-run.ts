import type { Clock } from "../core/clock.ts"
import { LeaseLostError, StoppedError, StoreError } from "../core/errors.ts"
import { isEnded, PAUSED, type RunContext, type RunState, type StepRecord } from "../core/run.ts"
import {
  decide,
  type RunDecision,
  type StepStart,
  StepStates,
  stepsWithinReach,
} from "../core/run-machine.ts"
import { writeValue } from "../core/value.ts"
import type { ChangeResult } from "../engine/commit.ts"
import { reach } from "../engine/faults.ts"
import type { RunLease } from "../engine/runs.ts"
import type { WorkSpan } from "../telemetry/work-span.ts"
import type { Committer } from "../worker/committer.ts"
import { retryOfChild } from "./child-retry.ts"
import type { Children } from "./children.ts"
import { Deadline } from "./deadline.ts"
import type { WorkflowDefinition } from "./definition.ts"
import type { EventWaits } from "./event-waits.ts"
import { Lookups } from "./lookups.ts"
import { isBackground, planOf, stepOf } from "./plan.ts"
import type { RunFacts, RunIdentity } from "./run-facts.ts"
import type { RunEnd, RunSeat, RunTake } from "./run-seat.ts"
import { cancelled, doomOf, momentOf, reasonOf, runTimeout } from "./run-words.ts"
import { StepCall, type StepEnd, waitTimeout } from "./step-call.ts"
import { readError, writeError } from "./step-error.ts"
import { type Memos, StepValues } from "./values.ts"

/**
 * A run that this process holds.
 *
 * It writes each attempt that ended, and only then uses what came of it. Whoever holds the run after us
 * comes to the same decisions from the same records.
 */
export class LiveRun implements RunFacts {
  readonly id: string
  readonly workflow: string
  readonly scope: string
  readonly transactionId: string
  readonly parentKey: string | null
  readonly input: string | null
  readonly context: RunContext
  readonly startedAt: number
  readonly clock: Clock
  readonly children: Children
  readonly waits: EventWaits
  readonly definition: WorkflowDefinition
  readonly container: unknown
  readonly lease: RunLease
  readonly span: WorkSpan | null // null = nobody traces it
  /** As they were thrown, where it was here. */
  readonly thrown = new Map<StepRecord, unknown>()
  staged: boolean
  result: string | null = null
  state: RunState
  readonly #seat: RunSeat<LiveRun>
  readonly #deadline: Deadline | null // null = it may take as long as it wants
  readonly #perhapsBegun: ReadonlySet<string>
  readonly #suspected: boolean
  readonly #calls = new Map<StepCall, Promise<void>>()
  readonly #lookups: Lookups
  #memos: Memos = new Map()
  #states: StepStates
  #fresh: StepRecord[] = []
  #signals: number
  #cancelled: string | null
  #doom: Error | null = null
  #held = true
  #ending = false
  #advancing = false
  #again = false

  constructor(seat: RunSeat<LiveRun>, identity: RunIdentity, take: RunTake) {
    this.#seat = seat
    this.id = identity.id
    this.workflow = identity.workflow
    this.scope = identity.scope
    this.transactionId = identity.transactionId
    this.parentKey = identity.parentKey
    this.input = identity.input
    this.context = identity.context
    this.startedAt = identity.startedAt
    this.clock = seat.clock
    this.children = seat.children
    this.waits = seat.waits
    this.definition = take.definition
    this.container = take.container
    this.lease = take.lease
    this.span = take.span
    this.staged = take.staged
    this.state = take.state
    this.#suspected = take.suspected
    this.#states = new StepStates(take.records)
    this.#perhapsBegun = perhapsBegunBefore(take, this.#states)
    this.#signals = take.signals
    this.#lookups = new Lookups({
      waits: seat.waits,
      children: seat.children,
      scope: identity.scope,
      startedAt: identity.startedAt,
      onFound: (record) => {
        if (this.#held) this.#fresh.push(this.#found(record))
      },
      onEnd: () => this.pump(),
      onError: seat.onError,
    })
    this.#cancelled = take.cancelled
    this.#doom = doomOf(identity, take)
    const { timeoutAt } = identity.context
    this.#deadline =
      timeoutAt === null ? null : new Deadline(seat.clock, timeoutAt, () => this.#deadlinePassed())
  }

  get worker(): number {
    return this.lease.worker
  }

  get states(): StepStates {
    return this.#states
  }

  get cancelled(): string | null {
    return this.#cancelled
  }

  /** Why it is undone, where that is not a step's failure. */
  get doom(): Error | null {
    return this.#doom
  }

  get isHeld(): boolean {
    return this.#held
  }

  get isBusy(): boolean {
    return this.#calls.size > 0 || this.#lookups.areOpen
  }

  /** All that runs of it are steps that nobody is to wait for. */
  get isInBackground(): boolean {
    const isBehind = ({ start }: StepCall): boolean => {
      const step = stepOf(this.definition, start.step)
      return start.phase === "invoke" && step !== null && isBackground(step)
    }
    return this.#calls.size > 0 && [...this.#calls.keys()].every(isBehind)
  }

  /** Steps whose code runs here now. */
  get running(): readonly StepStart[] {
    return [...this.#calls.keys()].map(({ start }) => start)
  }

  loggerFor(step: string): unknown {
    return this.#seat.loggerFor(this, step)
  }

  stuck(step: string): void {
    const { job: no, worker, epoch } = this.lease
    const mark = { kind: "mark-job", no, worker, epoch, reason: `${step} goes on past its timeout` } as const
    this.#seat.committer.settle(mark).catch(this.#seat.onError)
  }

  /** Goes on as far as it can; whatever changes calls this again. */
  pump(): void {
    if (this.#advancing) {
      this.#again = true
      return
    }
    this.#advancing = true
    this.#advance().then(
      () => this.#paused(),
      (error) => {
        this.#seat.onError(error)
        this.#paused()
      },
    )
  }

  /** Others may have written of it: a cancellation, a response. */
  async heed(signals: number | null = null): Promise<void> {
    if (!this.#held || signals === this.#signals) return
    const row = await this.#seat.queries.run(this.id)
    if (row === null || row.signals === this.#signals || !this.#held) return
    const records = await this.#seat.queries.runSteps(this.lease.run)
    if (!this.#held) return
    this.#signals = row.signals
    if (row.cancelled !== null && this.#cancelled === null) this.#abort(cancelled(row.cancelled))
    this.#cancelled = row.cancelled
    this.#states = new StepStates(records)
    this.#look()
    this.pump()
  }

  /** The lease is gone: nothing of this counts any more. */
  lose(): void {
    if (!this.#held) return
    this.#abort(
      new LeaseLostError("This worker's lease has ended: another may be doing its work. Stop here."),
    )
    this.#leave({ kind: "lost" })
  }

  /** Resolves when none of its own code runs here; its children are runs of their own. */
  async whenQuiet(): Promise<void> {
    const own = (): Promise<void>[] =>
      [...this.#calls].filter(([call]) => !call.isChild).map(([, ended]) => ended)
    for (let calls = own(); calls.length > 0; calls = own()) await Promise.all(calls)
  }

  /**
   * What does not end by itself is noted as begun, so that whoever goes on knows of it. A child is a run of its
   * own: its step is begun again, and joins it.
   */
  interrupt(): void {
    for (const call of this.#calls.keys()) {
      const reason = new StoppedError("The worker stops and its grace time is over.")
      call.abort(reason)
      if (!call.isChild) this.#fresh.push(call.interrupted(reason))
    }
    this.#calls.clear()
    this.pump()
  }

  #found(record: StepRecord): StepRecord {
    const step = stepOf(this.definition, record.step)
    return step === null ? record : retryOfChild(record, step, { ...record, now: this.clock.now() })
  }

  #paused(): void {
    this.#advancing = false
    if (!this.#again) return
    this.#again = false
    this.pump()
  }

  async #advance(): Promise<void> {
    while (this.#held && !this.#ending) {
      const fresh = this.#fresh.splice(0)
      const states = this.#states.with(fresh)
      const decision = this.#decide(states, fresh)
      const follows = this.#whatFollows(decision, fresh)
      if (follows === "end") await this.#end(decision, fresh)
      else if (follows === "park") await this.#park(decision, fresh)
      else if (follows === "write") await this.#write(decision, fresh)
      else if (follows === "start") this.#startAll(decision.start)
      else return
      if (follows === "start" && this.#fresh.length === 0) return
    }
  }

  /** Steps that end without code of theirs are ended on the way, among what is to be written. */
  #decide(states: StepStates, fresh: StepRecord[]): RunDecision {
    const now = this.clock.now()
    const running = new Set<string>()
    const undoing = new Set<string>()
    for (const { start } of this.#calls.keys()) (start.phase === "invoke" ? running : undoing).add(start.step)
    const doomed = this.#isDoomed(now)
    for (;;) {
      const facts = { steps: states, doomed, now, running, undoing, perhapsBegun: this.#perhapsBegun }
      const decision = decide(planOf(this.definition), facts)
      const ended = [
        ...decision.skip.map((step) => this.#skipped(step, now)),
        ...decision.waiting.flatMap((record) => this.#fallenDue(record, now)),
      ]
      if (ended.length === 0) return decision
      for (const record of ended) {
        replaceIn(fresh, record)
        states.add(record)
      }
    }
  }

  #isDoomed(now: number): boolean {
    const { timeoutAt } = this.context
    if (this.#doom === null && timeoutAt !== null && now >= timeoutAt && this.state === "invoking") {
      this.#doom = runTimeout(this.workflow, this.context)
      this.#seat.tell(this, "timeout", null)
    }
    return this.#doom !== null || this.#cancelled !== null || this.state === "compensating"
  }

  #whatFollows(
    decision: RunDecision,
    fresh: readonly StepRecord[],
  ): "end" | "park" | "write" | "start" | "wait" {
    const isIdle = !this.isBusy && !fresh.some((record) => this.#lookups.isNeeded(record))
    if (isEnded(decision.state) && isIdle) return "end"
    // One that has come further is no suspect any more, however often its processes died: a park says so.
    const isPaused = this.#seat.isPaused(this)
    if (isIdle && (decision.start.length === 0 || isPaused || (this.#suspected && fresh.length > 0)))
      return "park"
    if (fresh.length > 0 || this.#turnsBack(decision)) return "write"
    if (decision.start.length > 0 && !isPaused && this.#seat.mayStart()) return "start"
    return "wait"
  }

  async #write(decision: RunDecision, fresh: readonly StepRecord[]): Promise<void> {
    const marks = this.#turnsBack(decision) ? this.#marks(fresh) : []
    const state = decision.state === this.state || isEnded(decision.state) ? null : decision.state
    const result = await this.#record({
      kind: "checkpoint",
      lease: this.lease,
      records: [...fresh, ...marks],
      state,
      park: null,
    })
    reach("checkpoint.after")
    if (!this.#isWritten(result, fresh)) return
    this.#apply(decision, fresh, marks)
    if (result.status === "ok" && result.signals !== undefined) await this.heed(result.signals)
  }

  async #park(decision: RunDecision, fresh: readonly StepRecord[]): Promise<void> {
    const { timeoutAt } = this.context
    const deadline = decision.state === "invoking" ? timeoutAt : null
    const couldGoOn = decision.start.length > 0
    const isPaused = couldGoOn && this.#seat.isPaused(this)
    const soon = this.clock.now() + (isPaused ? PAUSED.forMs : 0)
    const dueAt = couldGoOn ? soon : earlier(decision.nextAt, deadline)
    const state = decision.state === this.state || isEnded(decision.state) ? null : decision.state
    const reason = isPaused ? PAUSED.reason : reasonOf(decision)
    const park = { dueAt, reason, signals: this.#signals }
    const marks = this.#turnsBack(decision) || couldGoOn ? this.#marks(fresh) : []
    const records = [...fresh, ...marks]
    const result = await this.#record({ kind: "checkpoint", lease: this.lease, records, state, park })
    reach("checkpoint.after")
    if (!this.#isWritten(result, fresh)) return
    this.#apply(decision, fresh, marks)
    if (result.status !== "ok") return
    if (result.parked === true) this.#leave({ kind: "parked", dueAt, isHeldBack: isPaused })
    else await this.heed(result.signals)
  }

  async #end(decision: RunDecision, fresh: readonly StepRecord[]): Promise<void> {
    for (const record of fresh) this.#states.add(record)
    const state = decision.state as "done" | "reverted" | "failed"
    if (state === "done" && !(await this.#makeResult())) {
      this.#fresh.unshift(...fresh)
      return
    }
    const { retentionMs, ownsGroup } = this.context
    const close = ownsGroup ? (this.staged ? false : "unless-staged") : true
    reach("run.ending")
    const result = await this.#record({
      kind: "end-run",
      lease: this.lease,
      records: fresh,
      state,
      result: this.result,
      error: state === "done" ? null : this.#whyEnded(),
      keepUntil: retentionMs === null ? null : this.clock.now() + retentionMs,
      close,
    })
    if (!this.#isWritten(result, fresh)) return
    if (result.status === "ok" && result.parked === true) {
      // It was cancelled since the last checkpoint: it is not done, and whoever claims it undoes it.
      this.#leave({ kind: "parked", dueAt: this.clock.now(), isHeldBack: false })
      return
    }
    this.#ending = true
    this.#apply(decision, fresh)
    this.state = state
    const isOpen = close === false || (result.status === "ok" && result.open === true)
    if (isOpen) await this.#seat.finish(this, state)
    this.#seat.tell(this, "finish", null)
    this.#leave({ kind: "ended" })
  }

  /** A result that cannot be made undoes the run, here and wherever it is tried again. */
  async #makeResult(): Promise<boolean> {
    try {
      const made = await this.definition.result(new StepValues(this.input, this.#states, this.#memos))
      this.result = writeValue(made, `the result of workflow \`${this.workflow}\``)
      return true
    } catch (error) {
      this.#doom = error instanceof Error ? error : new Error(String(error))
      return false
    }
  }

  #whyEnded(): string {
    if (this.#doom !== null) return this.#doom.message
    for (const record of this.#states.invoke.values())
      if (record.outcome === "permanent") return readError(record.error).message
    return this.#cancelled ?? "The run was undone."
  }

  #record(change: Parameters<Committer["record"]>[0]): Promise<ChangeResult> {
    return this.#seat.committer.record(change)
  }

  /** One that the store cannot hold becomes its step's failure; one that is fenced ends our hold. */
  #isWritten(result: ChangeResult, fresh: readonly StepRecord[]): boolean {
    if (result.status === "ok") return true
    if (result.status === "conflict") {
      if (fresh.length === 0 && this.#doom !== null) throw new StoreError(result.message)
      if (fresh.length === 0) this.#doom = new StoreError(result.message)
      this.result = null
      const error = writeError(new Error(result.message))
      for (const record of fresh)
        this.#fresh.push({
          ...record,
          outcome: "permanent",
          input: null,
          output: null,
          undo: null,
          wait: null,
          error,
        })
    } else this.lose()
    return false
  }

  #apply(decision: RunDecision, fresh: readonly StepRecord[], marks: readonly StepRecord[] = []): void {
    for (const record of fresh) {
      this.#states.add(record)
      this.#seat.tell(this, momentOf(record), record.step)
      this.#lookups.begin(record)
    }
    for (const mark of marks) this.#states.add(mark)
    if (this.#turnsBack(decision)) {
      this.state = "compensating"
      this.#seat.tell(this, "compensateBegin", null)
    }
  }

  #startAll(starts: readonly StepStart[]): void {
    for (const start of starts) this.#start(start)
    if (this.isInBackground) this.#seat.tell(this, "background", null)
  }

  #start(start: StepStart): void {
    const step = stepOf(this.definition, start.step)
    if (step === null) return
    const call = new StepCall(this, step, start)
    this.#seat.tell(this, "stepBegin", start.step)
    const values = new StepValues(this.input, this.#states, this.#memos)
    const invoke = (): Promise<StepEnd> =>
      start.phase === "invoke" ? call.invoke(values) : call.compensate(this.#undoOf(start.step))
    const span = this.span === null ? null : this.#seat.tracing.stepping(this, this.span, start)
    const ended = span === null ? invoke() : traced(span, invoke)
    this.#calls.set(
      call,
      ended.then((end) => this.#callEnded(call, end)),
    )
  }

  #callEnded(call: StepCall, { record, error }: StepEnd): void {
    if (record !== null) this.#seat.ran(this, record.ms)
    if (!this.#calls.delete(call) || !this.#held || record === null) return
    if (error !== null) this.thrown.set(record, error)
    this.#fresh.push(record)
    this.pump()
  }

  /** What a step's compensation gets: what it left for it, or its output; nothing where it failed. */
  #undoOf(step: string): string | null {
    const record = this.#states.invoke.get(step)
    if (record === undefined) return null
    return record.outcome === "done" ? (record.undo ?? record.output) : record.undo
  }

  /** Left out because a step before it failed. */
  #turnsBack(decision: RunDecision): boolean {
    return decision.state === "compensating" && this.state === "invoking"
  }

  /**
   * Steps that began, or that a process that died may have begun, and are not recorded: before anything is undone,
   * whoever holds it next is to know of them.
   */
  #marks(fresh: readonly StepRecord[]): StepRecord[] {
    const isKnown = (name: string): boolean =>
      this.#states.invoke.has(name) || fresh.some(({ step, phase }) => step === name && phase === "invoke")
    const running = this.running.flatMap(({ phase, step }) => (phase === "invoke" ? [step] : []))
    const perhaps = [...this.#perhapsBegun].filter((step) => !running.includes(step))
    const mark = (step: string, outcome: "failed" | "again"): StepRecord => ({
      ...this.#skipped(step, this.clock.now()),
      outcome,
      error: writeError(new StoppedError("It had begun when its run turned back, or its process died.")),
    })
    return [
      ...running.filter((step) => !isKnown(step)).map((step) => mark(step, "failed")), // its end takes its place
      ...perhaps.filter((step) => !isKnown(step)).map((step) => mark(step, "again")),
    ]
  }

  #skipped(step: string, now: number): StepRecord {
    const attempt = { step, phase: "invoke", attempt: 1, outcome: "skipped" } as const
    return { ...NOTHING, ...attempt, at: now, worker: this.worker, error: writeError(new Error(LEFT_OUT)) }
  }

  /** A sleep that is over, or a wait that has lasted too long. */
  #fallenDue(record: StepRecord, now: number): StepRecord[] {
    if (record.outcome !== "waiting" || record.dueAt === null || record.dueAt > now) return []
    if (record.wait?.kind === "time") return [{ ...record, outcome: "done", dueAt: null, wait: null }]
    const seconds = Math.round((record.dueAt - record.at) / 1000)
    const error = writeError(waitTimeout(record, seconds))
    return [{ ...record, outcome: "permanent", dueAt: null, wait: null, error }]
  }

  /** Once it is held here: what it waits for may have come while nobody held it. */
  begin(): void {
    this.#look()
    this.pump()
  }

  #look(): void {
    for (const record of this.#states.invoke.values()) this.#lookups.begin(record)
    for (const record of this.#states.compensate.values()) this.#lookups.begin(record)
  }

  /** It has ended, and its events were still to be released or cleared when it was last held. */
  async finishOff(result: string | null): Promise<void> {
    this.#ending = true
    this.result = result
    await this.#seat.finish(this, this.state)
    this.#leave({ kind: "ended" })
  }

  #deadlinePassed(): void {
    if (this.state === "invoking") this.#abort(runTimeout(this.workflow, this.context))
    this.pump()
  }

  #abort(reason: Error): void {
    for (const call of this.#calls.keys()) call.abort(reason)
  }

  #leave(how: RunEnd): void {
    if (!this.#held) return
    this.#held = false
    this.#deadline?.clear()
    this.#memos = new Map()
    this.#seat.gone(this, how)
  }
}

const LEFT_OUT = "left out: a step before it failed"

const NONE: ReadonlySet<string> = new Set()

/** Whoever turned a run back has recorded all that had begun. */
function perhapsBegunBefore(
  { recovered, state, definition }: RunTake,
  states: StepStates,
): ReadonlySet<string> {
  return recovered && state === "invoking" ? stepsWithinReach(planOf(definition), states) : NONE
}

const NOTHING = {
  ms: 0,
  input: null,
  output: null,
  undo: null,
  error: null,
  dueAt: null,
  wait: null,
} as const

function earlier(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b
  return Math.min(a, b)
}

/** What the step calls, emits and starts is a part of its attempt. */
async function traced(span: WorkSpan, invoke: () => Promise<StepEnd>): Promise<StepEnd> {
  const end = await span.within(invoke)
  span.end({ outcome: end.record?.outcome, error: end.error })
  return end
}

/** An attempt stands once among what is written together, as it ended. */
function replaceIn(records: StepRecord[], record: StepRecord): void {
  const { step, phase, attempt } = record
  const place = records.findIndex(
    (each) => each.step === step && each.phase === phase && each.attempt === attempt,
  )
  if (place === -1) records.push(record)
  else records[place] = record
}
