import { eventsOfRun } from "../bus/causes.ts"
import type { Listing, ListPage } from "../bus/listing.ts"
import type { ScheduleReport } from "../bus/schedule-report.ts"
import type { WorkflowReport } from "../bus/workflow-report.ts"
import type { Clock } from "../core/clock.ts"
import { CarillonError, expected, InvalidInputError, NotFoundError, StoppedError } from "../core/errors.ts"
import { isEnded, type RunContext } from "../core/run.ts"
import { writeValue } from "../core/value.ts"
import type { QueriesPort } from "../engine/queries.ts"
import type { RunRow, RunSignal } from "../engine/runs.ts"
import type { Committer } from "../worker/committer.ts"
import { isStepResult, type WorkflowDefinition } from "./definition.ts"
import { RunFollower } from "./follow.ts"
import { callEvents } from "./moments.ts"
import { originOf } from "./origin.ts"
import { outcomeOf, transactionOf, viewOfRow } from "./outcome.ts"
import { definitionOf, workflowRegistry } from "./registry.ts"
import { checkResultFrom, RUN_REQUEST, withOptions } from "./request.ts"
import { Responses } from "./responses.ts"
import { type RunListRequest, runQueryOf } from "./run-list.ts"
import { type RunDetail, type RunReport, runDetail, runReport } from "./run-report.ts"
import type { Runs } from "./runs.ts"
import type {
  CancelRequest,
  RunOutcome,
  RunRequest,
  StepFailureRequest,
  StepRequest,
  StepResponseRequest,
  WorkflowReference,
  WorkflowService,
} from "./service-contract.ts"
import { writeError } from "./step-error.ts"
import { parseStepKey } from "./step-key.ts"
import { type Subscriber, Subscribers } from "./subscribers.ts"

export interface ServiceOptions {
  readonly runs: Runs
  readonly queries: QueriesPort
  readonly committer: Committer
  readonly clock: Clock
  readonly group: string
  readonly pollMs: number
  readonly newId: () => string
  readonly logError: (error: unknown) => void
  readonly listing: Listing
}

const MOST_CHILDREN = 100

/** Starts, follows and steers runs: what `container.resolve(Modules.WORKFLOW_ENGINE)` returns. */
export class WorkflowEngine implements WorkflowService {
  readonly #options: ServiceOptions
  readonly #follower: RunFollower
  readonly #subscribers: Subscribers
  readonly #responses: Responses

  constructor(options: ServiceOptions) {
    this.#options = options
    this.#follower = new RunFollower(options)
    this.#subscribers = new Subscribers(options, this.#follower)
    this.#responses = new Responses({ ...options, onSignal: (run) => options.runs.signalled(run) })
  }

  async run(workflow: WorkflowReference, given: RunRequest = {}): Promise<RunOutcome> {
    const definition = definitionOf(workflow)
    const request = withOptions("run", given, RUN_REQUEST)
    const { container, resultFrom } = request
    checkResultFrom(definition, resultFrom)
    const context = { transactionId: request.transactionId, ...request.context }
    const origin = originOf(definition.id)
    const transactionId =
      textOf("transactionId", context.transactionId) ?? origin.transactionId ?? this.#newId()
    const isDerived = context.transactionId === undefined && origin.transactionId !== null
    const eventGroupId = textOf("eventGroupId", context.eventGroupId)
    const input = writeValue(request.input, `the input of workflow \`${definition.id}\``)
    const started = this.#options.runs.start(definition, {
      transactionId,
      input,
      parent: null,
      container,
      join: isDerived ? "done" : definition.options.idempotent ? "any" : "live",
      staged: eventGroupId !== null,
      context: this.#contextOf(definition, request, origin, eventGroupId),
      onHeld: (run) => callEvents(this.#options.runs, run, request.events, this.#options.logError),
    })
    const { id, isNew } = await started
    if (!isNew) this.#checkShape(definition, await this.#rowOf(id))
    const outcome = outcomeOf(await this.#follower.follow(id, { untilWaiting: true }), resultFrom ?? null)
    return this.#answer(outcome, request)
  }

