import type { StepPhase, StepRecord } from "./run.ts"

/** What of a workflow decides where a run stands: its steps in levels, and what each does when it fails. */
export interface RunPlan {
  readonly levels: readonly (readonly PlannedStep[])[]
}

export interface PlannedStep {
  readonly name: string
  readonly maxRetries: number
  readonly autoRetry: boolean
  readonly noWait: boolean
  readonly continueOnPermanentFailure: boolean
  readonly skipOnPermanentFailure: boolean | string
  readonly compensates: boolean // false = undoing it is nothing to do
}

/** What is known of a run at one moment. */
export interface RunFacts {
  readonly steps: StepStates
  /** Why it is to be undone whatever its steps say: cancelled, out of time, a result that cannot be made. */
  readonly doomed: boolean
  readonly now: number
  /** Steps whose code runs here now, forward and back. */
  readonly running: ReadonlySet<string>
  readonly undoing: ReadonlySet<string>
  /** Steps without a record which a process that died may have begun. */
  readonly perhapsBegun: ReadonlySet<string>
}

/** The newest attempt of each step, in each phase. */
export class StepStates {
  readonly invoke = new Map<string, StepRecord>()
  readonly compensate = new Map<string, StepRecord>()

  constructor(records: Iterable<StepRecord> = []) {
    for (const record of records) this.add(record)
  }

  add(record: StepRecord): void {
    const states = record.phase === "invoke" ? this.invoke : this.compensate
    const known = states.get(record.step)
    if (known === undefined || known.attempt <= record.attempt) states.set(record.step, record)
  }

  with(records: readonly StepRecord[]): StepStates {
    if (records.length === 0) return this
    const copy = new StepStates(this.invoke.values())
    for (const record of this.compensate.values()) copy.add(record)
    for (const record of records) copy.add(record)
    return copy
  }
}

export interface StepStart {
  readonly step: string
  readonly phase: StepPhase
  readonly attempt: number
}

/** What is to be done with a run now. */
export interface RunDecision {
  readonly state: "invoking" | "compensating" | "done" | "reverted" | "failed"
  readonly start: readonly StepStart[]
  readonly skip: readonly string[] // left out, because of a step before that failed
  readonly waiting: readonly StepRecord[] // steps that something else has to end
  readonly nextAt: number | null // when something of it falls due; null = nothing does by itself
}

/**
 * Where a run stands and what follows, from what is known of it alone: whoever takes it over comes to the
 * same answer.
 */
export function decide(plan: RunPlan, facts: RunFacts): RunDecision {
  if (isReverting(plan, facts)) return compensating(plan, facts)
  return invoking(plan, facts)
}

/** It goes back from the first step on that failed for good, or once a step was undone. */
function isReverting(plan: RunPlan, { steps, doomed }: RunFacts): boolean {
  if (doomed || steps.compensate.size > 0) return true
  for (const record of steps.invoke.values()) {
    if (record.outcome !== "permanent") continue
    const step = find(plan, record.step)
    if (step === null || !survives(step)) return true
  }
  return false
}

/** Its failure for good leaves the run going on. */
export function survives(step: PlannedStep): boolean {
  return step.continueOnPermanentFailure || step.skipOnPermanentFailure !== false
}

function find(plan: RunPlan, name: string): PlannedStep | null {
  for (const level of plan.levels) for (const step of level) if (step.name === name) return step
  return null
}

function invoking(plan: RunPlan, facts: RunFacts): RunDecision {
  const order = new Order(facts)
  let until: boolean | string = false // skip what follows: all of it, or up to a name
  let all = true
  for (const level of plan.levels) {
    let levelIsOver = true
    const skips = until === true || (until !== false && level.every((step) => step.name !== until))
    if (!skips) until = false
    for (const step of level) {
      if (skips && !facts.steps.invoke.has(step.name) && !facts.running.has(step.name)) {
        order.skip.push(step.name)
        continue
      }
      if (order.invoke(step)) {
        if (isSkipping(step, facts)) until = step.skipOnPermanentFailure
        continue
      }
      all = false
      if (!step.noWait) levelIsOver = false
    }
    if (!levelIsOver) return order.decision("invoking")
  }
  return order.decision(all ? "done" : "invoking")
}

