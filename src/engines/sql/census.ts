import { commitIdFrom } from "../../core/ids.ts"
import type { OldRows, WorkerRow } from "../../engine/queries.ts"
import { all, get, type Program, type Value } from "./program.ts"

export function* workers(): Program<WorkerRow[]> {
  const rows = yield* all("SELECT * FROM store.workers ORDER BY no")
  return rows.map((row) => ({
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

/** How much is older: the most that could be pruned; what open work still needs is not taken off. */
export function* countBefore({ events, dead }: { events: number; dead: number }): Program<OldRows> {
  const ended =
    "SELECT count(*) AS n FROM store.jobs WHERE state > 1 AND updated_at < ? AND kind NOT IN ('run', 'schedule') AND"
  return {
    events: yield* count(
      "SELECT CAST(sum(events) AS BIGINT) AS n FROM store.commits WHERE commit_id < ?",
      commitIdFrom(events),
    ),
    jobs: yield* count(`${ended} state IN (2, 4)`, events),
    dead: yield* count(`${ended} state = 3`, dead),
  }
}

function* count(sql: string, ...values: Value[]): Program<number> {
  return ((yield* get(sql, ...values))?.n ?? 0) as number
}
