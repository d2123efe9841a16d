import type { EventRow } from "../../core/event.ts"
import { commitIdFrom, deliveryPrefix, type EventKey, parseEventId } from "../../core/ids.ts"
import { JOB_STATES } from "../../core/job.ts"
import type { Catalog, SubscriptionDefinition } from "../../core/subscription.ts"
import type {
  BatchRow,
  CommitQuery,
  EventQuery,
  JobQuery,
  JobRow,
  LagRow,
  ListedJob,
  NameRow,
  OldRows,
  OpenWorkQuery,
  OpenWorkRow,
  Page,
  PartRow,
  ScanQuery,
  ScanResult,
  StagedGroupRow,
  TraceRows,
  WorkerRow,
} from "../../engine/queries.ts"
import type { Database, Row } from "./database.ts"
import { decodeRefs } from "./parts.ts"
import { EVENT_COLUMNS, toEvent, toJob } from "./rows.ts"

/** No list reads further than this in one call: what holds the store up holds the road up. */
const ROWS_PER_LOOK = 5_000

export function catalog(db: Database): Catalog {
  const version = db.get("SELECT value FROM meta WHERE name = 'catalog_version'")?.value as number
  const rows = db.all(
    `SELECT s.no, s.id, s.group_name, s.worker, v.from_version, v.to_version, v.definition
     FROM subscription_versions v JOIN subscriptions s ON s.no = v.subscription
     ORDER BY s.no, v.from_version`,
  )
  return {
    version,
    subscriptions: rows.map((row) => ({
      no: row.no as number,
      id: row.id as string,
      group: row.group_name as string,
      ephemeral: row.worker !== null,
      fromVersion: row.from_version as number,
      toVersion: row.to_version as number | null,
      definition: JSON.parse(row.definition as string) as SubscriptionDefinition,
    })),
  }
}

export function event(db: Database, key: EventKey): EventRow | null {
  const row = db.get(
    `SELECT ${EVENT_COLUMNS} FROM events e WHERE e.commit_id = ? AND e.idx = ?`,
    key.commitId,
    key.index,
  )
  return row === undefined ? null : toEvent(row)
}

export function findEvent(db: Database, id: string): EventKey | null {
  const row = db.get("SELECT commit_id, idx FROM event_ids WHERE id = ? ORDER BY commit_id DESC LIMIT 1", id)
  if (row !== undefined) return { commitId: row.commit_id as string, index: row.idx as number }
  return parseEventId(id)
}

/** Newest first. A page may be short before the end: one call looks at a bounded number of rows. */
export function events(db: Database, query: EventQuery): Page<EventRow> {
  const from = commitIdFrom(query.from ?? 0)
  const cursor = parseCursor(query.cursor) ?? { commitId: commitIdFrom(query.to ?? MAX_TIME), index: 0 }
  return query.name === undefined
    ? eventsOfAll(db, query, from, cursor)
    : eventsOfName(db, query, from, cursor)
}

const MAX_TIME = 2 ** 47

function eventsOfAll(db: Database, query: EventQuery, from: string, cursor: EventKey): Page<EventRow> {
  const rows = db.all(
    `SELECT ${EVENT_COLUMNS} FROM events e
     WHERE (e.commit_id, e.idx) < (?, ?) AND e.commit_id >= ?
     ORDER BY e.commit_id DESC, e.idx DESC LIMIT ?`,
    cursor.commitId,
    cursor.index,
    from,
    query.scope === undefined ? query.limit : ROWS_PER_LOOK,
  )
  const items: EventRow[] = []
  for (const row of rows) {
    if (query.scope !== undefined && row.scope !== query.scope) continue
    items.push(toEvent(row))
    if (items.length === query.limit) return { items, cursor: cursorOf(row) }
  }
  const last = rows[rows.length - 1]
  const full = rows.length === (query.scope === undefined ? query.limit : ROWS_PER_LOOK)
  return { items, cursor: full && last ? cursorOf(last) : null }
}