  async cancel(workflow: WorkflowReference, given: CancelRequest): Promise<RunOutcome> {
    this.#checkOpen()
    const request = withOptions("cancel", given)
    const id = typeof workflow === "string" ? workflow : definitionOf(workflow).id
    const transactionId = request.transactionId ?? request.transaction?.transactionId
    const row = await this.#find(id, transactionId)
    await this.#signal(row, { kind: "cancel", reason: "cancelled by its caller" })
    const ended = outcomeOf(await this.#follower.follow(row.id, { untilWaiting: false }))
    if (ended.transaction.state !== "reverted") return this.#answer(ended, request)
    return { ...ended, errors: ended.errors.filter(({ error }) => !(error instanceof StoppedError)) }
  }

  async setStepSuccess(given: StepResponseRequest): Promise<RunOutcome> {
    this.#checkOpen()
    const request = withOptions("setStepSuccess", given)
    const { stepResponse } = request
    const response = isStepResult(stepResponse) ? stepResponse : null
    const output = writeValue(response === null ? stepResponse : response.output, "the step's response")
    const undo =
      response?.hasCompensateInput === true
        ? (writeValue(response.compensateInput, "the step's response") ?? "null")
        : null
    return this.#respond(request, { outcome: "done", output, undo, error: null })
  }

  async setStepFailure(given: StepFailureRequest): Promise<RunOutcome> {
    this.#checkOpen()
    const request = withOptions("setStepFailure", given)
    const outcome = request.forcePermanentFailure === true ? "permanent" : "failed"
    const error = writeError(errorIn(request.stepResponse))
    return this.#respond(request, { outcome, output: null, undo: null, error })
  }

  /** Gives a step that failed, or waits after a failure, one more attempt; also in a run that failed for good. */
  async retryStep(request: StepRequest): Promise<RunOutcome> {
    return this.#respond(withOptions("retryStep", request), {
      outcome: "again",
      output: null,
      undo: null,
      error: null,
    })
  }

  /** Calls back when runs of a workflow end; with a transaction id, when that one does, in whatever process. */
  subscribe(subscriber: Subscriber): Promise<void> {
    this.#subscribers.add(subscriber)
    return Promise.resolve()
  }

  unsubscribe(
    subscriber: Omit<Subscriber, "subscriber"> & { readonly subscriberOrId: unknown },
  ): Promise<void> {
    this.#subscribers.remove(subscriber)
    return Promise.resolve()
  }

  /** Runs of every group, newest first. */
  async list(request: RunListRequest = {}): Promise<ListPage<RunReport>> {
    this.#checkOpen()
    const { items, cursor } = await this.#options.queries.runs(runQueryOf(request))
    return { items: await this.#reports(items), cursor }
  }

  /** A run with its input, its result, every attempt of its steps, and what it brought about. @throws NotFoundError */
  async retrieve(id: string): Promise<RunDetail> {
    this.#checkOpen()
    const { queries, listing } = this.#options
    const row = await this.#rowOf(id)
    const { items } = await queries.runs({ parent: id, limit: MOST_CHILDREN })
    const held = (await listing.whyRunsAreHeld())(row)
    const around = { held, caused: await eventsOfRun(queries, row), children: await this.#reports(items) }
    return runDetail(row, await queries.runSteps(row.no), around)
  }

  /** The workflows of every group, in each shape that stands in the catalog: how their runs do, who knows them. */
  listWorkflows(): Promise<readonly WorkflowReport[]> {
    return this.#options.listing.workflows()
  }

  /** The schedules of every group: their next ticks, what became of the last ones, who keeps them. */
  listSchedules(): Promise<readonly ScheduleReport[]> {
    return this.#options.listing.schedules()
  }

  /**
   * Has a run undone, by its id, and does not wait for that: a worker that knows the workflow does it. One that
   * is done or failed goes back as well.
   *
   * @throws NotFoundError; InvalidInputError where it is undone already
   */
  async revert(id: string, reason = "cancelled by an operator"): Promise<RunReport> {
    this.#checkOpen()
    await this.#signal(await this.#rowOf(id), { kind: "cancel", reason })
    return this.#reportOf(id)
  }

  /**
   * Gives a step one more attempt, and does not wait for it. In a run that failed because a step could not be
   * undone, that is undoing it.
   */
  async retry(id: string, step: string): Promise<RunReport> {
    this.#checkOpen()
    const row = await this.#rowOf(id)
    const phase = row.state === "invoking" ? "invoke" : "compensate"
    const end = { outcome: "again", output: null, undo: null, error: null } as const
    await this.#signal(row, { kind: "step", step, phase, ...end })
    return this.#reportOf(id)
  }

  /** How a run stands, by its transaction id. */
  async getRunningTransaction(
    workflow: WorkflowReference,
    transactionId: string,
  ): Promise<RunOutcome["transaction"]> {
    const id = typeof workflow === "string" ? workflow : definitionOf(workflow).id
    const row = await this.#find(id, transactionId)
    return transactionOf(await this.#viewOf(row))
  }

  #checkOpen(): void {
    if (this.#options.runs.isStopping)
      throw new StoppedError(
        "Expected a running Carillon, got one that was stopped. Ask another, or ask before `stop()`.",
      )
  }

  #contextOf(
    { id, options }: WorkflowDefinition,
    { context = {} }: RunRequest,
    origin: ReturnType<typeof originOf>,
    eventGroupId: string | null,
  ): RunContext {
    const { timeout, retentionTime } = options
    const { correlationId, causationId, traceparent } = origin
    return {
      eventGroupId: eventGroupId ?? `${id}-${this.#options.newId()}`,
      metadata: metadataOf(context.metadata),
      timeoutAt: timeout === null ? null : this.#options.clock.now() + timeout * 1000,
      deadline: timeout === null ? null : `within ${timeout} s`,
      retentionMs: retentionTime === null ? null : retentionTime * 1000,
      ownsGroup: true,
      correlationId,
      causationId,
      traceparent,
    }
  }

  async #respond(
    request: StepRequest,
    end: Omit<Extract<RunSignal, { kind: "step" }>, "kind" | "step" | "phase">,
  ): Promise<RunOutcome> {
    const { row, step, phase } = await this.#stepOf(request)
    await this.#responses.send(row, { kind: "step", step, phase, ...end })
    const outcome = outcomeOf(await this.#follower.follow(row.id, { untilWaiting: true }))
    return this.#answer(outcome, request)
  }

  async #stepOf({
    idempotencyKey,
  }: StepRequest): Promise<{ row: RunRow; step: string; phase: "invoke" | "compensate" }> {
    const parts = typeof idempotencyKey === "string" ? parseStepKey(idempotencyKey) : { ...idempotencyKey }
    const { workflowId, transactionId, stepId, action } = parts
    const { queries } = this.#options
    const byId = transactionId.startsWith("run_") ? await queries.run(transactionId) : null
    const row = byId ?? (await queries.runOf(null, workflowId, transactionId))
    if (row === null) throw notFound(workflowId, transactionId)
    return { row, step: stepId, phase: action }
  }

  async #reportOf(id: string): Promise<RunReport> {
    const [report] = await this.#reports([await this.#rowOf(id)])
    return report as RunReport
  }

  async #reports(rows: readonly RunRow[]): Promise<RunReport[]> {
    const whyHeld = await this.#options.listing.whyRunsAreHeld()
    return rows.map((row) => runReport(row, whyHeld(row)))
  }

  async #signal(row: RunRow, signal: RunSignal): Promise<void> {
    const result = await this.#options.committer.write({ kind: "signal-run", run: row.id, signal })
    if (result.status === "conflict") throw new InvalidInputError(result.message)
    this.#options.runs.signalled(row.id)
  }

  async #find(workflow: string, transactionId: string | undefined): Promise<RunRow> {
    if (typeof transactionId !== "string" || transactionId === "")
      throw new InvalidInputError(
        expected("`transactionId` to be the id of a run's transaction", transactionId),
      )
    const { queries, group } = this.#options
    const row = await queries.runOf(group, workflow, transactionId)
    if (row === null) throw notFound(workflow, transactionId)
    return row
  }

  async #rowOf(id: string): Promise<RunRow> {
    const row = await this.#options.queries.run(id)
    if (row === null) throw noRun(id)
    return row
  }

  #checkShape(definition: WorkflowDefinition, row: RunRow): void {
    this.#options.runs.announcements.checkShape(definition, row)
  }

  async #viewOf(row: RunRow): Promise<ReturnType<typeof viewOfRow>> {
    const records = await this.#options.queries.runSteps(row.no)
    return viewOfRow(row, records, workflowRegistry.get(row.workflow))
  }

  #answer(outcome: RunOutcome, { throwOnError = true, logOnError = false }: RunRequest): RunOutcome {
    const { errors, transaction } = outcome
    const [first] = errors
    if (first === undefined) return outcome
    if (logOnError) for (const { error } of errors) this.#options.logError(error)
    const failed = isEnded(transaction.state) && transaction.state !== "done"
    if (!throwOnError || !failed) return outcome
    throw first.error // what undid the run; what else failed stands in `errors`
  }

  #newId(): string {
    return `auto-${this.#options.newId()}`
  }
}

