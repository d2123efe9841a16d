import { ERASED, EVENT_ERASED, erasedHistory } from "../../core/erasure.ts"
import { deliveryPrefix, type EventKey } from "../../core/ids.ts"
import { CANCELLED, DEAD, LEASED, WAITING } from "../../core/job.ts"
import type { ChangeResult } from "../../engine/commit.ts"
import type { Erase, ErasedEvent, ErasedRows, StagedKey } from "../../engine/erasure.ts"
import { eraseRun } from "./erase-runs.ts"
import { all, type Program, type Row, run } from "./program.ts"
import { decodeRefs } from "./refs.ts"
import { toHistory } from "./rows.ts"

export function* erase(change: Erase, now: number): Program<ChangeResult> {
  const rows = { events: 0, staged: 0, deliveries: 0, cancelled: 0, runs: 0, steps: 0 }
  const openEvents: EventKey[] = []
  const openRuns: number[] = []
  for (const key of change.staged) rows.staged += yield* eraseStaged(key)
  for (const no of change.runs) {
    const erased = yield* eraseRun(no, now)
    if (erased === null) openRuns.push(no)
    else if (erased.fresh) {
      rows.runs++
      rows.steps += erased.steps
    }
  }
  if (change.events.length > 0) yield* holdReplays()
  for (const event of change.events) {
    if (yield* isOpen(event, change.cancels)) {
      openEvents.push({ commitId: event.commitId, index: event.index })
      continue
    }
    const erased = yield* eraseEvent(event, now)
    rows.events += erased.events
    rows.deliveries += erased.deliveries
    rows.cancelled += erased.cancelled
  }
  return { status: "ok", erased: { ...rows, openEvents, openRuns } satisfies ErasedRows }
}

/** Nobody is told of it any more, so nothing of it has to be known. */
function* eraseStaged({ eventGroupId, commitId, index }: StagedKey): Program<number> {
  return yield* run(
    "DELETE FROM store.staged WHERE event_group = ? AND commit_id = ? AND idx = ?",
    eventGroupId,
    commitId,
    index,
  )
}

/**
 * Only replays make deliveries of events that have none under way. Neither one that there is nor a new one goes on
 * before the end of the transaction: else it could hand out, unseen, what is being erased.
 */
function* holdReplays(): Program<void> {
  yield* run("UPDATE store.meta SET value = value WHERE name = 'next_replay'")
  yield* run("UPDATE store.jobs SET updated_at = updated_at WHERE state = 0 AND kind = 'replay'")
  yield* run("UPDATE store.jobs SET updated_at = updated_at WHERE state = 1 AND kind = 'replay'")
}

/**
 * Whether somebody has a delivery of it, or may still get one. What waits is locked by being written as it is, so
 * that nobody takes it before the end of the transaction; who takes it afterwards is given an event without content.
 */
function* isOpen(key: EventKey, cancels: boolean): Program<boolean> {
  const states = [...(yield* openBatches(key)), ...(yield* openParts(key)), ...(yield* openJobs(key))]
  return cancels ? states.includes(LEASED) : states.length > 0
}

/** A batch is of its whole commit: which of its events it delivers is routing's to say, and none is safe before it is closed. */
function* openBatches({ commitId }: EventKey): Program<number[]> {
  const rows = yield* all(
    "UPDATE store.batches SET takes = takes WHERE commit_id = ? AND state < 2 RETURNING state",
    commitId,
  )
  return rows.map((row) => row.state as number)
}

function* openParts({ commitId, index }: EventKey): Program<number[]> {
  const states: number[] = []
  const parts = yield* all(
    "SELECT no, refs FROM store.parts WHERE last_commit >= ? AND first_commit <= ? AND state < 2",
    commitId,
    commitId,
  )
  for (const { no, refs } of parts) {
    if (!decodeRefs(refs as string).some((ref) => ref.commitId === commitId && ref.index === index)) continue
    const rows = yield* all(
      "UPDATE store.parts SET takes = takes WHERE no = ? AND state < 2 RETURNING state",
      no as number,
    )
    states.push(...rows.map((row) => row.state as number))
  }
  return states
}

function* openJobs(key: EventKey): Program<number[]> {
  const rows = yield* all(
    `UPDATE store.jobs SET updated_at = updated_at WHERE ${JOBS_OF_EVENT} AND state IN (0, 1) RETURNING state`,
    ...rangeOf(key),
  )
  return rows.map((row) => row.state as number)
}

const JOBS_OF_EVENT = "id >= ? AND id < ?"

function rangeOf({ commitId, index }: EventKey): [from: string, to: string] {
  const prefix = deliveryPrefix(commitId, index)
  return [prefix, `${prefix}~`]
}

function* eraseEvent(
  event: ErasedEvent,
  now: number,
): Program<Pick<ErasedRows, "events" | "deliveries" | "cancelled">> {
  const { commitId, index, extra, sender } = event
  const events = yield* run(
    `UPDATE store.events SET data = NULL, key = NULL, sender = ?, extra = ?
     WHERE commit_id = ? AND idx = ? AND extra IS DISTINCT FROM ?`,
    sender,
    extra,
    commitId,
    index,
    extra,
  )
  // Its id stays taken, and who guesses at the content learns nothing from it.
  yield* run(
    `UPDATE store.event_ids SET hash = '${ERASED}' WHERE commit_id = ? AND idx = ? AND hash IS NOT NULL`,
    commitId,
    index,
  )
  const jobs = yield* all(
    `SELECT no, state, error, history FROM store.jobs WHERE ${JOBS_OF_EVENT}`,
    ...rangeOf(event),
  )
  let cancelled = 0
  for (const job of jobs) {
    yield* eraseJob(job, now)
    if (job.state === WAITING) cancelled++
  }
  return { events, deliveries: jobs.length, cancelled }
}

/** One that waits or is dead comes to an end: there is nothing left to deliver. */
function* eraseJob({ no, state, error, history }: Row, now: number): Program<void> {
  const ends = state === WAITING || state === DEAD
  yield* run(
    `UPDATE store.jobs SET key = NULL, data = NULL, error = ?, history = ?
       ${ends ? `, state = ${CANCELLED}, reason = '${EVENT_ERASED}', updated_at = ?` : ""}
     WHERE no = ?`,
    error ? ERASED : (error as string | null),
    history === null ? null : JSON.stringify(erasedHistory(toHistory(history))),
    ...(ends ? [now] : []),
    no as number,
  )
}
