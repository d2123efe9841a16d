import { WAITING } from "../core/job.ts"
import type { AppendEvents, AppendResult, Change, ChangeResult } from "../engine/commit.ts"

/** Whom a commit concerns beside the process that wrote it: these groups; null = everybody. */
export type Concerned = readonly string[] | null

type Written = Extract<ChangeResult, { readonly status: "ok" }>

/**
 * Who should hear of what was written. What the writing worker runs itself, or looks for itself when it
 * is due, concerns nobody else: a hint makes every worker of a group look.
 */
export function concernedBy(
  changes: readonly Change[],
  results: readonly ChangeResult[],
  ownGroup: string,
): Concerned {
  const groups = new Set<string>()
  for (const [i, change] of changes.entries()) {
    const result = results[i]
    if (result?.status !== "ok") continue
    if (isForEverybody(change, result)) return null
    if (change.kind === "append") addOpen(groups, change, result.append)
    else for (const group of groupsOf(change, result, ownGroup)) groups.add(group)
  }
  return [...groups]
}

/** The catalog changed, or jobs of groups that are not named did. */
function isForEverybody(change: Change, { count }: Written): boolean {
  switch (change.kind) {
    case "put-subscription":
    case "redrive":
    case "cancel":
      return count !== 0
    case "end-subscription":
    case "put-replay":
      return true
    default:
      return false
  }
}

/** What was not born leased, whatever was asked for: the worker may have been given up for dead meanwhile. */
function addOpen(groups: Set<string>, { batches, jobs, parts }: AppendEvents, append?: AppendResult): void {
  let leased = 0
  for (const [i, batch] of batches.entries())
    if (batch.worker === null || append?.batches[i]?.epoch === 0) groups.add(batch.group)
  for (const job of jobs) if (!job.leased || append?.jobs[leased++]?.epoch !== 1) groups.add(job.group)
  for (const part of parts) groups.add(part.group)
}

function groupsOf(change: Change, { count, parked }: Written, ownGroup: string): string[] {
  switch (change.kind) {
    case "settle-batch":
    case "advance-replay": {
      // One that was tried waits for its retry, and whoever settled it will look by then.
      const untried = change.jobs.filter((job) => job.state === WAITING && job.attempt === 0)
      return [...change.parts, ...untried].map((each) => each.group)
    }
    case "settle-job": // handed back as it came: another may have it
      return change.outcome.kind === "retry" && change.record === null ? [ownGroup] : []
    case "start-run": // what is leased to its starter, or joined, is nobody else's to take
      return change.worker === null ? [change.run.group] : []
    case "end-run": // a parent of it waited, or it is to be undone first
      return count === 0 && parked !== true ? [] : [ownGroup]
    case "signal-run":
      return [change.group ?? ownGroup]
    case "put-schedule":
      return [ownGroup]
    default:
      return []
  }
}
