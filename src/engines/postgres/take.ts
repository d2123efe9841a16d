import type { EventRow } from "../../core/event.ts"
import type { EventKey } from "../../core/ids.ts"
import type { TakenBatch, TakeRequest } from "../../engine/leases.ts"
import type { Row } from "../sql/program.ts"
import { decodeRefs } from "../sql/refs.ts"
import { EVENT_COLUMNS, toEvent } from "../sql/rows.ts"
import type { Database, HotStatement } from "./database.ts"
import { arrayOf } from "./lines.ts"
import { WAITING_PARTS, withWork } from "./waiting.ts"

/** Numbers are given before their rows can be seen: a mark stays so far behind what was taken. */
const LAG_MS = 2_000

/** Up to which number everything was taken, by group and class. */
export class TakeMarks {
  readonly #marks = new Map<string, { from: number; next: number; nextAt: number }>()

  from(place: string): number {
    return this.#marks.get(place)?.from ?? 0
  }

  taken(place: string, no: number, now: number): void {
    const mark = this.#marks.get(place)
    if (mark === undefined) this.#marks.set(place, { from: 0, next: no, nextAt: now })
    else if (now - mark.nextAt >= LAG_MS) {
      mark.from = mark.next
      mark.next = no
      mark.nextAt = now
    }
  }
}

const TAKE_BATCHES: HotStatement = {
  name: "carillon_take_batches",
  sql: "SELECT * FROM store.take_batches($1, $2, $3, $4, $5)",
}
const TAKE_PARTS: HotStatement = {
  name: "carillon_take_parts",
  sql: "SELECT * FROM store.take_parts($1, $2, $3, $4)",
}

/** Open batches and parts, each under the next epoch of its row. */
export async function take(db: Database, request: TakeRequest, marks: TakeMarks): Promise<TakenBatch[]> {
  const [batches, parts] = await Promise.all([
    request.batches > 0 ? takeBatches(db, request, marks) : [],
    request.slots.length > 0 ? takeParts(db, request) : [],
  ])
  return [...batches, ...parts]
}

/** Oldest first, whatever is in them: what the taker has no handler for it leaves as parts. */
async function takeBatches(
  db: Database,
  { worker, group, batches, priorities, thorough }: TakeRequest,
  marks: TakeMarks,
): Promise<TakenBatch[]> {
  const places = priorities.map((priority) => `${priority}/${group}`)
  const from = places.map((place) => (thorough ? 0 : marks.from(place)))
  const rows = await db.callOn("leases", TAKE_BATCHES, [
    worker,
    group,
    batches,
    arrayOf(priorities),
    arrayOf(from),
  ])
  const now = performance.now()
  for (const { priority, no } of rows) marks.taken(`${priority}/${group}`, no as number, now)
  return rows.map(toBatch)
}

function toBatch(row: Row): TakenBatch {
  return {
    source: "batch",
    no: row.no as number,
    epoch: row.epoch as number,
    takes: row.takes as number,
    catalogVersion: row.version as number,
    priority: row.priority as number,
    subscription: null,
    replay: 0,
    events: eventsOf(row),
  }
}

/** A commit's events come by column, as they went. */
function eventsOf(row: Row): EventRow[] {
  if (row.events === 0) return []
  const commitId = row.commit_id as string
  const indexes = (row.indexes as string).split(",")
  const names = row.plain ? (row.names as string).split("\n") : parsed(row.names)
  const ats = (row.ats as string).split(",")
  const data = (row.data as string).split("\n")
  const [scopes, senders, keys, ids] = [row.scopes, row.senders, row.keys, row.ids].map(parsed)
  const extras = typeof row.extras === "string" ? row.extras.split("\n") : null
  return indexes.map((index, i) => ({
    commitId,
    index: Number(index),
    name: names?.[i] as string,
    scope: scopes?.[i] ?? "",
    sender: senders?.[i] ?? null,
    key: keys?.[i] ?? null,
    at: Number(ats[i]),
    data: data[i] || null,
    extra: extras?.[i] || null,
    id: ids?.[i] ?? null,
    hash: null,
  }))
}

function parsed(text: Row[string] | undefined): (string | null)[] | null {
  return typeof text === "string" ? (JSON.parse(text) as (string | null)[]) : null
}

async function takeParts(
  db: Database,
  { worker, slots: all, priorities }: TakeRequest,
): Promise<TakenBatch[]> {
  const slots = await withWork(db, all, WAITING_PARTS)
  if (slots.length === 0) return []
  const rows = await db.callOn("leases", TAKE_PARTS, [
    worker,
    arrayOf(slots.map(([subscription]) => subscription)),
    arrayOf(slots.map(([, free]) => free)),
    arrayOf(priorities),
  ])
  if (rows.length === 0) return []
  const refs = rows.map((row) => decodeRefs(row.refs as string))
  const events = await readEvents(db, refs.flat())
  return rows.map((row, i) => ({
    source: "part",
    no: row.no as number,
    epoch: row.epoch as number,
    takes: row.takes as number,
    catalogVersion: row.version as number,
    priority: row.priority as number,
    subscription: row.subscription as number,
    replay: row.replay as number,
    events: (refs[i] as EventKey[]).flatMap((ref) => events.get(`${ref.commitId}.${ref.index}`) ?? []),
  }))
}

const READ_EVENTS: HotStatement = {
  name: "carillon_read_events",
  sql: `SELECT ${EVENT_COLUMNS} FROM store.events e WHERE e.commit_id = ANY ($1::text[])`,
}

async function readEvents(db: Database, refs: readonly EventKey[]): Promise<Map<string, EventRow>> {
  const commits = [...new Set(refs.map((ref) => ref.commitId))]
  const rows = await db.callOn("leases", READ_EVENTS, [commits])
  return new Map(rows.map((row) => [`${row.commit_id}.${row.idx}`, toEvent(row)]))
}
