import { setTimeout as sleep } from "node:timers/promises"
import { type End, endOf, isOver, type Lane } from "./lane.ts"
import type {
  Answer,
  Engine,
  Given,
  HeardEvent,
  Invoke,
  Later,
  Request,
  Sdk,
  Step,
  StepSettings,
  Workflow,
  WorkflowSettings,
} from "./sdk.ts"
import { show, showError } from "./show.ts"

/** A program of workflows, written once for all lanes. */
export interface Program {
  readonly key: string // unique; the workflow's id
  readonly finding: string
  readonly needs?: "engine" // a run outlives the call that started it
  readonly alone?: true // nothing else may run beside it
  readonly play: (stage: Stage) => Promise<void>
}

/** What a program left behind. All that two lanes are compared by. */
export interface Trace {
  readonly calls: readonly string[] // functions of steps, as they began
  readonly notes: Readonly<Record<string, unknown>> // what was answered, by what was asked
  readonly events: readonly string[] // those that subscribers heard
  readonly strays?: readonly string[] // errors that nobody caught
}

/** The slowest program ends a run after half a second; ten times that on a busy machine. */
const PATIENCE_MS = 4_000
const STEP_MS = 10

/** Where one program plays: it writes down each call, answer and event. */
export class Stage {
  readonly sdk: Sdk
  readonly id: string
  readonly #lane: Lane
  readonly #calls: string[] = []
  readonly #notes: Record<string, unknown> = {}
  readonly #events: string[] = []

  constructor(lane: Lane, { key }: Program) {
    this.#lane = lane
    this.sdk = lane.sdk
    this.id = key
  }

  get trace(): Trace {
    return { calls: this.#calls, notes: this.#notes, events: this.#events }
  }

  get engine(): Engine {
    if (this.#lane.engine === null) throw new Error(`${this.id} needs an engine; say so in its \`needs\``)
    return this.#lane.engine
  }

  get container(): unknown {
    return this.#lane.container
  }

  workflow(composer: (input: Later) => unknown, settings: Partial<WorkflowSettings> = {}): Workflow {
    return this.sdk.createWorkflow({ name: this.id, ...settings }, composer)
  }

  /** A step that is written down; it answers "<name> done" unless told otherwise. `undo: null` = it has none. */
  step(nameOrConfig: string | StepSettings, invoke?: Invoke, undo: Invoke | null = () => undefined): Step {
    const name = typeof nameOrConfig === "string" ? nameOrConfig : nameOrConfig.name
    const act = invoke ?? (() => new this.sdk.StepResponse(`${name} done`))
    return undo === null
      ? this.sdk.createStep(nameOrConfig, this.#recorded("", act))
      : this.sdk.createStep(nameOrConfig, this.#recorded("", act), this.#recorded("undo ", undo))
  }

  recorded(invoke: Invoke): Invoke {
    return this.#recorded("", invoke)
  }

  #recorded(prefix: string, act: Invoke): Invoke {
    return (input: never, context: Given) => {
      const attempt = context.attempt > 1 ? ` #${context.attempt}` : ""
      this.#calls.push(`${prefix}${context.stepName}${attempt} ${show(input)}`)
      return act(input, context)
    }
  }

  fail(message = "out of stock"): Invoke {
    return () => {
      throw new Error(message)
    }
  }

  /** Runs it, and notes what is answered; no error is thrown unless the request says so. */
  async run(workflow: Workflow, request: Request & { readonly as?: string } = {}): Promise<Answer | null> {
    const { as = "run", ...rest } = request
    return this.ask(as, () => workflow(this.#lane.container).run({ throwOnError: false, ...rest }))
  }

  async cancel(workflow: Workflow, request: Request & { readonly as?: string }): Promise<Answer | null> {
    const { as = "cancel", ...rest } = request
    return this.ask(as, () => workflow(this.#lane.container).cancel({ throwOnError: false, ...rest }))
  }

  /** Notes an answer, or what was thrown instead. */
  async ask(as: string, act: () => Promise<Answer>): Promise<Answer | null> {
    try {
      const answer = await act()
      this.#notes[as] = shownAnswer(answer)
      return answer
    } catch (error) {
      this.#notes[as] = `threw ${showError(error)}`
      return null
    }
  }

  /** Notes what was thrown, if anything. */
  attempt(as: string, act: () => unknown): void {
    try {
      act()
      this.#notes[as] = "no error"
    } catch (error) {
      this.#notes[as] = `threw ${showError(error)}`
    }
  }

  note(as: string, value: unknown): void {
    this.#notes[as] = typeof value === "string" ? value : show(value)
  }

  async succeed(transactionId: string, stepId: string, stepResponse?: unknown, as = `succeed ${stepId}`) {
    const key = { workflowId: this.id, transactionId, stepId, action: "invoke" }
    return this.ask(as, () => this.engine.setStepSuccess({ idempotencyKey: key, stepResponse }))
  }

  async refuse(transactionId: string, stepId: string, stepResponse: unknown, forcePermanentFailure = false) {
    const key = { workflowId: this.id, transactionId, stepId, action: "invoke" }
    const request = { idempotencyKey: key, stepResponse, options: { forcePermanentFailure } }
    const as = `refuse ${stepId}${forcePermanentFailure ? " for good" : ""}`
    return this.ask(as, () => this.engine.setStepFailure(request))
  }

  /** Waits until the run has ended, and notes how. */
  async ended(
    transactionId: string,
    { workflow = this.id, as = "end", patienceMs = PATIENCE_MS } = {},
  ): Promise<void> {
    let end: End | null = null
    const isSo = await this.until(async () => {
      end = await this.#lane.look(workflow, transactionId)
      return end !== null && isOver(end)
    }, patienceMs)
    this.#notes[isSo ? as : `${as}, which did not come`] = end ?? "nothing kept"
  }

  async look(transactionId: string, as: string, workflow = this.id): Promise<void> {
    this.#notes[as] = (await this.#lane.look(workflow, transactionId)) ?? "nothing kept"
  }

  /** Waits until a call was written down that often. */
  async called(line: string, times = 1): Promise<void> {
    const isSo = await this.until(() => this.#calls.filter((call) => call.startsWith(line)).length >= times)
    if (!isSo) this.#notes[`not called ${times} times`] = line
  }

  hear({ name, data }: HeardEvent): void {
    this.#events.push(`${name.slice(this.id.length + 1)} ${show(data)}`)
  }

  async heard(times: number): Promise<void> {
    if (!(await this.until(() => this.#events.length >= times)))
      this.#notes[`not heard ${times} times`] = this.#events.length
  }

  /** Time enough for what must not happen to happen. */
  async quiet(ms = 150): Promise<void> {
    await sleep(ms)
  }

  /** Whether it came to be so in time. */
  async until(isSo: () => boolean | Promise<boolean>, patienceMs = PATIENCE_MS): Promise<boolean> {
    const givesUpAt = performance.now() + patienceMs
    while (!(await isSo())) {
      if (performance.now() > givesUpAt) return false
      await sleep(STEP_MS)
    }
    return true
  }
}

function shownAnswer({ result, errors, transaction }: Answer): unknown {
  const flaws = (errors ?? []).map(
    ({ action, handlerType, error, ...bare }) => `${action} ${handlerType} ${showError(error ?? bare)}`,
  )
  return { result: show(result), errors: flaws, ...endOf(transaction.getFlow()) }
}
