import { JOB_STATES } from "../../core/job.ts"
import type { JobQuery, JobRow, ListedJob, Page } from "../../engine/queries.ts"
import { LAST_NUMBER, ROWS_PER_LOOK } from "./look.ts"
import { listOf } from "./places.ts"
import { all, get, type Program, type Row, type Value } from "./program.ts"
import { toJob } from "./rows.ts"

export function* job(id: string): Program<JobRow | null> {
  const row = yield* get("SELECT * FROM store.jobs WHERE id = ?", id)
  return row === undefined ? null : toJob(row)
}

/** Newest first. A page may be short before the end: one call looks at a bounded number of rows. */
export function* jobs(query: JobQuery): Program<Page<ListedJob>> {
  const page = query.state === "dead" ? yield* deadJobs(query) : yield* anyJobs(query)
  return {
    items: page.items.map((row) => ({
      ...toJob(row),
      eventName: row.event_name as string | null,
      eventId: row.event_id as string | null,
    })),
    cursor: page.cursor,
  }
}

const LISTED_JOBS = `SELECT j.*, e.name AS event_name, e.id AS event_id
  FROM store.jobs j LEFT JOIN store.events e ON e.commit_id = j.commit_id AND e.idx = j.idx`

/** Most jobs have ended and no index tells them apart, so a span of row numbers is looked through at a time. */
const NUMBERS_PER_LOOK = 50_000

function* anyJobs(query: JobQuery): Program<Page<Row>> {
  const { where, values } = conditionsOf(query)
  if (query.subscriptions !== undefined) {
    const list = listOf(query.subscriptions)
    where.push(`j.subscription IN ${list.places}`)
    values.push(...list.values)
  }
  const end = query.cursor === undefined ? yield* lastNumber() : Number(query.cursor)
  const start = end - NUMBERS_PER_LOOK
  const rows = yield* all(
    `${LISTED_JOBS} WHERE ${["j.no < ?", "j.no >= ?", ...where].join(" AND ")} ORDER BY j.no DESC LIMIT ?`,
    end,
    start,
    ...values,
    query.limit,
  )
  const last = rows[rows.length - 1]
  if (rows.length === query.limit && last) return { items: rows, cursor: String(last.no) }
  return { items: rows, cursor: start > 1 ? String(start) : null }
}

function* lastNumber(): Program<number> {
  const row = yield* get("SELECT max(no) + 1 AS no FROM store.jobs")
  return (row?.no as number | null | undefined) ?? 0
}

/** Dead letters have an index by subscription, so each is read from its newest end, however many jobs there are. */
function* deadJobs(query: JobQuery): Program<Page<Row>> {
  const { name, scopes } = query
  const numbers = query.subscriptions ?? (yield* subscriptionNumbers())
  const isNarrow = name !== undefined || scopes !== undefined
  const look = isNarrow ? Math.max(query.limit, Math.ceil(ROWS_PER_LOOK / numbers.length)) : query.limit
  const { where, values } = conditionsOf({ ...query, name: undefined, scopes: undefined })
  const conditions = ["j.subscription = ?", "j.no < ?", ...where].join(" AND ")
  const before = Number(query.cursor ?? LAST_NUMBER)
  const found: Row[] = []
  for (const no of numbers) {
    const sql = `${LISTED_JOBS} WHERE ${conditions} ORDER BY j.no DESC LIMIT ?`
    found.push(...(yield* all(sql, no, before, ...values, look)))
  }
  const rows = found.sort((a, b) => (b.no as number) - (a.no as number)).slice(0, look)
  const isMeant = ({ event_name, scope }: Row): boolean =>
    (name === undefined || event_name === name) && (scopes === undefined || scopes.includes(scope as string))
  const items = rows.filter(isMeant)
  const last = items.length >= query.limit ? items[query.limit - 1] : rows[look - 1]
  return { items: items.slice(0, query.limit), cursor: last === undefined ? null : String(last.no) }
}

function* subscriptionNumbers(): Program<number[]> {
  const rows = yield* all("SELECT no FROM store.subscriptions")
  return rows.map((row) => row.no as number)
}

function conditionsOf(query: JobQuery): { where: string[]; values: Value[] } {
  const where: string[] = []
  const values: Value[] = []
  const add = (condition: string, value: Value | undefined): void => {
    if (value === undefined) return
    where.push(condition)
    values.push(value)
  }
  // The number stands in the text, so that the partial indexes of a state can be used.
  if (query.state !== undefined) where.push(`j.state = ${JOB_STATES.indexOf(query.state)}`)
  add("j.kind = ?", query.kind)
  add("e.name = ?", query.name)
  if (query.scopes !== undefined) {
    const list = listOf(query.scopes)
    where.push(`j.scope IN ${list.places}`)
    values.push(...list.values)
  }
  add("j.created_at >= ?", query.from)
  add("j.created_at < ?", query.to)
  return { where, values }
}
