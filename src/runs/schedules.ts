import { Cron } from "croner"
import type { Clock } from "../core/clock.ts"
import { isEnded } from "../core/run.ts"
import type { ClaimedJob } from "../engine/leases.ts"
import type { QueriesPort } from "../engine/queries.ts"
import type { ScheduleRow } from "../engine/runs.ts"
import type { Committer } from "../worker/committer.ts"
import type { WorkflowDefinition, WorkflowSchedule } from "./definition.ts"
import type { Runs } from "./runs.ts"

export interface SchedulesOptions {
  readonly runs: Runs
  readonly queries: QueriesPort
  readonly committer: Committer
  readonly clock: Clock
  readonly group: string
  readonly scope: string // of the runs that ticks start, its key
  readonly dueBy: (at: number) => void
  readonly newId: () => string
}

/** What a schedule remembers from tick to tick. */
interface ScheduleState {
  readonly fired: number
  readonly run: string | null // the last one's
  readonly at: string // its tick
}

const BEFORE_THE_FIRST: ScheduleState = { fired: 0, run: null, at: "" }

/**
 * Ticks that outlive every process: each starts one run, whichever worker of the group takes it.
 *
 * A tick that fell due while nobody worked is made up for once; those that it hid are not.
 */
export class Schedules {
  readonly #options: SchedulesOptions
  readonly #known = new Map<string, WorkflowDefinition>()

  constructor(options: SchedulesOptions) {
    this.#options = options
  }

  /** Puts a workflow's schedule; the same again keeps its next tick. */
  async put(definition: WorkflowDefinition): Promise<void> {
    const { schedule } = definition.options
    if (schedule === null) return
    const { runs, committer, clock, group, dueBy } = this.#options
    const id = definition.id
    this.#known.set(id, definition)
    const entry = await runs.announcements.put(`schedule:${id}`, { kind: "schedule", schedule: id })
    const dueAt = nextTick(schedule, clock.now())
    if (dueAt === null) return
    const put = { kind: "put-schedule", group, subscription: entry.no, id } as const
    await committer.write({ ...put, definition: JSON.stringify(schedule), dueAt })
    dueBy(dueAt)
  }

  async tick(job: ClaimedJob, worker: number): Promise<void> {
    const { queries, committer, clock, group, dueBy } = this.#options
    const row = (await queries.schedules(group)).find((each) => each.no === job.no)
    const definition = row === undefined ? undefined : this.#known.get(row.id)
    if (row === undefined || definition === undefined)
      throw new Error(`The schedule of job ${job.id} was claimed, and is not known here.`)
    const schedule = JSON.parse(row.definition) as WorkflowSchedule
    const before = row.state === null ? BEFORE_THE_FIRST : (JSON.parse(row.state) as ScheduleState)
    const state = await this.#fire(definition, schedule, row, before)
    const isLast = schedule.numberOfExecutions !== null && state.fired >= schedule.numberOfExecutions
    const dueAt = isLast ? null : nextTick(schedule, clock.now(), row.dueAt)
    const lease = { no: job.no, worker, epoch: job.epoch }
    await committer.record({ kind: "advance-schedule", ...lease, dueAt, state: JSON.stringify(state) })
    if (dueAt !== null) dueBy(dueAt)
  }

  /** The run of a tick is known by it: taken twice, it is started once. */
  async #fire(
    definition: WorkflowDefinition,
    { concurrency, numberOfExecutions }: WorkflowSchedule,
    { id, dueAt }: ScheduleRow,
    before: ScheduleState,
  ): Promise<ScheduleState> {
    const at = new Date(dueAt ?? this.#options.clock.now()).toISOString()
    if (numberOfExecutions !== null && before.fired >= numberOfExecutions) return before
    if (concurrency === "forbid" && (await this.#goesOn(before.run))) return { ...before, at }
    const { timeout, retentionTime } = definition.options
    const { clock, newId, runs, scope } = this.#options
    const { id: run } = await runs.start(definition, {
      scope,
      transactionId: `schedule:${id}:${at}`,
      input: null,
      parent: null,
      container: undefined,
      join: "any",
      staged: false,
      context: {
        eventGroupId: `${id}-${newId()}`,
        metadata: { scheduledAt: at },
        timeoutAt: timeout === null ? null : clock.now() + timeout * 1000,
        deadline: timeout === null ? null : `within ${timeout} s`,
        retentionMs: retentionTime === null ? null : retentionTime * 1000,
        ownsGroup: true,
        correlationId: null,
        causationId: null,
        traceparent: null,
      },
    })
    return { fired: before.fired + 1, run, at }
  }

  async #goesOn(run: string | null): Promise<boolean> {
    const row = run === null ? null : await this.#options.queries.run(run)
    return row !== null && !isEnded(row.state)
  }
}

/** The first tick after a moment; those of an interval follow the one before. Null = there is none. */
function nextTick(
  { cron, interval, timeZone }: WorkflowSchedule,
  after: number,
  before: number | null = null,
): number | null {
  if (cron === null) {
    if (interval === null) return null
    const next = (before ?? after) + interval
    return next > after ? next : after + interval
  }
  const next = new Cron(cron, { timezone: timeZone, paused: true }).nextRun(new Date(after))
  return next === null ? null : next.getTime()
}