function eventsOfName(db: Database, query: EventQuery, from: string, cursor: EventKey): Page<EventRow> {
  const name = query.name as string
  const items: EventRow[] = []
  let commitId = cursor.commitId
  let before = cursor.index
  for (let looked = 0; looked < ROWS_PER_LOOK; ) {
    if (before === 0) {
      const next = db.get(
        "SELECT commit_id FROM commit_names WHERE name = ? AND commit_id < ? AND commit_id >= ? ORDER BY commit_id DESC LIMIT 1",
        name,
        commitId,
        from,
      )
      if (next === undefined) return { items, cursor: null }
      commitId = next.commit_id as string
      before = Number.MAX_SAFE_INTEGER
    }
    const rows = db.all(
      `SELECT ${EVENT_COLUMNS} FROM events e WHERE e.commit_id = ? AND e.idx < ? ORDER BY e.idx DESC`,
      commitId,
      before,
    )
    for (const row of rows) {
      looked++
      if (row.name !== name || (query.scope !== undefined && row.scope !== query.scope)) continue
      items.push(toEvent(row))
      if (items.length === query.limit) return { items, cursor: cursorOf(row) }
    }
    before = 0
  }
  return { items, cursor: `${commitId}.0` }
}

function cursorOf(row: Row): string {
  return `${row.commit_id}.${row.idx}`
}

function parseCursor(cursor: string | undefined): EventKey | null {
  if (cursor === undefined) return null
  const [commitId, index] = cursor.split(".")
  return { commitId: commitId as string, index: Number(index) }
}

export function scan(db: Database, { names, fromCommit, toCommit, limit }: ScanQuery): ScanResult {
  const found: EventRow[] = []
  const versions: Record<string, number> = {}
  let at = fromCommit
  for (let looked = 0; looked < limit; ) {
    const commitId = nextCommit(db, names, at, toCommit)
    if (commitId === null) return { events: found, versions, cursor: null }
    const version = db.get("SELECT catalog_version FROM commits WHERE commit_id = ?", commitId)
    versions[commitId] = (version?.catalog_version as number | undefined) ?? 0
    const rows = db.all(
      `SELECT ${EVENT_COLUMNS} FROM events e WHERE e.commit_id = ? ORDER BY e.idx`,
      commitId,
    )
    for (const row of rows) if (names === null || names.includes(row.name as string)) found.push(toEvent(row))
    looked += Math.max(1, rows.length)
    at = `${commitId}~` // just behind it
  }
  return { events: found, versions, cursor: at }
}

function nextCommit(db: Database, names: readonly string[] | null, from: string, to: string): string | null {
  if (names === null) {
    const row = db.get(
      "SELECT min(commit_id) AS id FROM commits WHERE commit_id >= ? AND commit_id < ?",
      from,
      to,
    )
    return (row?.id as string | null) ?? null
  }
  let first: string | null = null
  for (const name of names) {
    const row = db.get(
      "SELECT min(commit_id) AS id FROM commit_names WHERE name = ? AND commit_id >= ? AND commit_id < ?",
      name,
      from,
      to,
    )
    const id = (row?.id as string | null) ?? null
    if (id !== null && (first === null || id < first)) first = id
  }
  return first
}

const TRACE_STATES = ["open", "leased", "closed"] as const

export function traceOf(db: Database, key: EventKey): TraceRows {
  const commit = db.get("SELECT catalog_version FROM commits WHERE commit_id = ?", key.commitId)
  const prefix = deliveryPrefix(key.commitId, key.index)
  return {
    catalogVersion: (commit?.catalog_version as number | undefined) ?? null,
    batches: db.all("SELECT * FROM batches WHERE commit_id = ? ORDER BY no", key.commitId).map(toBatch),
    parts: db
      .all(
        "SELECT * FROM parts WHERE last_commit >= ? AND first_commit <= ? ORDER BY no",
        key.commitId,
        key.commitId,
      )
      .filter((row) =>
        decodeRefs(row.refs as string).some(
          (ref) => ref.commitId === key.commitId && ref.index === key.index,
        ),
      )
      .map(toPart),
    jobs: db.all("SELECT * FROM jobs WHERE id >= ? AND id < ? ORDER BY no", prefix, `${prefix}~`).map(toJob),
  }
}

