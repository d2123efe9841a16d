import type { StoredEvent } from "../../core/event.ts"
import { deliveryId, type EventKey } from "../../core/ids.ts"
import { LEASED } from "../../core/job.ts"
import type {
  AppendEvents,
  ChangeResult,
  ExistingEvent,
  LeasedRow,
  NewBatch,
  NewJob,
  NewPart,
  RejectedEmit,
  StageEvents,
} from "../../engine/commit.ts"
import { all, get, type Program, type Row } from "../sql/program.ts"
import { encodeRefs } from "../sql/refs.ts"
import { conflictMessage } from "../sql/staging.ts"
import { arrayOf, linesOf, type Signs } from "./lines.ts"

/** The arguments of `store.append`. What is left out is not sent, but keeps its place. */
export function appendValues(
  change: AppendEvents,
  now: number | null,
  left: ReadonlySet<number> = NONE,
): unknown[] {
  const events =
    left.size === 0 ? change.events : change.events.map((each, i) => (left.has(i) ? BLANK : each))
  const { signs, names, values } = linesOf(events, new Set(change.jobs.map((job) => job.group)))
  const named = events.some((event) => event.id !== null)
  const { release } = change
  return [
    now,
    change.commitId,
    change.again,
    change.catalogVersion,
    change.worker ?? change.batches.find((batch) => batch.worker !== null)?.worker ?? null,
    signs.separator,
    signs.nil,
    change.events.length,
    names.distinct,
    names.counts,
    ...values,
    named || release !== null ? `{${change.emits.join(",")}}` : null,
    named && areDistinct(change),
    ...batchesOf(change),
    partsOf(change.parts, left),
    jobsOf(change, signs, left),
    release === null ? null : release.eventGroupId,
    release === null ? null : release.keys.map((key) => `${key.commitId}:${key.index}`).join(","),
    left.size === 0 ? null : arrayOf([...left]),
  ]
}

/** The arguments of `store.stage_events` after the time. */
export function stageValues(changes: readonly StageEvents[]): unknown[] {
  const events = changes.flatMap((change) => change.events)
  const { signs, names, values } = linesOf(events, new Set(changes.map((change) => change.eventGroupId)))
  return [
    signs.separator,
    signs.nil,
    changes.map((change) => change.eventGroupId).join(signs.separator),
    changes.map((change) => change.commitId).join(signs.separator),
    arrayOf(changes.flatMap((change, i) => change.events.map(() => i + 1))),
    arrayOf(changes.flatMap((change) => change.events.map((_, index) => index))),
    names.distinct,
    ...values,
  ]
}

const NONE: ReadonlySet<number> = new Set()

const BLANK: StoredEvent = {
  name: "",
  scope: "",
  sender: null,
  key: null,
  at: 0,
  data: null,
  extra: null,
  id: null,
  hash: null,
}

/** Does each id stand here once? Then all of them can be claimed by one statement. */
function areDistinct({ events }: AppendEvents): boolean {
  const seen = new Set<string>()
  for (const { id, scope } of events) {
    if (id === null) continue
    const place = `${scope}\n${id}`
    if (seen.has(place)) return false
    seen.add(place)
  }
  return true
}

/** The first batch, which mostly is the only one, by its values; the others as JSON. */
function batchesOf({ batches }: AppendEvents): unknown[] {
  const [first, ...others] = batches
  if (first === undefined) return [null, null, null, null, null]
  return [
    first.group,
    first.priority,
    JSON.stringify(first.deliveries),
    first.worker !== null,
    others.length === 0 ? null : JSON.stringify(others.map(batchRow)),
  ]
}

function batchRow({ group, priority, deliveries, worker }: NewBatch): object {
  return { group_name: group, priority, deliveries: JSON.stringify(deliveries), own: worker !== null }
}

/** Parts as `store.insert_parts` takes them; one that holds nothing is not written. */
export function partsOf(parts: readonly NewPart[], left: ReadonlySet<number> = NONE): string | null {
  const kept =
    left.size === 0
      ? parts
      : parts.map((part) => ({ ...part, refs: part.refs.filter((ref) => !left.has(ref.index)) }))
  const rows = kept.filter((part) => part.refs.length > 0).map(partRow)
  return rows.length === 0 ? null : JSON.stringify(rows)
}

function partRow({ group, subscription, replay, priority, reason, catalogVersion, refs }: NewPart): object {
  const stored = encodeRefs(refs)
  return {
    group_name: group,
    subscription,
    replay,
    priority,
    reason,
    catalog_version: catalogVersion,
    refs: stored.refs,
    size: refs.length,
    first_commit: stored.firstCommit,
    last_commit: stored.lastCommit,
  }
}

