import type { EventKey } from "../../core/ids.ts"

/** The events of a part as they stand in its row, with the commits between which they lie. */
export interface StoredRefs {
  readonly refs: string
  readonly firstCommit: string
  readonly lastCommit: string
}

/** `[[commit, index, index, …], …]`: most parts speak of one commit only. */
export function encodeRefs(refs: readonly EventKey[]): StoredRefs {
  const byCommit = new Map<string, number[]>()
  for (const ref of refs) {
    const indexes = byCommit.get(ref.commitId)
    if (indexes === undefined) byCommit.set(ref.commitId, [ref.index])
    else indexes.push(ref.index)
  }
  const commits = [...byCommit.keys()].sort()
  return {
    refs: JSON.stringify([...byCommit].map(([commitId, indexes]) => [commitId, ...indexes])),
    firstCommit: commits[0] as string,
    lastCommit: commits[commits.length - 1] as string,
  }
}

export function decodeRefs(text: string): EventKey[] {
  const refs: EventKey[] = []
  for (const [commitId, ...indexes] of JSON.parse(text) as [string, ...number[]][]) {
    for (const index of indexes) refs.push({ commitId, index })
  }
  return refs
}