function toBatch(row: Row): BatchRow {
  return {
    no: row.no as number,
    group: row.group_name as string,
    priority: row.priority as number,
    state: TRACE_STATES[row.state as number] ?? "open",
    worker: row.worker as number | null,
    takes: row.takes as number,
    createdAt: row.created_at as number,
    closedAt: row.closed_at as number | null,
    outcome: row.outcome === null ? null : JSON.parse(row.outcome as string),
  }
}

function toPart(row: Row): PartRow {
  const cancelled = row.outcome === '"cancelled"'
  return {
    no: row.no as number,
    group: row.group_name as string,
    subscription: row.subscription as number,
    replay: row.replay as number,
    priority: row.priority as number,
    state: TRACE_STATES[row.state as number] ?? "open",
    reason: cancelled ? "cancelled" : (row.reason as string),
    worker: row.worker as number | null,
    takes: row.takes as number,
    createdAt: row.created_at as number,
    closedAt: row.closed_at as number | null,
  }
}

export function commits(db: Database, { from, to, limit }: CommitQuery): string[] {
  const rows = db.all(
    "SELECT commit_id FROM commits WHERE commit_id >= ? AND commit_id < ? ORDER BY commit_id LIMIT ?",
    from,
    to,
    limit,
  )
  return rows.map((row) => row.commit_id as string)
}

/** Newest first. A page may be short before the end: one call looks at a bounded number of rows. */
export function jobs(db: Database, query: JobQuery): Page<ListedJob> {
  const page = query.state === "dead" ? deadJobs(db, query) : anyJobs(db, query)
  return {
    items: page.items.map((row) => ({ ...toJob(row), eventName: row.event_name as string | null })),
    cursor: page.cursor,
  }
}

const LISTED_JOBS = `SELECT j.*, e.name AS event_name
  FROM jobs j LEFT JOIN events e ON e.commit_id = j.commit_id AND e.idx = j.idx`

/** Most jobs have ended and no index tells them apart, so a span of row numbers is looked through at a time. */
const NUMBERS_PER_LOOK = 50_000

