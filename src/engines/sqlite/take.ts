import type { EventRow } from "../../core/event.ts"
import type { TakenBatch, TakeRequest } from "../../engine/leases.ts"
import type { Database, Row } from "./database.ts"
import { decodeRefs } from "./parts.ts"
import { EVENT_COLUMNS, toEvent } from "./rows.ts"
import { WAITING_PARTS, withWork } from "./waiting.ts"
import { isJoined } from "./workers.ts"

/** Open batches and parts, each under the next epoch of its row. */
export function take(db: Database, request: TakeRequest): TakenBatch[] {
  return db.transaction(() => {
    if (!isJoined(db, request.worker)) return []
    return [...takeBatches(db, request), ...takeParts(db, request)]
  }, true)
}

/** Oldest first, whatever is in them: what the taker has no handler for it leaves as parts. */
function takeBatches(db: Database, { worker, group, batches, priorities }: TakeRequest): TakenBatch[] {
  const taken: TakenBatch[] = []
  for (const priority of priorities) {
    if (taken.length >= batches) break
    const rows = db.all(
      `SELECT no, commit_id, epoch, takes FROM batches
       WHERE state = 0 AND group_name = ? AND priority = ? ORDER BY no LIMIT ?`,
      group,
      priority,
      batches - taken.length,
    )
    for (const row of rows) taken.push(takeBatch(db, row, worker, priority))
  }
  return taken
}

function takeBatch(db: Database, row: Row, worker: number, priority: number): TakenBatch {
  const epoch = (row.epoch as number) + 1
  const takes = (row.takes as number) + 1
  db.run(
    "UPDATE batches SET state = 1, worker = ?, epoch = ?, takes = ? WHERE no = ?",
    worker,
    epoch,
    takes,
    row.no as number,
  )
  const commitId = row.commit_id as string
  const version = db.get("SELECT catalog_version FROM commits WHERE commit_id = ?", commitId)
  return {
    source: "batch",
    no: row.no as number,
    epoch,
    takes,
    catalogVersion: version?.catalog_version as number,
    priority,
    subscription: null,
    replay: 0,
    events: db
      .all(`SELECT ${EVENT_COLUMNS} FROM events e WHERE e.commit_id = ? ORDER BY e.idx`, commitId)
      .map(toEvent),
  }
}

function takeParts(db: Database, { worker, slots, priorities }: TakeRequest): TakenBatch[] {
  const taken: TakenBatch[] = []
  for (const [subscription, free] of withWork(db, slots, WAITING_PARTS)) {
    let room = free
    for (const priority of priorities) {
      if (room <= 0) break
      const rows = db.all(
        `SELECT no, refs, size, epoch, takes, replay, catalog_version FROM parts
         WHERE state = 0 AND subscription = ? AND priority = ? ORDER BY no LIMIT ?`,
        subscription,
        priority,
        Math.ceil(room / 50),
      )
      for (const row of rows) {
        if (room <= 0) break
        room -= row.size as number
        taken.push(takePart(db, row, { worker, subscription, priority }))
      }
    }
  }
  return taken
}

function takePart(
  db: Database,
  row: Row,
  { worker, subscription, priority }: { worker: number; subscription: number; priority: number },
): TakenBatch {
  const epoch = (row.epoch as number) + 1
  const takes = (row.takes as number) + 1
  const replay = row.replay as number
  db.run(
    "UPDATE parts SET state = 1, worker = ?, epoch = ?, takes = ? WHERE no = ?",
    worker,
    epoch,
    takes,
    row.no as number,
  )
  const events: EventRow[] = []
  for (const ref of decodeRefs(row.refs as string)) {
    const event = db.get(
      `SELECT ${EVENT_COLUMNS} FROM events e WHERE e.commit_id = ? AND e.idx = ?`,
      ref.commitId,
      ref.index,
    )
    if (event !== undefined) events.push(toEvent(event))
  }
  return {
    source: "part",
    no: row.no as number,
    epoch,
    takes,
    catalogVersion: row.catalog_version as number,
    priority,
    subscription,
    replay,
    events,
  }
}
