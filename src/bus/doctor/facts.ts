import { ENDPOINT_STATES, type EndpointState, readEndpointState } from "../../core/endpoint.ts"
import { wishesForEvents } from "../../core/subscription.ts"
import type { Inspection } from "../../engine/inspection.ts"
import type { StoreVersion } from "../../engine/maintenance.ts"
import { isGone, processIdentity } from "../../engine/process.ts"
import type { QueriesPort, StagedGroupRow, WorkerRow } from "../../engine/queries.ts"
import { type ScheduleReport, scheduleReports } from "../schedule-report.ts"
import { lookAtStaff, type StaffSources } from "../staff.ts"
import { type CountedSubscription, subscriptionReport } from "../subscription-report.ts"
import { type CountedWorkflow, workflowReports } from "../workflow-report.ts"

/** Everything that the doctor judges by, as it was at one moment. */
export interface Facts {
  readonly now: number
  readonly database: string // as it may be shown
  readonly inspection: Inspection
  readonly version: StoreVersion
  readonly subscriptions: readonly CountedSubscription[]
  readonly endpoints: readonly EndpointFacts[] // of webhooks that something is wrong with
  readonly workflows: readonly CountedWorkflow[]
  readonly schedules: readonly ScheduleReport[]
  readonly crashedRuns: readonly string[] // ids, the newest of them
  readonly workers: readonly WorkerFacts[]
  readonly stagedGroups: readonly StagedGroupRow[]
  readonly limits: Limits
}

export interface WorkerFacts extends WorkerRow {
  readonly isGone: boolean // it ran on this host, and its process is not there any more
}

export interface EndpointFacts {
  readonly id: string // of the subscription
  readonly state: EndpointState
}

/** From when on something is too late or too old, in milliseconds. */
export interface Limits {
  readonly leaseMs: number
  readonly laggingMs: number
  readonly stagedTtlMs: number
  readonly retentionMs: number
}

export async function gather(sources: StaffSources, database: string, limits: Limits): Promise<Facts> {
  const { queries, maintenance } = sources.engine
  const inspection = await maintenance.inspect()
  const staff = await lookAtStaff(sources)
  const lag = new Map((await queries.lag()).map((row) => [row.subscription, row]))
  const self = processIdentity()
  return {
    now: staff.now,
    database,
    inspection,
    version: await maintenance.version(),
    subscriptions: [...staff.current.values()]
      .filter(wishesForEvents)
      .map((each) => subscriptionReport(each, lag.get(each.no), staff)),
    endpoints: (await queries.records(ENDPOINT_STATES)).map(({ id, value }) => ({
      id,
      state: readEndpointState(value),
    })),
    workflows: await workflowReports(queries, staff),
    schedules: await scheduleReports(queries, staff),
    crashedRuns: await crashedRuns(queries),
    workers: staff.workers.map((row) => ({
      ...row,
      isGone: row.host === self.host && isGone({ pid: row.pid, token: row.name }, self),
    })),
    stagedGroups: await queries.stagedGroups(),
    limits,
  }
}

const MOST_CRASHED = 20

async function crashedRuns(queries: QueriesPort): Promise<string[]> {
  const { items } = await queries.jobs({ kind: "run", state: "dead", limit: MOST_CRASHED })
  return items.map((each) => each.id)
}