function isSkipping(step: PlannedStep, { steps }: RunFacts): boolean {
  return step.skipOnPermanentFailure !== false && steps.invoke.get(step.name)?.outcome === "permanent"
}

/** From the last level to the first, the steps of a level side by side. */
function compensating(plan: RunPlan, facts: RunFacts): RunDecision {
  const order = new Order(facts)
  // What runs forward is let end first: what it did is then known.
  if (facts.running.size > 0) return order.decision("compensating")
  const begun = begunSteps(facts)
  for (const level of plan.levels.toReversed()) {
    let levelIsOver = true
    for (const step of level) {
      if (!begun.has(step.name) || !step.compensates) continue
      if (!order.compensate(step)) levelIsOver = false
    }
    if (!levelIsOver) return order.decision("compensating")
  }
  for (const record of facts.steps.compensate.values()) {
    const step = record.outcome === "permanent" ? find(plan, record.step) : null
    if (step !== null && !survives(step)) return order.decision("failed")
  }
  return order.decision("reverted")
}

/** What has to be undone: what began, and what a process that died may have begun. */
function begunSteps({ steps, perhapsBegun }: RunFacts): ReadonlySet<string> {
  const begun = new Set<string>()
  for (const [name, { outcome }] of steps.invoke) if (outcome !== "skipped") begun.add(name)
  for (const name of perhapsBegun) if (!steps.invoke.has(name)) begun.add(name)
  return begun
}

/** The steps without a record that whoever held the run may have begun, by the records there are. */
export function stepsWithinReach(plan: RunPlan, { invoke }: StepStates): ReadonlySet<string> {
  const reached = new Set<string>()
  for (const level of plan.levels) {
    for (const { name } of level) if (!invoke.has(name)) reached.add(name)
    if (!level.every((step) => step.noWait || isOver(invoke.get(step.name), step))) break
  }
  return reached
}

function isOver(record: StepRecord | undefined, step: PlannedStep): boolean {
  if (record === undefined) return false
  if (record.outcome === "permanent") return survives(step)
  return record.outcome === "done" || record.outcome === "skipped"
}

/** Gathers what a decision says. */
class Order {
  readonly skip: string[] = []
  readonly #facts: RunFacts
  readonly #start: StepStart[] = []
  readonly #waiting: StepRecord[] = []
  #nextAt: number | null = null

  constructor(facts: RunFacts) {
    this.#facts = facts
  }

  decision(state: RunDecision["state"]): RunDecision {
    return { state, start: this.#start, skip: this.skip, waiting: this.#waiting, nextAt: this.#nextAt }
  }

  /** Is it over? If not, it is begun, tried again or waited for. */
  invoke(step: PlannedStep): boolean {
    const record = this.#facts.steps.invoke.get(step.name)
    if (isOver(record, step)) return true
    this.#goOn(step, "invoke", record)
    return false
  }

  compensate(step: PlannedStep): boolean {
    const record = this.#facts.steps.compensate.get(step.name)
    if (record !== undefined && ["done", "skipped", "permanent"].includes(record.outcome)) return true
    this.#goOn(step, "compensate", record)
    return false
  }

  #goOn(step: PlannedStep, phase: StepPhase, record: StepRecord | undefined): void {
    const { running, undoing } = this.#facts
    if ((phase === "invoke" ? running : undoing).has(step.name)) return
    if (record === undefined) this.#begin(step, phase, 1)
    else if (record.outcome === "waiting") this.#wait(record)
    else if (record.outcome === "again") this.#begin(step, phase, record.attempt + 1)
    else if (record.outcome === "failed") this.#retry(step, record)
  }

  #retry(step: PlannedStep, record: StepRecord): void {
    if (!step.autoRetry && record.phase === "invoke") this.#waiting.push(record)
    else if (record.dueAt !== null && record.dueAt > this.#facts.now) this.#dueAt(record.dueAt)
    else this.#begin(step, record.phase, record.attempt + 1)
  }

  #wait(record: StepRecord): void {
    this.#waiting.push(record)
    if (record.dueAt !== null) this.#dueAt(record.dueAt)
  }

  #begin(step: PlannedStep, phase: StepPhase, attempt: number): void {
    this.#start.push({ step: step.name, phase, attempt })
  }

  #dueAt(at: number): void {
    if (this.#nextAt === null || at < this.#nextAt) this.#nextAt = at
  }
}