function textOf(name: string, value: unknown): string | null {
  if (value === undefined || value === null) return null
  if (typeof value === "string" && value !== "" && value.length <= 255 && !/\p{Cc}/u.test(value)) return value
  throw new InvalidInputError(expected(`\`context.${name}\` to be a string of 1 to 255 characters`, value))
}

/** As every process will read it from the store. */
function metadataOf(value: unknown): RunContext["metadata"] {
  if (value === undefined || value === null) return null
  if (typeof value !== "object" || Array.isArray(value))
    throw new InvalidInputError(expected("`context.metadata` to be an object", value))
  writeValue(value, "`context.metadata`") // says where it cannot be written
  return JSON.parse(JSON.stringify(value)) as RunContext["metadata"]
}

/** What a caller of another process may have: an error, or only its words. */
function errorIn(response: unknown): Error {
  if (response instanceof Error) return response
  if (typeof response === "string") return new Error(response)
  const { message, name, code } = (response ?? {}) as { message?: unknown; name?: unknown; code?: unknown }
  const words = typeof message === "string" ? message : (JSON.stringify(response) ?? "The step failed.")
  const error = typeof code === "string" ? new CarillonError(code, words) : new Error(words)
  if (typeof name === "string") error.name = name
  return error
}

function noRun(id: string): NotFoundError {
  return new NotFoundError(`There is no run ${id}, or it is not kept any more. \`carillon runs\` lists them.`)
}

function notFound(workflow: string, transactionId: string): NotFoundError {
  return new NotFoundError(
    `There is no run of \`${workflow}\` with the transaction id \`${transactionId}\`. Look for it with \`carillon runs\`.`,
  )
}

declare module "../container.ts" {
  interface CarillonCradle {
    readonly workflows: WorkflowEngine
  }
}
