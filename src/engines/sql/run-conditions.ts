import { isEnded, type RunState } from "../../core/run.ts"
import type { RunQuery } from "../../engine/runs.ts"
import type { Value } from "./program.ts"
import { LIVE } from "./run-rows.ts"

/** What a run `r` has to be like. */
export function conditionsOf(query: RunQuery): { where: string[]; values: Value[] } {
  const where: string[] = []
  const values: Value[] = []
  const add = (condition: string, value: Value | undefined): void => {
    if (value === undefined) return
    where.push(condition)
    values.push(value)
  }
  if (query.state !== undefined) where.push(...inState(query.state))
  add("r.workflow = ?", query.workflow)
  if (query.scopes !== undefined) {
    where.push(`r.scope || '' IN (${query.scopes.map(() => "?").join(", ")})`)
    values.push(...query.scopes)
  }
  add("r.transaction_id = ?", query.transactionId)
  add("r.parent_run = ?", query.parent)
  add("r.started_at >= ?", query.from)
  add("r.started_at < ?", query.to)
  return { where, values }
}

/** The words stand in the text, as they do in the partial indexes, so that these can be used. */
function inState(state: RunState): string[] {
  if (state === "done") return ["r.state = 'done'"]
  const all = isEnded(state) ? "('reverted', 'failed')" : LIVE
  return [`r.state IN ${all}`, `r.state = '${state}'`]
}
