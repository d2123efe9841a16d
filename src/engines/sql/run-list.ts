import type { StepRecord } from "../../core/run.ts"
import type { Page } from "../../engine/queries.ts"
import type { RunQuery, RunRow, WaitQuery, WaitRow } from "../../engine/runs.ts"
import { all, get, type Program, type Row } from "./program.ts"
import { conditionsOf } from "./run-conditions.ts"
import { LIVE, RUN_COLUMNS, RUN_SOURCE, toFilter, toRun, toStep } from "./run-rows.ts"
import { runsOfScopes } from "./run-scopes.ts"

export function* run(id: string): Program<RunRow | null> {
  const row = yield* get(`SELECT ${RUN_COLUMNS} FROM ${RUN_SOURCE} WHERE r.id = ?`, id)
  return row === undefined ? null : toRun(row)
}

export function* runOf(
  group: string | null,
  workflow: string,
  transactionId: string,
  scope: string | null,
): Program<RunRow | null> {
  const row = yield* get(
    `SELECT ${RUN_COLUMNS} FROM ${RUN_SOURCE}
     WHERE r.transaction_id = ? AND r.workflow = ? ${scope === null ? "" : "AND r.scope = ?"}
       ${group === null ? "" : "AND r.group_name = ?"}
     ORDER BY r.no DESC LIMIT 1`,
    transactionId,
    workflow,
    ...(scope === null ? [] : [scope]),
    ...(group === null ? [] : [group]),
  )
  return row === undefined ? null : toRun(row)
}

export function* runSteps(no: number): Program<readonly StepRecord[]> {
  const rows = yield* all("SELECT * FROM store.run_steps WHERE run = ? ORDER BY position", no)
  return rows.map(toStep)
}

/** Newest first. A page may be short before the end: one call looks at a bounded number of rows. */
export function* runs(query: RunQuery): Program<Page<RunRow>> {
  const { transactionId, parent, state, from, to, scopes } = query
  if (scopes?.length === 0) return { items: [], cursor: null }
  const isNarrow = transactionId !== undefined || parent !== undefined
  if (!isNarrow && (state === "invoking" || state === "compensating")) return yield* liveRuns(query)
  if (!isNarrow && scopes !== undefined) return yield* runsOfScopes({ ...query, scopes })
  const end = yield* endOf(query)
  const wades = !isNarrow && (state === "done" || from !== undefined || to !== undefined)
  return yield* runsBetween(query, wades ? end - NUMBERS_PER_LOOK : 0, end)
}

/** No index is in the order of what is asked here as well, so a span of numbers is looked through at a time. */
const NUMBERS_PER_LOOK = 20_000

/**
 * A list of every scope has a number as its cursor. That of some scopes has a run's id, one of theirs, for numbers would
 * tell how many runs others have; where it is not kept any more, the one before it counts.
 */
function* endOf({ cursor }: RunQuery): Program<number> {
  if (cursor?.startsWith("run_")) return yield* numberOf(cursor)
  if (cursor !== undefined) return Number(cursor)
  const row = yield* get("SELECT max(no) + 1 AS no FROM store.runs")
  return (row?.no as number | null | undefined) ?? 0
}

function* numberOf(id: string): Program<number> {
  const row =
    (yield* get("SELECT no FROM store.runs WHERE id = ?", id)) ??
    (yield* get("SELECT no + 1 AS no FROM store.runs WHERE id < ? ORDER BY id DESC LIMIT 1", id))
  return (row?.no as number | undefined) ?? 0
}

function* runsBetween(query: RunQuery, start: number, end: number): Program<Page<RunRow>> {
  const { where, values } = conditionsOf(query)
  const rows = yield* all(
    `SELECT ${RUN_COLUMNS} FROM ${RUN_SOURCE}
     WHERE ${["r.no < ?", "r.no >= ?", ...where].join(" AND ")} ORDER BY r.no DESC LIMIT ?`,
    end,
    start,
    ...values,
    query.limit,
  )
  const page = pageOf(rows, query)
  return page.cursor === null && start > 1 ? { ...page, cursor: String(start) } : page
}

/**
 * By the index of those that are live, which are few among all: the sums and joins of texts keep the planners from
 * indexes in which the others stand as well. Whole rows are read once it is clear which.
 */
function* liveRuns(query: RunQuery): Program<Page<RunRow>> {
  const { where, values } = conditionsOf(query)
  const conditions = where.map((each) => each.replace("r.workflow =", "r.workflow || '' ="))
  const rows = yield* all(
    `SELECT ${RUN_COLUMNS} FROM ${RUN_SOURCE}
     WHERE r.no IN (SELECT r.no FROM store.runs r WHERE r.no + 0 < ? AND ${conditions.join(" AND ")}
       ORDER BY r.no + 0 DESC LIMIT ?)
     ORDER BY r.no DESC`,
    yield* endOf(query),
    ...values,
    query.limit,
  )
  return pageOf(rows, query)
}

function pageOf(rows: readonly Row[], { limit, scopes }: RunQuery): Page<RunRow> {
  const last = rows[rows.length - 1]
  const cursor = scopes === undefined ? last?.no : last?.id
  return { items: rows.map(toRun), cursor: rows.length === limit && last ? String(cursor) : null }
}

/** By the run's number and the step's name. */
export function* waits(query: WaitQuery): Program<Page<WaitRow>> {
  const { group, scope, event, cursor, limit } = query
  const [no, step] = cursor === undefined ? [0, ""] : (JSON.parse(cursor) as [number, string])
  const rows = yield* all(
    `SELECT s.run, s.step, s.wait, r.id, r.started_at
     FROM store.run_steps s JOIN store.runs r ON r.no = s.run
     WHERE s.wait_kind = 'event' AND s.outcome = 'waiting' AND s.wait_name = ? AND (s.run, s.step) > (?, ?)
       AND r.group_name = ? AND r.state IN ${LIVE} ${scope === undefined ? "" : "AND r.scope = ?"}
     ORDER BY s.run, s.step LIMIT ?`,
    event,
    no,
    step,
    group,
    ...(scope === undefined ? [] : [scope]),
    limit,
  )
  const last = rows[rows.length - 1]
  return {
    items: rows.map((row) => ({
      run: row.id as string,
      step: row.step as string,
      filter: toFilter(row.wait),
      startedAt: row.started_at as number,
    })),
    cursor: rows.length === limit && last ? JSON.stringify([last.run, last.step]) : null,
  }
}
