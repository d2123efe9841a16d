import type { SubscriptionTarget } from "../core/subscription.ts"
import type { QueriesPort } from "../engine/queries.ts"
import type { RunCounts } from "../engine/runs.ts"
import type { Staff } from "./staff.ts"

/** A workflow in one of its shapes, how its runs do, and who knows it. */
export interface WorkflowReport {
  /** As `pause`, `resume` and `removeSubscription` take it: `workflow:place-order#3f2a…`. */
  readonly id: string
  readonly workflow: string
  /** Of its shape: another one means that its steps were changed. */
  readonly hash: string
  readonly group: string
  readonly paused: boolean
  /**
   * Runs that go on in a worker now. null, like the next five, where only some scopes were asked for: the numbers are
   * those of others too.
   */
  readonly running: number | null
  /** Runs that wait: for a worker, a time, an event, an answer. */
  readonly waiting: number | null
  /** Runs that ended their workers' processes again and again: they stand still until they are redriven. */
  readonly crashed: number | null
  /** Runs that could not be undone. */
  readonly failed: number | null
  readonly failedAt: Date | null // when the newest of them failed
  /** When the first that waits may go on by itself; in the past: it is late. */
  readonly dueAt: Date | null
  /** The live workers that know this shape. */
  readonly workers: readonly number[]
  /** No live worker knows this shape: its runs wait. */
  readonly orphaned: boolean
  /** Orphaned, while the workflow stands there in another shape that workers know, or that came later. */
  readonly outdated: boolean
}

/** For those who may see all its runs. */
export interface CountedWorkflow extends WorkflowReport {
  readonly running: number
  readonly waiting: number
  readonly crashed: number
  readonly failed: number
}

const NO_COUNTS = { running: null, waiting: null, crashed: null, failed: null, failedAt: null, dueAt: null }

export function withoutRuns(report: WorkflowReport): WorkflowReport {
  return { ...report, ...NO_COUNTS }
}

/** Every shape of every workflow that stands in the catalog. */
export async function workflowReports(queries: QueriesPort, staff: Staff): Promise<CountedWorkflow[]> {
  const shapes = allShapes(staff)
  if (shapes.length === 0) return []
  const counts = new Map((await queries.runCounts()).map((each) => [each.subscription, each]))
  return shapes.map((each) => reportOn(each, counts.get(each.no), shapes, staff))
}

/** A shape of a workflow, as it stands in the catalog. */
export interface StandingShape {
  readonly no: number
  readonly id: string
  readonly group: string
  readonly paused: boolean
  readonly target: Extract<SubscriptionTarget, { kind: "workflow" }>
  readonly isKnown: boolean // to a live worker
}

/** Every shape of one workflow, the newest last. */
export function shapesOf(workflow: string, staff: Staff): StandingShape[] {
  return allShapes(staff)
    .filter(({ target }) => target.workflow === workflow)
    .sort((a, b) => a.no - b.no)
}

function allShapes(staff: Staff): StandingShape[] {
  return [...staff.current.values()].flatMap(({ no, id, group, definition: { target, paused } }) =>
    target.kind === "workflow"
      ? [{ no, id, group, paused, target, isKnown: staff.handlersOf(no).length > 0 }]
      : [],
  )
}

function reportOn(
  shape: StandingShape,
  counts: RunCounts | undefined,
  all: readonly StandingShape[],
  staff: Staff,
): CountedWorkflow {
  const { no, id, group, paused, target } = shape
  const { running = 0, waiting = 0, crashed = 0, failed = 0, failedAt = null, dueAt = null } = counts ?? {}
  const workers = staff.handlersOf(no).map((each) => each.no)
  const orphaned = workers.length === 0
  return {
    id,
    workflow: target.workflow,
    hash: target.hash,
    group,
    paused,
    running,
    waiting,
    crashed,
    failed,
    failedAt: failedAt === null ? null : new Date(failedAt),
    dueAt: dueAt === null ? null : new Date(dueAt),
    workers,
    orphaned,
    outdated: orphaned && all.some((each) => isSuccessor(each, shape, staff)),
  }
}

function isSuccessor(other: StandingShape, { no, group, target }: StandingShape, staff: Staff): boolean {
  if (other.no === no || other.group !== group || other.target.workflow !== target.workflow) return false
  return staff.handlersOf(other.no).length > 0 || other.no > no
}