function anyJobs(db: Database, query: JobQuery): Page<Row> {
  const { where, values } = jobConditions(query)
  if (query.subscriptions !== undefined) {
    where.push(`j.subscription IN (${query.subscriptions.map(() => "?").join(", ")})`)
    values.push(...query.subscriptions)
  }
  const end = Number(query.cursor ?? (db.get("SELECT max(no) + 1 AS no FROM jobs")?.no as number | null) ?? 0)
  const start = end - NUMBERS_PER_LOOK
  const rows = db.all(
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

/** Dead letters have an index by subscription, so each is read from its newest end, however many jobs there are. */
function deadJobs(db: Database, query: JobQuery): Page<Row> {
  const look = query.name === undefined ? query.limit : ROWS_PER_LOOK
  const { where, values } = jobConditions({ ...query, name: undefined })
  const subscriptions = query.subscriptions ?? db.all("SELECT no FROM subscriptions").map((row) => row.no)
  const conditions = ["j.subscription = ?", "j.no < ?", ...where].join(" AND ")
  const sql = `${LISTED_JOBS} WHERE ${conditions} ORDER BY j.no DESC LIMIT ?`
  const before = Number(query.cursor ?? Number.MAX_SAFE_INTEGER)
  const rows = subscriptions
    .flatMap((no) => db.all(sql, no as number, before, ...values, look))
    .sort((a, b) => (b.no as number) - (a.no as number))
    .slice(0, look)
  const items = rows.filter((row) => query.name === undefined || row.event_name === query.name)
  const last = items.length >= query.limit ? items[query.limit - 1] : rows[look - 1]
  return { items: items.slice(0, query.limit), cursor: last === undefined ? null : String(last.no) }
}

function jobConditions(query: JobQuery): { where: string[]; values: (string | number)[] } {
  const where: string[] = []
  const values: (string | number)[] = []
  // The number stands in the text, so that the partial indexes of a state can be used.
  if (query.state !== undefined) where.push(`j.state = ${JOB_STATES.indexOf(query.state)}`)
  if (query.kind !== undefined) {
    where.push("j.kind = ?")
    values.push(query.kind)
  }
  if (query.name !== undefined) {
    where.push("e.name = ?")
    values.push(query.name)
  }
  if (query.from !== undefined) {
    where.push("j.created_at >= ?")
    values.push(query.from)
  }
  if (query.to !== undefined) {
    where.push("j.created_at < ?")
    values.push(query.to)
  }
  return { where, values }
}

export function job(db: Database, id: string): JobRow | null {
  const row = db.get("SELECT * FROM jobs WHERE id = ?", id)
  return row === undefined ? null : toJob(row)
}

/** Newest first. */
export function openWork(db: Database, query: OpenWorkQuery): Page<OpenWorkRow> {
  const state = query.state === "leased" ? 1 : 0
  const values: number[] = [Number(query.cursor ?? Number.MAX_SAFE_INTEGER)]
  let filter = ""
  if (query.source === "part" && query.subscriptions !== undefined) {
    filter = `AND subscription IN (${query.subscriptions.map(() => "?").join(", ")})`
    values.push(...query.subscriptions)
  }
  const rows = db.all(
    `SELECT * FROM ${query.source === "batch" ? "batches" : "parts"}
     WHERE state = ${state} AND no < ? ${filter} ORDER BY no DESC LIMIT ?`,
    ...values,
    query.limit,
  )
  const last = rows[rows.length - 1]
  const items = rows.map((row) => (query.source === "batch" ? openBatch(row) : openPart(row)))
  return { items, cursor: rows.length === query.limit && last ? String(last.no) : null }
}

function openBatch(row: Row): OpenWorkRow {
  const { no, group, priority, worker, createdAt } = toBatch(row)
  const commitId = row.commit_id as string
  return {
    source: "batch",
    no,
    group,
    priority,
    worker,
    createdAt,
    subscription: null,
    commitId,
    refs: [],
    replay: 0,
    reason: "queued",
  }
}

function openPart(row: Row): OpenWorkRow {
  const { no, group, subscription, replay, priority, reason, worker, createdAt } = toPart(row)
  const commitId = row.first_commit as string
  const refs = decodeRefs(row.refs as string)
  return {
    source: "part",
    no,
    group,
    subscription,
    commitId,
    refs,
    replay,
    priority,
    reason,
    worker,
    createdAt,
  }
}

/** How much is older: the most that could be pruned; what open work still needs is not taken off. */
export function countBefore(db: Database, { events, dead }: { events: number; dead: number }): OldRows {
  const count = (sql: string, ...values: (string | number)[]): number =>
    (db.get(sql, ...values)?.n ?? 0) as number
  return {
    events: count("SELECT sum(events) AS n FROM commits WHERE commit_id < ?", commitIdFrom(events)),
    jobs: count(
      "SELECT count(*) AS n FROM jobs WHERE state > 1 AND updated_at < ? AND state IN (2, 4)",
      events,
    ),
    dead: count("SELECT count(*) AS n FROM jobs WHERE state > 1 AND updated_at < ? AND state = 3", dead),
  }
}

export function names(db: Database): NameRow[] {
  const found: NameRow[] = []
  let name = ""
  for (;;) {
    const next = db.get("SELECT min(name) AS name FROM commit_names WHERE name > ?", name)?.name as
      | string
      | null
    if (next === null || next === undefined) return found
    name = next
    const row = db.get(
      `SELECT max(commit_id) AS last, sum(events) AS events, count(*) AS commits FROM
         (SELECT commit_id, events FROM commit_names WHERE name = ? ORDER BY commit_id DESC LIMIT ${ROWS_PER_LOOK})`,
      name,
    )
    found.push({
      name,
      events: row?.events as number,
      complete: (row?.commits as number) < ROWS_PER_LOOK,
      lastCommit: row?.last as string,
    })
  }
}

export function workers(db: Database): WorkerRow[] {
  return db.all("SELECT * FROM workers ORDER BY no").map((row) => ({
    no: row.no as number,
    group: row.group_name as string,
    name: row.name as string,
    host: row.host as string,
    pid: row.pid as number,
    startedAt: row.started_at as number,
    seenAt: row.seen_at as number,
    expiresAt: row.expires_at as number,
    handles: JSON.parse(row.handles as string) as number[],
  }))
}

/** All that wait, as the partial indexes know them: what has ended, which is most, is not waded through. */
const WAITING_JOBS = [
  "state = 0 AND key IS NULL AND isolated = 0",
  "state = 0 AND isolated = 1",
  "state < 2 AND state = 0 AND key IS NOT NULL AND isolated = 0",
]

/** What is unfinished, by subscription; open batches are counted by what was routed into them. */
export function lag(db: Database): LagRow[] {
  const rows = new Map<number, { waiting: number; leased: number; dead: number; oldestAt: number | null }>()
  const add = (
    subscription: number,
    kind: "waiting" | "leased" | "dead",
    count: number,
    at: number | null,
  ): void => {
    const row = rows.get(subscription) ?? { waiting: 0, leased: 0, dead: 0, oldestAt: null }
    row[kind] += count
    if (at !== null && (row.oldestAt === null || at < row.oldestAt)) row.oldestAt = at
    rows.set(subscription, row)
  }
  for (const row of db.all(
    `${WAITING_JOBS.map(
      (where) => `SELECT subscription, 0 AS state, count(*) AS n,
       min(CASE WHEN reason = 'delayed' THEN max(created_at, due_at) ELSE created_at END) AS oldest
     FROM jobs WHERE ${where} GROUP BY subscription`,
    ).join(" UNION ALL ")}
     UNION ALL SELECT subscription, 1, count(*), min(created_at) FROM jobs WHERE state = 1 GROUP BY subscription
     UNION ALL SELECT subscription, 3, count(*), NULL FROM jobs WHERE state = 3 GROUP BY subscription`,
  )) {
    const kind = row.state === 3 ? "dead" : row.state === 1 ? "leased" : "waiting"
    if (row.subscription !== 0)
      add(row.subscription as number, kind, row.n as number, row.oldest as number | null)
  }
  for (const state of [0, 1]) {
    const kind = state === 1 ? "leased" : "waiting"
    for (const row of db.all(
      `SELECT subscription, sum(size) AS n, min(created_at) AS oldest FROM parts WHERE state = ${state} GROUP BY subscription`,
    )) {
      add(row.subscription as number, kind, row.n as number, row.oldest as number)
    }
    for (const row of db.all(`SELECT deliveries, created_at FROM batches WHERE state = ${state}`)) {
      for (const [no, count] of Object.entries(
        JSON.parse(row.deliveries as string) as Record<string, number>,
      )) {
        add(Number(no), kind, count, row.created_at as number)
      }
    }
  }
  return [...rows].map(([subscription, row]) => ({ subscription, ...row }))
}

export function staged(db: Database, eventGroupId: string): EventRow[] {
  const rows = db.all(
    `SELECT e.commit_id, e.idx, e.name, e.scope, e.sender, e.key, e.at, e.data, e.extra, e.id, e.hash
     FROM staged e WHERE e.event_group = ? ORDER BY e.commit_id, e.idx`,
    eventGroupId,
  )
  return rows.map((row) => ({ ...toEvent(row), hash: row.hash as string | null }))
}

export function stagedGroups(db: Database): StagedGroupRow[] {
  return db
    .all(
      "SELECT event_group, count(*) AS events, min(at) AS oldest FROM staged GROUP BY event_group ORDER BY oldest",
    )
    .map((row) => ({
      eventGroupId: row.event_group as string,
      events: row.events as number,
      oldestAt: row.oldest as number,
    }))
}
