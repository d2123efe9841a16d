import type { NewPart } from "../../engine/commit.ts"
import { encodeRefs } from "../sql/refs.ts"
import type { Database } from "./database.ts"

export { decodeRefs } from "../sql/refs.ts"

/** A part is born open; one that holds nothing is not written. */
export function insertPart(db: Database, part: NewPart, now: number): void {
  if (part.refs.length === 0) return
  const { refs, firstCommit, lastCommit } = encodeRefs(part.refs)
  db.run(
    `INSERT INTO parts (group_name, subscription, replay, priority, reason, catalog_version, refs, size,
       first_commit, last_commit, state, worker, epoch, takes, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, NULL, 0, 0, ?)`,
    part.group,
    part.subscription,
    part.replay,
    part.priority,
    part.reason,
    part.catalogVersion,
    refs,
    part.refs.length,
    firstCommit,
    lastCommit,
    now,
  )
}
