import type { OpenWorkQuery, OpenWorkRow, Page } from "../../engine/queries.ts"
import { LAST_NUMBER } from "./look.ts"
import { listOf } from "./places.ts"
import { all, type Program, type Row } from "./program.ts"
import { decodeRefs } from "./refs.ts"
import { toBatch, toPart } from "./trace.ts"

/** Newest first. */
export function* openWork(query: OpenWorkQuery): Program<Page<OpenWorkRow>> {
  const ofSome = query.source === "part" && query.subscriptions !== undefined
  const list = listOf(ofSome ? (query.subscriptions ?? []) : [])
  const rows = yield* all(
    `SELECT * FROM store.${query.source === "batch" ? "batches" : "parts"}
     WHERE state = ${query.state === "leased" ? 1 : 0} AND no < ?
       ${ofSome ? `AND subscription IN ${list.places}` : ""}
     ORDER BY no DESC LIMIT ?`,
    Number(query.cursor ?? LAST_NUMBER),
    ...list.values,
    query.limit,
  )
  const last = rows[rows.length - 1]
  return {
    items: rows.map(query.source === "batch" ? openBatch : openPart),
    cursor: rows.length === query.limit && last ? String(last.no) : null,
  }
}

function openBatch(row: Row): OpenWorkRow {
  const { no, group, priority, worker, createdAt } = toBatch(row)
  return {
    source: "batch",
    no,
    group,
    priority,
    worker,
    createdAt,
    subscription: null,
    commitId: row.commit_id as string,
    refs: [],
    replay: 0,
    reason: "queued",
  }
}

function openPart(row: Row): OpenWorkRow {
  const { no, group, subscription, replay, priority, reason, worker, createdAt } = toPart(row)
  return {
    source: "part",
    no,
    group,
    subscription,
    commitId: row.first_commit as string,
    refs: decodeRefs(row.refs as string),
    replay,
    priority,
    reason,
    worker,
    createdAt,
  }
}
