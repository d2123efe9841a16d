import type { ClaimedJob, ClaimRequest, ClaimResult } from "../../engine/leases.ts"
import type { Row, Value } from "../sql/program.ts"
import { toEvent, toHistory } from "../sql/rows.ts"
import { UNTIL_WOKEN } from "../sql/run-rows.ts"
import type { Database, HotStatement } from "./database.ts"
import { arrayOf } from "./lines.ts"
import type { ServerTime } from "./time.ts"
import { WAITING_JOBS, withWork } from "./waiting.ts"

/** Where the last claim of each subscription stopped: among its scopes, its keys, its due times, its leases. */
export class ClaimCursors {
  #cursors: Record<string, unknown> = {}
  #thoroughMs = 0
  #thoroughAt = Number.NEGATIVE_INFINITY

  /**
   * A thorough look walks over what is dead in the indexes. While an old transaction elsewhere keeps that
   * from being cleared away it takes ever longer: it may take a small share of the time, and no more.
   */
  mayBeThorough(): boolean {
    return this.#thoroughMs < CHEAP_MS || performance.now() - this.#thoroughAt > this.#thoroughMs * SHARE
  }

  wasThorough(ms: number): void {
    this.#thoroughMs = ms
    this.#thoroughAt = performance.now()
  }

  of(subscriptions: readonly number[]): string {
    const some: Record<string, unknown> = {}
    for (const no of subscriptions) if (this.#cursors[no] !== undefined) some[no] = this.#cursors[no]
    return JSON.stringify(some)
  }

  keep(cursors: Record<string, unknown>): void {
    this.#cursors = { ...this.#cursors, ...cursors }
  }
}

const CHEAP_MS = 100
const SHARE = 30

const CLAIM: HotStatement = {
  name: "carillon_claim",
  sql: "SELECT * FROM store.claim($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
}

export async function claim(
  db: Database,
  time: ServerTime,
  request: ClaimRequest,
  cursors: ClaimCursors,
): Promise<ClaimResult> {
  // Whoever locks several subscriptions does it in one order, so that nobody waits for each other.
  const slots = (await withWork(db, request.slots, WAITING_JOBS)).toSorted(([a], [b]) => a - b)
  const subscriptions = slots.map(([subscription]) => subscription)
  const thorough = request.thorough && cursors.mayBeThorough()
  const startedAt = performance.now()
  const rows = await db.callOn("leases", CLAIM, [
    time.given,
    request.worker,
    request.group,
    arrayOf(subscriptions),
    arrayOf(slots.map(([, free]) => free)),
    JSON.stringify(request.limits),
    arrayOf(request.priorities),
    request.isolated,
    request.system,
    thorough,
    cursors.of(subscriptions),
  ])
  if (thorough) cursors.wasThorough(performance.now() - startedAt)
  const last = rows[rows.length - 1]
  if (last === undefined) return { jobs: [], nextDueAt: null } // the worker is buried
  cursors.keep(last.cursors as unknown as Record<string, unknown>)
  return { jobs: rows.slice(0, -1).map(toClaimed), nextDueAt: dueAtOf(last.next_due_at) }
}

/** Runs that wait until they are woken are due by no time. */
export function dueAtOf(value: Value | undefined): number | null {
  const dueAt = (value ?? null) as number | null
  return dueAt === null || dueAt >= UNTIL_WOKEN ? null : dueAt
}

function toClaimed(row: Row): ClaimedJob {
  return {
    no: row.no as number,
    epoch: row.epoch as number,
    kind: row.kind as ClaimedJob["kind"],
    id: row.id as string,
    subscription: row.subscription as number,
    scope: row.job_scope as string,
    key: row.job_key as string | null,
    priority: row.job_priority as number,
    attempt: row.attempt as number,
    crashes: row.crashes as number,
    isolated: row.isolated === 1,
    replay: row.replay as number,
    history: toHistory(row.history),
    event: row.commit_id === null ? null : toEvent({ ...row, id: row.event_id as string | null }),
    data: row.job_data as string | null,
  }
}
