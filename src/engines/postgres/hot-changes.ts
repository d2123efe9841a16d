import type {
  AppendEvents,
  Change,
  ChangeResult,
  MarkJob,
  SettleBatch,
  SettleJob,
} from "../../engine/commit.ts"
import type { StartRun } from "../../engine/runs.ts"
import type { Answer, Call, Reader } from "./call.ts"
import type { RunWrite } from "./run-lines.ts"
import { roundsOf } from "./run-rounds.ts"

/** What one statement of stored functions can say; it is one transaction and one round trip. */
export type HotChange = AppendEvents | SettleBatch | SettleJob | MarkJob | StartRun | RunWrite

const HOT: ReadonlySet<Change["kind"]> = new Set<HotChange["kind"]>([
  "append",
  "settle-batch",
  "settle-job",
  "mark-job",
  "start-run",
  "checkpoint",
  "end-run",
  "close-run",
])

export function isHot(change: Change): change is HotChange {
  return HOT.has(change.kind)
}

/** What a stored function can say, too, unless it is unusual. */
export function isMostlyHot(change: Change): boolean {
  return change.kind === "stage" || change.kind === "signal-run"
}

/**
 * Puts changes together by kind. Marks come first, for a settle ends what they mark; a run starts after those
 * that end, and is signalled after what was written of it.
 */
export function addAll(call: Call, changes: readonly Change[]): Reader[] {
  const readers: Reader[] = new Array(changes.length)
  for (const { change, i } of ofKind(changes, "mark-job")) readers[i] = call.mark(change)
  const batches = ofKind(changes, "settle-batch")
  if (batches.length > 0) addEach(readers, batches, (all) => call.settleBatches(all))
  const jobs = ofKind(changes, "settle-job")
  if (jobs.length > 0) addEach(readers, jobs, (all) => call.settleJobs(all))
  for (const writes of roundsOf(ofKind(changes, "checkpoint", "end-run", "close-run")))
    addEach(readers, writes, (all) => call.writeRuns(all))
  const starts = ofKind(changes, "start-run")
  if (starts.length > 0) addEach(readers, starts, (all) => call.startRuns(all))
  const signals = ofKind(changes, "signal-run")
  if (signals.length > 0) addEach(readers, signals, (all) => call.signalRuns(all))
  const stages = ofKind(changes, "stage")
  if (stages.length > 0) addEach(readers, stages, (all) => call.stage(all))
  for (const { change, i } of ofKind(changes, "append")) readers[i] = call.append(change)
  return readers
}

interface Placed<C> {
  readonly change: C
  readonly i: number
}

function ofKind<K extends Change["kind"]>(
  changes: readonly Change[],
  ...kinds: readonly K[]
): Placed<Extract<Change, { kind: K }>>[] {
  const found: Placed<Extract<Change, { kind: K }>>[] = []
  changes.forEach((change, i) => {
    if ((kinds as readonly string[]).includes(change.kind))
      found.push({ change: change as Extract<Change, { kind: K }>, i })
  })
  return found
}

function addEach<C>(
  readers: Reader[],
  placed: readonly Placed<C>[],
  add: (changes: readonly C[]) => (row: Answer) => ChangeResult[],
): void {
  const read = add(placed.map((each) => each.change))
  let results: ChangeResult[] | null = null
  for (const [place, { i }] of placed.entries())
    readers[i] = (row) => {
      results ??= read(row)
      return results[place] as ChangeResult
    }
}
