import type { EventRow } from "../../core/event.ts"
import type { CommitQuery, ScanQuery, ScanResult } from "../../engine/queries.ts"
import { COMMITS_PER_LOOK, commitsNamed, eventsNamed } from "./named-events.ts"
import { all, type Program } from "./program.ts"
import { EVENT_COLUMNS, toEvent } from "./rows.ts"

/** The events of the next whole commits of a range, in two statements a name however many commits there are. */
export function* scan({ names, fromCommit, toCommit, limit }: ScanQuery): Program<ScanResult> {
  const most = Math.min(limit, COMMITS_PER_LOOK)
  const commits = yield* names === null
    ? allCommits(fromCommit, toCommit, most)
    : commitsOfNames(names, fromCommit, toCommit, most)
  const { taken, looked } = take(commits.slice(0, most), limit)
  const last = taken[taken.length - 1]
  if (last === undefined) return { events: [], versions: {}, cursor: null }
  const commitIds = taken.map((commit) => commit.commitId)
  const isLast = taken.length === commits.length && taken.length < most && looked < limit
  return {
    events: yield* names === null ? allEvents(commitIds) : eventsOfNames(names, commitIds),
    versions: Object.fromEntries(taken.map(({ commitId, catalogVersion }) => [commitId, catalogVersion])),
    cursor: isLast ? null : `${last.commitId}~`, // just behind it
  }
}

interface ScannedCommit {
  readonly commitId: string
  readonly events: number // all that have to be read
  readonly catalogVersion: number
}

/** Whole commits until the limit is reached; an empty one counts as well, so that there is an end. */
function take(
  commits: readonly ScannedCommit[],
  limit: number,
): { taken: readonly ScannedCommit[]; looked: number } {
  let [count, looked] = [0, 0]
  for (; count < commits.length && looked < limit; count++)
    looked += Math.max(1, (commits[count] as ScannedCommit).events)
  return { taken: commits.slice(0, count), looked }
}

function* allCommits(from: string, to: string, limit: number): Program<ScannedCommit[]> {
  const rows = yield* all(
    `SELECT commit_id, catalog_version, events FROM store.commits
     WHERE commit_id >= ? AND commit_id < ? ORDER BY commit_id LIMIT ?`,
    from,
    to,
    limit,
  )
  return rows.map((row) => ({
    commitId: row.commit_id as string,
    events: row.events as number,
    catalogVersion: row.catalog_version as number,
  }))
}

function* commitsOfNames(
  names: readonly string[],
  from: string,
  to: string,
  limit: number,
): Program<ScannedCommit[]> {
  const commits = new Map<string, ScannedCommit>()
  for (const name of names) {
    const range = { from, to, toIsIn: false, order: "ASC", limit } as const
    for (const commit of yield* commitsNamed(name, range)) commits.set(commit.commitId, commit)
  }
  return [...commits.values()].sort((a, b) => (a.commitId < b.commitId ? -1 : 1))
}

function* allEvents(commitIds: readonly string[]): Program<EventRow[]> {
  const rows = yield* all(
    `SELECT ${EVENT_COLUMNS} FROM store.events e
     WHERE e.commit_id >= ? AND e.commit_id <= ? ORDER BY e.commit_id, e.idx`,
    commitIds[0] as string,
    commitIds[commitIds.length - 1] as string,
  )
  return rows.map(toEvent)
}

function* eventsOfNames(names: readonly string[], commitIds: readonly string[]): Program<EventRow[]> {
  const events: EventRow[] = []
  for (const name of names) {
    const rows = yield* eventsNamed(name, { commitIds, order: "ASC", limit: ALL })
    events.push(...rows.map(toEvent))
  }
  return names.length === 1 ? events : events.sort(byPlace)
}

const ALL = 2 ** 31

function byPlace(a: EventRow, b: EventRow): number {
  return a.commitId === b.commitId ? a.index - b.index : a.commitId < b.commitId ? -1 : 1
}

export function* commits({ from, to, limit }: CommitQuery): Program<string[]> {
  const rows = yield* all(
    "SELECT commit_id FROM store.commits WHERE commit_id >= ? AND commit_id < ? ORDER BY commit_id LIMIT ?",
    from,
    to,
    limit,
  )
  return rows.map((row) => row.commit_id as string)
}
