import { eventsOfRun } from "../bus/causes.ts"
import type { Listing, ListPage } from "../bus/listing.ts"
import type { ScheduleReport } from "../bus/schedule-report.ts"
import type { WithinScopes } from "../bus/within.ts"
import type { WorkflowReport } from "../bus/workflow-report.ts"
import type { Clock } from "../core/clock.ts"
import { CarillonError, expected, InvalidInputError, NotFoundError, StoppedError } from "../core/errors.ts"
import { isEnded, type RunContext } from "../core/run.ts"
import { isWithin, type Scopes, scopeKeys } from "../core/scope.ts"
import type { WorkflowTerms } from "../core/subscription.ts"
import { writeValue } from "../core/value.ts"
import type { QueriesPort } from "../engine/queries.ts"
import type { RunRow, RunSignal } from "../engine/runs.ts"
import type { Committer } from "../worker/committer.ts"
import { within } from "../worker/patience.ts"
import { AnnouncedStarts, type AnnouncedWorkflow } from "./announced-start.ts"
import { isStepResult, type WorkflowDefinition } from "./definition.ts"
import { RunFollower } from "./follow.ts"
import { callEvents } from "./moments.ts"
import { originOf } from "./origin.ts"
import { outcomeOf, transactionOf, viewOfRow } from "./outcome.ts"
import { definitionOf, workflowRegistry } from "./registry.ts"
import { checkFields, checkResultFrom, RUN_REQUEST, START_REQUEST, withOptions } from "./request.ts"
import { Responses } from "./responses.ts"
import { type RunListRequest, runQueryOf } from "./run-list.ts"
import { type RunDetail, type RunReport, runDetail, runReport } from "./run-report.ts"
import { checkOwnGroup, type Scoped, scopeOf, scopeToStartIn } from "./run-scope.ts"
import type { Runs } from "./runs.ts"
import type {
  CancelRequest,
  RunOutcome,
  RunRequest,
  StartedRun,
  StartRunRequest,
  StepAnswer,
  StepCompletion,
  StepFailing,
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
  readonly scope: string // the Carillon's own, its key
  readonly pollMs: number
  readonly newId: () => string
  readonly logError: (error: unknown) => void
  readonly listing: Listing
}

const MOST_CHILDREN = 100
const FIRST_LOOK_MS = 25
const LONGEST_LOOK_MS = 500

const AGAIN = { outcome: "again", output: null, undo: null, error: null, dueAt: null } as const

/** Starts, follows and steers runs: what `container.resolve(Modules.WORKFLOW_ENGINE)` returns. */
export class WorkflowEngine implements WorkflowService {
  readonly #options: ServiceOptions
  readonly #follower: RunFollower
  readonly #subscribers: Subscribers
  readonly #responses: Responses
  readonly #announced: AnnouncedStarts

  constructor(options: ServiceOptions) {
    this.#options = options
    this.#follower = new RunFollower(options)
    this.#subscribers = new Subscribers(options, this.#follower)
    this.#announced = new AnnouncedStarts(options)
    this.#responses = new Responses({ ...options, onSignal: (run) => options.runs.signalled(run) })
  }

