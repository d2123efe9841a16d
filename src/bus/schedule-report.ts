import type { RunState } from "../core/run.ts"
import type { QueriesPort } from "../engine/queries.ts"
import type { ScheduleRow } from "../engine/runs.ts"
import type { Staff } from "./staff.ts"

/** When a workflow is run, and what became of it. */
export interface ScheduleReport {
  /** As `pause`, `resume` and `removeSubscription` take it: `schedule:sync-brands`. */
  readonly id: string
  readonly workflow: string
  readonly group: string
  readonly cron: string | null // one of the two
  readonly interval: number | null // ms
  readonly timeZone: string // IANA
  readonly concurrency: "allow" | "forbid"
  readonly numberOfExecutions: number | null // null = no end
  readonly paused: boolean
  /** How often it has started a run. */
  readonly fired: number
  /** The next tick; in the past: it is late. Null = there is none. */
  readonly nextAt: Date | null
  /** Its newest tick, also one that was left out because the run of the one before went on. */
  readonly lastAt: Date | null
  readonly lastRun: string | null
  readonly lastState: RunState | null // null = there was no run, or it is not kept any more
  /** Its tick ended its workers' processes: it stands still until it is redriven. */
  readonly crashed: boolean
  /** The live workers that know it. */
  readonly workers: readonly number[]
  readonly orphaned: boolean
}

/** Those that stand in the catalog; one that was removed does not. */
export async function scheduleReports(queries: QueriesPort, staff: Staff): Promise<ScheduleReport[]> {
  const isSchedule = [...staff.current.values()].some((each) => each.definition.target.kind === "schedule")
  if (!isSchedule) return []
  const reports: ScheduleReport[] = []
  for (const row of await queries.schedules(null)) {
    const version = staff.current.get(row.subscription)
    if (version !== undefined)
      reports.push(await reportOn(row, version.id, version.definition.paused, { queries, staff }))
  }
  return reports
}

async function reportOn(
  row: ScheduleRow,
  id: string,
  paused: boolean,
  { queries, staff }: { readonly queries: QueriesPort; readonly staff: Staff },
): Promise<ScheduleReport> {
  const definition = JSON.parse(row.definition) as KeptDefinition
  const { fired, run, at } = row.state === null ? NOT_YET : (JSON.parse(row.state) as KeptState)
  const workers = staff.handlersOf(row.subscription).map((each) => each.no)
  return {
    id,
    workflow: row.id,
    group: row.group,
    ...definition,
    paused,
    fired,
    nextAt: row.dueAt === null ? null : new Date(row.dueAt),
    lastAt: at === "" ? null : new Date(at),
    lastRun: run,
    lastState: run === null ? null : ((await queries.run(run))?.state ?? null),
    crashed: row.crashed,
    workers,
    orphaned: workers.length === 0,
  }
}

/** As `runs/schedules.ts` keeps them. */
type KeptDefinition = Pick<
  ScheduleReport,
  "cron" | "interval" | "timeZone" | "concurrency" | "numberOfExecutions"
>

interface KeptState {
  readonly fired: number
  readonly run: string | null
  readonly at: string
}

const NOT_YET: KeptState = { fired: 0, run: null, at: "" }
