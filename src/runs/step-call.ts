import type { Timer } from "../core/clock.ts"
import { isPermanent, LeaseLostError, retryAfterOf, TimeoutError } from "../core/errors.ts"
import type { StepPhase, StepRecord } from "../core/run.ts"
import type { StepStart } from "../core/run-machine.ts"
import { parseScope } from "../core/scope.ts"
import { readValue, writeValue } from "../core/value.ts"
import { reach } from "../engine/faults.ts"
import { currentStep } from "../worker/current-step.ts"
import { retryOfChild } from "./child-retry.ts"
import { isStepResult, type StepContext, type StepDefinition } from "./definition.ts"
import type { RunFacts } from "./run-facts.ts"
import { permanentFailureIn, readable, writeError } from "./step-error.ts"
import type { StepValues } from "./values.ts"

/** One attempt of a step with code of its own, from its conditions to its record. */
export class StepCall {
  readonly start: StepStart
  readonly #step: StepDefinition
  readonly #run: RunFacts
  readonly #controller = new AbortController()
  readonly #startedAt: number
  readonly #startedAtMonotonic: number
  #input: string | null = null
  #timeout: TimeoutError | null = null

  constructor(run: RunFacts, step: StepDefinition, start: StepStart) {
    this.#run = run
    this.#step = step
    this.start = start
    this.#startedAt = run.clock.now()
    this.#startedAtMonotonic = run.clock.monotonic()
  }

  /** Its work is another run. */
  get isChild(): boolean {
    return this.#step.action.kind === "workflow"
  }

  abort(reason: Error): void {
    this.#controller.abort(reason)
  }

  /** It is left before its end: it began, and may have done its work. */
  interrupted(reason: Error): StepRecord {
    const { record } = this.#ended({ outcome: "again", error: writeError(reason) })
    return record as StepRecord
  }

  /** It always ends in a record; what was thrown is told beside. */
  async invoke(values: StepValues): Promise<StepEnd> {
    try {
      for (const condition of this.#step.conditions)
        if (!(await condition(values))) return this.#ended({ outcome: "skipped" })
      this.#input = writeValue(await this.#step.input(values), `the input of step \`${this.#step.name}\``)
      return await this.#invokeAction()
    } catch (error) {
      return this.#failed(error)
    }
  }

  async compensate(undo: string | null): Promise<StepEnd> {
    const { action } = this.#step
    this.#input = undo
    try {
      if (action.kind === "workflow")
        return this.#ended(
          await this.#run.children.revert(action.workflow, this.key("invoke"), this.#run.scope),
        )
      if (action.kind === "call") await this.#within("compensate", action.compensate ?? nothing)
      return this.#ended({ outcome: "done" })
    } catch (error) {
      return this.#failed(error)
    }
  }

  key(phase: StepPhase): string {
    return `${this.#run.workflow}:${this.#run.id}:${this.#step.name}:${phase}`
  }