  async run(workflow: WorkflowReference, given: RunRequest = {}): Promise<RunOutcome> {
    const definition = definitionOf(workflow)
    const request = withOptions("run", given, RUN_REQUEST)
    const { resultFrom } = request
    checkResultFrom(definition, resultFrom)
    const { id, isNew } = await this.#begin(definition, request)
    if (!isNew) this.#checkShape(definition, await this.#rowOf(id))
    const outcome = outcomeOf(await this.#follower.follow(id, { untilWaiting: true }), resultFrom ?? null)
    return this.#answer(outcome, request)
  }

  /**
   * Starts a run and answers at once, or, with `waitMs`, once it has ended if that is soon enough. The workflow's code
   * need not be here: a worker that has announced it takes the run.
   *
   * @throws NotFoundError for a workflow that nobody has announced; InvalidInputError where several groups have one
   */
  async start(workflow: WorkflowReference, given: StartRunRequest = {}): Promise<StartedRun> {
    this.#checkOpen()
    checkFields("start", given, START_REQUEST)
    const { group, waitMs = 0, ...request } = given
    const definition = this.#definitionHere(workflow, group)
    const { id, isNew } =
      definition === null
        ? await this.#beginElsewhere(await this.#announced.find(workflow as string, group), request)
        : await this.#begin(definition, request)
    const row = await this.#whenEnded(id, waitMs)
    const [run] = (await this.#reports([row])) as [RunReport]
    if (!isEnded(row.state)) return { run, existing: !isNew, result: undefined, errors: [] }
    const { result, errors } = outcomeOf(await this.#viewOf(row))
    return { run, existing: !isNew, result, errors }
  }

  async cancel(workflow: WorkflowReference, given: CancelRequest): Promise<RunOutcome> {
    this.#checkOpen()
    const request = withOptions("cancel", given)
    const id = typeof workflow === "string" ? workflow : definitionOf(workflow).id
    const transactionId = request.transactionId ?? request.transaction?.transactionId
    const row = await this.#find(id, transactionId, request)
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
    const output = response === null ? stepResponse : response.output
    const undo = response?.hasCompensateInput === true ? { input: response.compensateInput } : null
    return this.#respond(request, successWith(output, undo))
  }

  async setStepFailure(given: StepFailureRequest): Promise<RunOutcome> {
    this.#checkOpen()
    const request = withOptions("setStepFailure", given)
    return this.#respond(request, failureWith(request.stepResponse, request.forcePermanentFailure))
  }

  /** Gives a step that failed, or waits after a failure, one more attempt; also in a run that failed for good. */
  async retryStep(request: StepRequest): Promise<RunOutcome> {
    return this.#respond(withOptions("retryStep", request), AGAIN)
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

  /** Runs of every group, newest first; of some scopes only, where they are named. */
  async list(request: RunListRequest = {}): Promise<ListPage<RunReport>> {
    this.#checkOpen()
    const { items, cursor } = await this.#options.queries.runs(runQueryOf(request))
    return { items: await this.#reports(items), cursor }
  }

  /**
   * A run with its input, its result, every attempt of its steps, and what it brought about; of that, too, only what
   * lies in the scopes.
   *
   * @throws NotFoundError, also where it lies outside of the scopes
   */
  async retrieve(id: string, { scopes }: WithinScopes = {}): Promise<RunDetail> {
    this.#checkOpen()
    const { queries, listing } = this.#options
    const row = await this.#rowOf(id, scopes)
    const { items } = await queries.runs({ parent: id, scopes: scopeKeys(scopes), limit: MOST_CHILDREN })
    const held = (await listing.whyRunsAreHeld())(row)
    const caused = await eventsOfRun(queries, row, scopeKeys(scopes))
    const around = { held, caused, children: await this.#reports(items) }
    return runDetail(row, await queries.runSteps(row.no), around)
  }

  /** The workflows of every group, in each shape that stands in the catalog: how their runs do, who knows them. */
  listWorkflows(request?: WithinScopes): Promise<readonly WorkflowReport[]> {
    return this.#options.listing.workflows(request)
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
  async revert(
    id: string,
    reason = "cancelled by an operator",
    { scopes }: WithinScopes = {},
  ): Promise<RunReport> {
    this.#checkOpen()
    await this.#signal(await this.#rowOf(id, scopes), { kind: "cancel", reason })
    return this.#reportOf(id)
  }

  /**
   * Gives a step one more attempt, and does not wait for it. In a run that failed because a step could not be
   * undone, that is undoing it.
   *
   * @throws NotFoundError; InvalidInputError where the step neither failed nor waits
   */
  async retry(id: string, step: string, { scopes }: WithinScopes = {}): Promise<RunReport> {
    this.#checkOpen()
    const row = await this.#rowOf(id, scopes)
    const phase = row.state === "invoking" ? "invoke" : "compensate"
    await this.#signal(row, { kind: "step", step, phase, ...AGAIN })
    return this.#reportOf(id)
  }

  /**
   * Ends a step of a run that waits for a response, well, and does not wait for what follows.
   *
   * @throws NotFoundError; InvalidInputError where the step does not wait
   */
  async completeStep(id: string, step: string, answer: StepCompletion = {}): Promise<RunReport> {
    const { output, compensateInput } = answer
    const undo = compensateInput === undefined ? null : { input: compensateInput }
    return this.#answerStep(id, step, answer, successWith(output, undo))
  }

  /**
   * The same with an error. Where the workflow's code is not here nobody knows how often the step may be tried, and
   * the error is for good.
   *
   * @throws NotFoundError; InvalidInputError where the step does not wait
   */
  async failStep(id: string, step: string, answer: StepFailing = {}): Promise<RunReport> {
    return this.#answerStep(id, step, answer, failureWith(answer.error, answer.permanent))
  }

  /** How a run stands, by its transaction id. */
  async getRunningTransaction(
    workflow: WorkflowReference,
    transactionId: string,
    within: Pick<RunRequest, "scope" | "scopes"> = {},
  ): Promise<RunOutcome["transaction"]> {
    const id = typeof workflow === "string" ? workflow : definitionOf(workflow).id
    const row = await this.#find(id, transactionId, within)
    return transactionOf(await this.#viewOf(row))
  }

  #checkOpen(): void {
    if (this.#options.runs.isStopping)
      throw new StoppedError(
        "Expected a running Carillon, got one that was stopped. Ask another, or ask before `stop()`.",
      )
  }

  /** Null = its code is not here, or another group is meant. */
  #definitionHere(workflow: WorkflowReference, group: string | undefined): WorkflowDefinition | null {
    if (typeof workflow !== "string") return definitionOf(workflow)
    return group === undefined || group === this.#options.group ? workflowRegistry.get(workflow) : null
  }

  #begin(definition: WorkflowDefinition, request: RunRequest): Promise<{ id: string; isNew: boolean }> {
    const { runs, logError } = this.#options
    return runs.start(definition, {
      ...this.#wishOf({ id: definition.id, terms: definition.options }, request),
      container: request.container,
      staged: (request.context?.eventGroupId ?? null) !== null,
      onHeld: (run) => callEvents(runs, run, request.events, logError),
    })
  }

  #beginElsewhere(found: AnnouncedWorkflow, request: RunRequest): Promise<{ id: string; isNew: boolean }> {
    return this.#announced.start(found, this.#wishOf(found, request))
  }

  #wishOf({ id, terms }: Pick<AnnouncedWorkflow, "id" | "terms">, request: RunRequest) {
    const context = { transactionId: request.transactionId, ...request.context }
    const scope = scopeToStartIn(request, this.#options.scope)
    const origin = originOf(id)
    const transactionId =
      textOf("transactionId", context.transactionId) ?? origin.transactionId ?? this.#newId()
    const isDerived = context.transactionId === undefined && origin.transactionId !== null
    const eventGroupId = textOf("eventGroupId", context.eventGroupId)
    checkOwnGroup(eventGroupId, request)
    return {
      scope,
      transactionId,
      input: writeValue(request.input, `the input of workflow \`${id}\``),
      parent: null,
      join: isDerived ? "done" : terms.idempotent ? "any" : "live",
      context: {
        ...this.#deadlinesBy(terms),
        eventGroupId: eventGroupId ?? `${id}-${this.#options.newId()}`,
        metadata: metadataOf(context.metadata),
        ownsGroup: true,
        correlationId: origin.correlationId,
        causationId: origin.causationId,
        traceparent: origin.traceparent,
      },
    } as const
  }

  #deadlinesBy({ timeout, retentionTime }: WorkflowTerms) {
    return {
      timeoutAt: timeout === null ? null : this.#options.clock.now() + timeout * 1000,
      deadline: timeout === null ? null : `within ${timeout} s`,
      retentionMs: retentionTime === null ? null : retentionTime * 1000,
    }
  }

  /** Real time: it is somebody outside who waits. */
  async #whenEnded(id: string, waitMs: number): Promise<RunRow> {
    const endsAt = performance.now() + waitMs
    for (let pauseMs = FIRST_LOOK_MS; ; pauseMs *= 2) {
      const row = await this.#rowOf(id)
      const restMs = endsAt - performance.now()
      if (isEnded(row.state) || restMs <= 0 || this.#options.runs.isStopping) return row
      await this.#whenHeardOf(id, Math.min(pauseMs, LONGEST_LOOK_MS, restMs))
    }
  }

  /** Resolves when the run is let go here, or after so long. */
  async #whenHeardOf(id: string, ms: number): Promise<void> {
    let off = (): void => {}
    const gone = new Promise<void>((resolve) => {
      off = this.#options.runs.listeners.add(id, (_, moment) => {
        if (typeof moment === "object") resolve()
      })
    })
    await within(gone, ms).finally(off)
  }

  async #answerStep(
    id: string,
    step: string,
    { phase = "invoke", scopes }: StepAnswer,
    end: StepEnding,
  ): Promise<RunReport> {
    this.#checkOpen()
    const row = await this.#rowOf(id, scopes)
    await this.#responses.send(row, { kind: "step", step, phase, ...end })
    return this.#reportOf(id)
  }