/** Jobs by column; a column that is the usual for all of them is not sent. */
function jobsOf(
  { jobs, commitId, worker }: AppendEvents,
  { separator }: Signs,
  left: ReadonlySet<number>,
): string | null {
  if (jobs.length === 0) return null
  const lines = (cellOf: (job: NewJob) => string): string => jobs.map(cellOf).join(separator)
  const unless = <T>(usual: T, cellOf: (job: NewJob) => T): T[] | undefined =>
    jobs.every((job) => cellOf(job) === usual) ? undefined : jobs.map(cellOf)
  return JSON.stringify({
    ids: lines((job) => deliveryId(commitId, job.index, job.subscription, 0)),
    indexes: jobs.map((job) => job.index),
    subscriptions: jobs.map((job) => job.subscription),
    groups: lines((job) => job.group),
    reasons: lines((job) => job.reason),
    priorities: unless(1, (job) => job.priority),
    due_ats: unless(0, (job) => job.dueAt),
    leased: unless(false, (job) => job.leased && worker !== null),
    scopes: unless("", (job) => job.scope) && lines((job) => (left.has(job.index) ? "" : job.scope)),
    keys: unless<string | null>(null, (job) => (left.has(job.index) ? null : job.key)),
  })
}

export interface Appended {
  readonly status: "ok" | "stale" | "known"
  readonly batches?: readonly (readonly [number, number])[] | null
  readonly jobs?: readonly (readonly [no: number, index: number, subscription: number])[] | null
  readonly left?: {
    readonly rejected: readonly (readonly [emit: number, id: string])[]
    readonly existing: readonly (readonly [index: number, commitId: string, idx: number])[]
    readonly missing: readonly number[]
  } | null
}

export function toResult(change: AppendEvents, appended: Appended): ChangeResult {
  const { left } = appended
  return {
    status: "ok",
    append: {
      batches: toRows(appended.batches),
      jobs: leasedOf(change, appended.jobs ?? []),
      rejected: (left?.rejected ?? []).map(([emit, id]) => ({
        emit,
        code: "conflict",
        message: conflictMessage(id),
      })),
      existing: (left?.existing ?? []).map(([index, commitId, idx]) => ({
        index,
        key: { commitId, index: idx },
      })),
      missing: left?.missing ?? [],
    },
  }
}

/** In the order of the change; number 0 = not written, or not leased. */
function leasedOf({ jobs }: AppendEvents, rows: NonNullable<Appended["jobs"]>): LeasedRow[] {
  const leased: LeasedRow[] = []
  let next = 0
  for (const job of jobs) {
    if (!job.leased) continue
    const row = rows[next]
    const isThis = row !== undefined && row[1] === job.index && row[2] === job.subscription
    leased.push(isThis ? { no: row[0], epoch: 1 } : { no: 0, epoch: 0 })
    if (isThis) next++
  }
  return leased
}

export function toRows(rows: readonly (readonly [number, number])[] | null | undefined): LeasedRow[] {
  return (rows ?? []).map(([no, epoch]) => ({ no, epoch }))
}

/** What a commit did whose answer was lost: nothing is done twice. */
export function* recall(change: AppendEvents): Program<ChangeResult> {
  const { commitId, events, emits } = change
  const rows = yield* all("SELECT idx FROM store.events WHERE commit_id = ?", commitId)
  const written = new Set(rows.map((row) => row.idx as number))
  const rejected = new Map<number, RejectedEmit>()
  const existing: ExistingEvent[] = []
  const missing: number[] = []
  for (const [index, { id, scope, hash }] of events.entries()) {
    if (written.has(index)) continue
    const emit = emits[index] as number
    const key = id === null ? null : yield* placeOf(id, scope, hash)
    if (key !== null) existing.push({ index, key })
    else if (change.release !== null) missing.push(index)
    else rejected.set(emit, { emit, code: "conflict", message: conflictMessage(id ?? "") })
  }
  const batches = yield* all(
    "SELECT no, epoch, state, worker FROM store.batches WHERE commit_id = ? ORDER BY no",
    commitId,
  )
  const append = {
    batches: batches.map((row, i) => held(row, change.batches[i]?.worker ?? null)),
    jobs: yield* recallJobs(change),
    rejected: [...rejected.values()],
    existing,
    missing,
  }
  return { status: "ok", append }
}

function* placeOf(id: string, scope: string, hash: string | null): Program<EventKey | null> {
  const row = yield* get(
    "SELECT commit_id, idx, hash FROM store.event_ids WHERE id = ? AND scope = ?",
    id,
    scope,
  )
  if (row === undefined || row.hash !== hash) return null
  return { commitId: row.commit_id as string, index: row.idx as number }
}

function* recallJobs({ commitId, jobs, worker }: AppendEvents): Program<LeasedRow[]> {
  const leased: LeasedRow[] = []
  for (const job of jobs) {
    if (!job.leased) continue
    const id = deliveryId(commitId, job.index, job.subscription, 0)
    const row = yield* get("SELECT no, epoch, state, worker FROM store.jobs WHERE id = ?", id)
    leased.push(row === undefined ? { no: 0, epoch: 0 } : held(row, worker))
  }
  return leased
}

/** What was handed back or has ended since it was written is nobody's to begin. */
function held(row: Row, worker: number | null): LeasedRow {
  const isHeld = worker !== null && row.state === LEASED && row.worker === worker && row.epoch === 1
  return { no: row.no as number, epoch: isHeld ? 1 : 0 }
}