  async #invokeAction(): Promise<StepEnd> {
    const { action, config } = this.#step
    const { clock } = this.#run
    const dueAt = config.timeout === null ? null : clock.now() + config.timeout * 1000
    switch (action.kind) {
      case "sleep": {
        const until = readValue(this.#input)
        const at = until instanceof Date ? until.getTime() : clock.now() + Number(until)
        return this.#ended({ outcome: "waiting", dueAt: at, wait: { kind: "time" } })
      }
      case "event": {
        const { event, filter, timeoutMs } = await this.#run.waits.prepare(readValue(this.#input))
        return this.#ended({
          outcome: "waiting",
          dueAt: timeoutMs === null ? dueAt : clock.now() + timeoutMs,
          wait: { kind: "event", event, filter },
        })
      }
      case "workflow": {
        const { attempt } = this.start
        const parent = { run: this.#run, step: this.#step.name, key: this.key("invoke"), attempt }
        const end = await this.#run.children.run(action.workflow, this.#input, parent)
        return this.#ended(retryOfChild(end, this.#step, { ...this.start, now: clock.now() }))
      }
      case "call": {
        const result = await this.#withinTime("invoke", action.invoke)
        const end = this.#answered(result, dueAt)
        return this.#timeout === null ? end : this.#tooLate(end, this.#timeout)
      }
    }
  }

  #answered(result: unknown, dueAt: number | null): StepEnd {
    const what = `the output of step \`${this.#step.name}\``
    if (isStepResult(result)) {
      if (result.skipped) return this.#ended({ outcome: "skipped" })
      const undo = result.hasCompensateInput ? (writeValue(result.compensateInput, what) ?? "null") : null
      return this.#ended({ outcome: "done", output: writeValue(result.output, what), undo })
    }
    if (this.#step.config.async) return this.#ended({ outcome: "waiting", dueAt, wait: { kind: "response" } })
    return this.#ended({ outcome: "done", output: writeValue(result, what) })
  }

  /** It answered after its time: what it did is to be undone, with what it left for that. */
  #tooLate({ record }: StepEnd, timeout: TimeoutError): StepEnd {
    const undo = record?.outcome === "done" ? (record.undo ?? record.output) : null
    return this.#ended({ outcome: "permanent", undo, error: writeError(timeout) }, timeout)
  }

  /** A step that takes too long is told so; what it did counts as failed once it answers. */
  async #withinTime(phase: StepPhase, call: StepFunction): Promise<unknown> {
    const { timeout } = this.#step.config
    if (timeout === null) return this.#within(phase, call)
    let isOver = false
    const timer: Timer = this.#run.clock.setTimeout(() => {
      this.#timeout = stepTimeout(this.#step.name, timeout)
      this.#controller.abort(this.#timeout)
      // One that heeds its signal ends within the next turns of the loop.
      setImmediate(() => {
        if (!isOver) this.#run.stuck(this.#step.name)
      })
    }, timeout * 1000)
    try {
      return await this.#within(phase, call)
    } finally {
      isOver = true
      this.#run.clock.clearTimeout(timer)
    }
  }

  async #within(phase: StepPhase, call: StepFunction): Promise<unknown> {
    const context = this.#context(phase)
    const { id, scope } = this.#run
    const { correlationId, traceparent } = this.#run.context
    const cause = { id, correlationId, traceparent }
    const step = { cause, scope, key: context.idempotencyKey }
    // A step that is handed nothing may still take that apart.
    const input = this.#input === null && phase === "invoke" ? {} : readValue(this.#input)
    const result = await currentStep.run(step, () => call(input, context))
    reach("step.after")
    return result
  }

  #context(phase: StepPhase): StepContext {
    const { workflow, scope, transactionId, id: runId, context, parentKey } = this.#run
    const { eventGroupId } = context
    const idempotencyKey = this.key(phase)
    const call = this
    return {
      container: this.#run.container,
      workflowId: workflow,
      stepName: this.#step.name,
      action: phase,
      attempt: this.start.attempt,
      idempotencyKey,
      transactionId,
      runId,
      scope: parseScope(scope),
      eventGroupId,
      parentStepIdempotencyKey: parentKey,
      metadata: context.metadata ?? {},
      signal: this.#controller.signal,
      get logger() {
        return call.#run.loggerFor(call.#step.name)
      },
      context: { transactionId, eventGroupId, idempotencyKey, runId },
    }
  }

  #failed(thrown: unknown): StepEnd {
    const error = readable(thrown)
    const { attempt } = this.start
    const { config } = this.#step
    const { clock } = this.#run
    if (this.#controller.signal.reason instanceof LeaseLostError) return { record: null, error }
    const permanent = permanentFailureIn(error)
    const isFinal =
      permanent !== null || isPermanent(error) || this.#timeout !== null || attempt > config.maxRetries
    let undo: string | null = null
    try {
      if (permanent?.compensateInput !== undefined)
        undo = writeValue(
          permanent.compensateInput,
          `the compensation's input of step \`${this.#step.name}\``,
        )
    } catch (unwritable) {
      return this.#ended({ outcome: "permanent", error: writeError(unwritable) }, unwritable)
    }
    if (isFinal) return this.#ended({ outcome: "permanent", undo, error: writeError(error) }, error)
    const asked = retryAfterOf(error)
    const at = asked instanceof Date ? asked.getTime() : asked === null ? null : clock.now() + asked
    const dueAt = at ?? (config.retryInterval === 0 ? null : clock.now() + config.retryInterval * 1000)
    return this.#ended({ outcome: "failed", dueAt, error: writeError(error) }, error)
  }

  #ended(end: Partial<StepRecord> & Pick<StepRecord, "outcome">, error: unknown = null): StepEnd {
    const { step, phase, attempt } = this.start
    const record: StepRecord = {
      step,
      phase,
      attempt,
      at: this.#startedAt,
      ms: Math.round((this.#run.clock.monotonic() - this.#startedAtMonotonic) * 1000) / 1000,
      input: this.#input,
      output: null,
      undo: null,
      error: null,
      dueAt: null,
      wait: null,
      worker: this.#run.worker,
      ...end,
    }
    return { record, error }
  }
}

type StepFunction = (input: unknown, context: StepContext) => unknown

/** What an attempt came to. No record: this process has lost the run, and whoever has it runs the step again. */
export interface StepEnd {
  readonly record: StepRecord | null
  readonly error: unknown // as it was thrown; null = none was
}

/** What came of a step whose work is another run. */
export type ChildEnd = Pick<StepRecord, "outcome"> &
  Partial<Pick<StepRecord, "output" | "error" | "wait" | "dueAt">>

/** As users of other engines look for it. */
export const STEP_TIMEOUT = "TransactionStepTimeoutError"

/** Nobody is at fault in the process: what a step waited for did not come. */
export function waitTimeout({ step, wait }: StepRecord, seconds: number): TimeoutError {
  const what = wait?.kind === "event" ? `an event \`${wait.event}\` that it waits for` : "a response"
  const error = new TimeoutError(
    `Expected step \`${step}\` to get ${what} within ${seconds} s, none came. Raise its \`timeout\`, or see why nobody sent one.`,
  )
  error.name = STEP_TIMEOUT
  return error
}

function stepTimeout(step: string, seconds: number): TimeoutError {
  const error = new TimeoutError(
    `Expected step \`${step}\` to end within ${seconds} s, it did not. Heed \`signal\` in it, or raise its \`timeout\`.`,
  )
  error.name = STEP_TIMEOUT
  return error
}

function nothing(): void {}