  async #respond(request: StepRequest, end: StepEnding): Promise<RunOutcome> {
    const { row, step, phase } = await this.#stepOf(request)
    await this.#responses.send(row, { kind: "step", step, phase, ...end })
    const outcome = outcomeOf(await this.#follower.follow(row.id, { untilWaiting: true }))
    return this.#answer(outcome, request)
  }

  async #stepOf(
    request: StepRequest,
  ): Promise<{ row: RunRow; step: string; phase: "invoke" | "compensate" }> {
    const { idempotencyKey, scopes } = request
    const parts = typeof idempotencyKey === "string" ? parseStepKey(idempotencyKey) : { ...idempotencyKey }
    const { workflowId, transactionId, stepId, action } = parts
    const { queries } = this.#options
    const byId = transactionId.startsWith("run_") ? visible(await queries.run(transactionId), scopes) : null
    const scope = scopeOf(request, this.#options.scope)
    const row = byId ?? visible(await queries.runOf(null, workflowId, transactionId, scope), scopes)
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
    const { id: run, group } = row
    const result = await this.#options.committer.write({ kind: "signal-run", run, group, signal })
    if (result.status === "conflict") throw new InvalidInputError(result.message)
    this.#options.runs.signalled(run)
  }

  async #find(workflow: string, transactionId: string | undefined, request: Scoped): Promise<RunRow> {
    if (typeof transactionId !== "string" || transactionId === "")
      throw new InvalidInputError(
        expected("`transactionId` to be the id of a run's transaction", transactionId),
      )
    const { queries, group, scope } = this.#options
    const found = await queries.runOf(group, workflow, transactionId, scopeOf(request, scope))
    const row = visible(found, request.scopes)
    if (row === null) throw notFound(workflow, transactionId)
    return row
  }

  async #rowOf(id: string, scopes?: Scopes): Promise<RunRow> {
    const row = visible(await this.#options.queries.run(id), scopes)
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

type StepEnding = Omit<Extract<RunSignal, { kind: "step" }>, "kind" | "step" | "phase">

/** `undo` holds what the compensation gets instead of the output. */
function successWith(output: unknown, undo: { readonly input: unknown } | null): StepEnding {
  return {
    outcome: "done",
    output: writeValue(output, "the step's response"),
    undo: undo === null ? null : (writeValue(undo.input, "the step's response") ?? "null"),
    error: null,
    dueAt: null,
  }
}

function failureWith(response: unknown, permanent = false): StepEnding {
  const error = writeError(errorIn(response))
  return { outcome: permanent ? "permanent" : "failed", output: null, undo: null, error, dueAt: null }
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

/** What lies outside of the caller's scopes is not there. */
function visible(row: RunRow | null, scopes: Scopes | undefined): RunRow | null {
  return row !== null && isWithin(scopeKeys(scopes), row.scope) ? row : null
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
