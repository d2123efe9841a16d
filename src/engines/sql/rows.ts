import type { EventRow } from "../../core/event.ts"
import { type AttemptRecord, JOB_STATES, LEASED } from "../../core/job.ts"
import type { JobRow } from "../../engine/queries.ts"
import type { Row, Value } from "./program.ts"

export const EVENT_COLUMNS =
  "e.commit_id, e.idx, e.name, e.scope, e.sender, e.key, e.at, e.data, e.extra, e.id"

export function toEvent(row: Row): EventRow {
  return {
    commitId: row.commit_id as string,
    index: row.idx as number,
    name: row.name as string,
    scope: row.scope as string,
    sender: row.sender as string | null,
    key: row.key as string | null,
    at: row.at as number,
    data: row.data as string | null,
    extra: row.extra as string | null,
    id: row.id as string | null,
    hash: null,
  }
}

export function toHistory(text: Value | undefined): AttemptRecord[] {
  return text ? (JSON.parse(text as string) as AttemptRecord[]) : []
}

export function toJob(row: Row): JobRow {
  return {
    no: row.no as number,
    id: row.id as string,
    kind: row.kind as string,
    group: row.group_name as string,
    subscription: row.subscription as number,
    commitId: row.commit_id as string | null,
    index: row.idx as number,
    replay: row.replay as number,
    scope: row.scope as string,
    key: row.key as string | null,
    priority: row.priority as number,
    state: JOB_STATES[row.state as number] ?? "waiting",
    reason: row.reason as string,
    dueAt: row.due_at as number,
    attempt: row.attempt as number,
    crashes: row.crashes as number,
    isolated: row.isolated === 1,
    // A settled row keeps its last worker, so that its settle is known again when it comes twice.
    worker: row.state === LEASED ? (row.worker as number | null) : null,
    createdAt: row.created_at as number,
    updatedAt: row.updated_at as number,
    error: row.error as string | null,
    history: toHistory(row.history),
    data: row.data as string | null,
  }
}
