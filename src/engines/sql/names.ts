import type { NameRow } from "../../engine/queries.ts"
import { ROWS_PER_LOOK } from "./look.ts"
import { get, type Program } from "./program.ts"

/** Name by name along the index, so that a name with a million commits costs what one with ten does. */
export function* names(): Program<NameRow[]> {
  const found: NameRow[] = []
  for (let name: string | null = ""; ; ) {
    name = yield* nextName(name)
    if (name === null) return found
    found.push(yield* countName(name))
  }
}

function* nextName(name: string): Program<string | null> {
  const row = yield* get("SELECT min(name) AS name FROM store.commit_names WHERE name > ?", name)
  return (row?.name as string | null | undefined) ?? null
}

function* countName(name: string): Program<NameRow> {
  const row = yield* get(
    `SELECT max(commit_id) AS last, CAST(sum(events) AS BIGINT) AS events, count(*) AS commits FROM
       (SELECT commit_id, events FROM store.commit_names WHERE name = ? ORDER BY commit_id DESC LIMIT ${ROWS_PER_LOOK}) newest`,
    name,
  )
  return {
    name,
    events: row?.events as number,
    complete: (row?.commits as number) < ROWS_PER_LOOK,
    lastCommit: row?.last as string,
  }
}
