import type { EventKey } from "../../core/ids.ts"
import type { NewPart } from "../../engine/commit.ts"
import type { Database } from "./database.ts"

export function insertPart(db: Database, part: NewPart, now: number): void {
  if (part.refs.length === 0) return
  const commits = part.refs.map((ref) => ref.commitId).sort()
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
    encodeRefs(part.refs),
    part.refs.length,
    commits[0] as string,
    commits[commits.length - 1] as string,
    now,
  )
}

/** `[[commit, index, index, …], …]`: most parts speak of one commit only. */
function encodeRefs(refs: readonly EventKey[]): string {
  const byCommit = new Map<string, number[]>()
  for (const ref of refs) {
    const indexes = byCommit.get(ref.commitId)
    if (indexes === undefined) byCommit.set(ref.commitId, [ref.index])
    else indexes.push(ref.index)
  }
  return JSON.stringify([...byCommit].map(([commitId, indexes]) => [commitId, ...indexes]))
}

export function decodeRefs(text: string): EventKey[] {
  const refs: EventKey[] = []
  for (const [commitId, ...indexes] of JSON.parse(text) as [string, ...number[]][]) {
    for (const index of indexes) refs.push({ commitId, index })
  }
  return refs
}
