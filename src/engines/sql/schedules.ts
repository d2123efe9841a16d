import { DEAD, DELIVERED, LEASED, WAITING } from "../../core/job.ts"
import type { ChangeResult } from "../../engine/commit.ts"
import type { AdvanceSchedule, PutSchedule, ScheduleRow } from "../../engine/runs.ts"
import { all, get, type Program, type Row, run } from "./program.ts"

/** A schedule is a job: its definition and what it remembers are the job's data. */
interface ScheduleData {
  readonly definition: string
  readonly state: string | null
}

/** The same definition again changes nothing, also of one that has come to its end. */
export function* putSchedule(change: PutSchedule, now: number): Program<ChangeResult> {
  const known = yield* find(change)
  if (known !== undefined) return yield* replace(known, change, now)
  const no = yield* insert(change, now)
  if (no !== null) return { status: "ok", count: 1, jobs: [{ no, epoch: 0 }] }
  return yield* replace((yield* find(change)) as Row, change, now) // another process was quicker
}

function* find({ group, id }: PutSchedule): Program<Row | undefined> {
  return yield* get("SELECT * FROM store.jobs WHERE id = ?", jobId(group, id))
}

function jobId(group: string, id: string): string {
  return `${PREFIX}${group}:${id}`
}

const PREFIX = "schedule:"
const BEHIND_PREFIX = "schedule;"

function* insert(
  { group, id, subscription, definition, dueAt }: PutSchedule,
  now: number,
): Program<number | null> {
  const row = yield* get(
    `INSERT INTO store.jobs (id, kind, group_name, subscription, commit_id, idx, replay, scope, key, priority,
       state, reason, due_at, attempt, crashes, isolated, worker, epoch, created_at, updated_at, data)
     VALUES (?, 'schedule', ?, ?, NULL, 0, 0, '', NULL, 1, ${WAITING}, 'scheduled', ?, 0, 0, 0, NULL, 0, ?, ?, ?)
     ON CONFLICT (id) DO NOTHING RETURNING no`,
    jobId(group, id),
    group,
    subscription,
    dueAt,
    now,
    now,
    dataOf({ definition, state: null }),
  )
  return (row?.no as number | undefined) ?? null
}

/** Whoever runs a tick of the old definition is fenced: when the next one is due, he would say by the old one. */
function* replace(row: Row, change: PutSchedule, now: number): Program<ChangeResult> {
  const no = row.no as number
  const { definition, state } = scheduleOf(row)
  const isSame = definition === change.definition && row.subscription === change.subscription
  if (isSame && row.state !== CANCELLED_STATE) return { status: "ok", count: 0, jobs: [{ no, epoch: 0 }] }
  yield* run(
    `UPDATE store.jobs SET subscription = ?, state = ${WAITING}, reason = 'scheduled', due_at = ?, worker = NULL, updated_at = ?, data = ?
     WHERE no = ?`,
    change.subscription,
    change.dueAt,
    now,
    dataOf({ definition: change.definition, state: definition === change.definition ? state : null }),
    no,
  )
  return { status: "ok", count: 1, jobs: [{ no, epoch: 0 }] }
}

/** Its subscription was removed, and is back. */
const CANCELLED_STATE = 4

/** A settled row keeps its last worker, so that the same step is known again when its answer was lost. */
export function* advanceSchedule(change: AdvanceSchedule, now: number): Program<ChangeResult> {
  const { no, worker, epoch, dueAt, state } = change
  const row = yield* get(
    "SELECT state, due_at, data FROM store.jobs WHERE no = ? AND worker = ? AND epoch = ? AND kind = 'schedule'",
    no,
    worker,
    epoch,
  )
  if (row === undefined) return { status: "fenced" }
  const next = dueAt === null ? DELIVERED : WAITING
  const data = dataOf({ definition: scheduleOf(row).definition, state })
  if (row.state !== LEASED) return { status: row.state === next && row.data === data ? "ok" : "fenced" }
  const advanced = yield* run(
    `UPDATE store.jobs SET state = ?, reason = ?, due_at = ?, updated_at = ?, data = ?
     WHERE no = ? AND worker = ? AND epoch = ? AND state = ${LEASED}`,
    next,
    dueAt === null ? "ended" : "scheduled",
    dueAt ?? now,
    now,
    data,
    no,
    worker,
    epoch,
  )
  return { status: advanced === 1 ? "ok" : "fenced" }
}

function dataOf({ definition, state }: ScheduleData): string {
  return JSON.stringify({ definition, state })
}

function scheduleOf(row: Row): ScheduleData {
  return JSON.parse(row.data as string) as ScheduleData
}

export function* schedules(group: string | null): Program<readonly ScheduleRow[]> {
  const rows = yield* all(
    "SELECT * FROM store.jobs WHERE id >= ? AND id < ? AND kind = 'schedule' ORDER BY id",
    PREFIX,
    BEHIND_PREFIX,
  )
  return rows.filter((row) => group === null || row.group_name === group).map(toSchedule)
}

function toSchedule(row: Row): ScheduleRow {
  const { definition, state } = scheduleOf(row)
  const group = row.group_name as string
  return {
    no: row.no as number,
    id: (row.id as string).slice(jobId(group, "").length),
    group,
    subscription: row.subscription as number,
    definition,
    state,
    dueAt: row.state === WAITING || row.state === LEASED ? (row.due_at as number) : null,
    leased: row.state === LEASED,
    crashed: row.state === DEAD,
  }
}
