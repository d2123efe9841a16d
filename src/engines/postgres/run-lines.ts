import type { StepRecord } from "../../core/run.ts"
import type { Checkpoint, CloseRun, EndRun, StartRun } from "../../engine/runs.ts"
import { waitColumns } from "../sql/run-rows.ts"
import { arrayOf, joined, joinedUnlessNull, type Signs, signsFor } from "./lines.ts"

/** What whoever holds a run writes of it. */
export type RunWrite = Checkpoint | EndRun | CloseRun

const JOINS = { live: 0, done: 1, any: 2 } as const

/** The arguments of `store.start_scoped_runs` after the time. */
export function startValues(changes: readonly StartRun[]): unknown[] {
  const runs = changes.map((change) => change.run)
  const texts = (cellOf: (run: StartRun["run"]) => string | null) => runs.map(cellOf)
  const raw = [
    texts((run) => run.id),
    texts((run) => run.group),
    texts((run) => run.workflow),
    texts((run) => run.hash),
    texts((run) => run.transactionId),
    texts((run) => run.parent?.run ?? null),
    texts((run) => run.parent?.step ?? null),
  ]
  const signs = signsFor(raw.flat())
  return [
    signs.separator,
    signs.nil,
    ...raw.map((column) => joinedUnlessNull(column, signs)),
    joinedUnlessNull(
      texts((run) => run.input),
      signs,
    ),
    joined(
      texts((run) => JSON.stringify(run.context)),
      signs,
    ),
    arrayOf(runs.map((run) => run.subscription)),
    arrayUnless(
      1,
      runs.map((run) => run.priority),
    ),
    arrayOf(runs.map((run) => Math.ceil(run.dueAt))),
    arrayUnless(
      null,
      changes.map((change) => change.worker),
    ),
    arrayUnless(
      0,
      changes.map((change) => JOINS[change.join]),
    ),
    scopesOf(runs, signs),
  ]
}

/** Scopes are names, which hold no signs. */
function scopesOf(runs: readonly StartRun["run"][], signs: Signs): string | null {
  const scopes = runs.map((run) => run.scope)
  return scopes.every((scope) => scope === "") ? null : joined(scopes, signs)
}

/** Of an array that holds the usual only there is nothing to say. */
function arrayUnless(usual: number | null, values: readonly (number | null)[]): string | null {
  return values.every((value) => value === usual) ? null : arrayOf(values)
}

/** The arguments of `store.write_runs` after the time. */
export function writeValues(changes: readonly RunWrite[]): unknown[] {
  const records = changes.flatMap((change, i) =>
    recordsOf(change).map((record) => ({ record, place: i + 1 })),
  )
  const ends = changes.flatMap((change, i) => (isEnd(change) ? [{ change, place: i + 1 }] : []))
  const signs = signsFor(rawTexts(records, ends))
  return [
    signs.separator,
    signs.nil,
    arrayOf(changes.map(({ lease }) => lease.run)),
    arrayOf(changes.map(({ lease }) => lease.job)),
    arrayOf(changes.map(({ lease }) => lease.worker)),
    arrayOf(changes.map(({ lease }) => lease.epoch)),
    ...recordValues(records, signs),
    ...endValues(ends, signs),
    ...checkpointValues(changes),
  ]
}

interface Placed<T> {
  readonly place: number // of its run in the change, from 1
  readonly change: T
}

interface PlacedRecord {
  readonly place: number
  readonly record: StepRecord
}

function recordsOf(change: RunWrite): readonly StepRecord[] {
  return change.kind === "close-run" ? [] : change.records
}

function isEnd(change: RunWrite): change is EndRun | CloseRun {
  return change.kind !== "checkpoint"
}

/** A text that holds a sign would be taken apart. */
function* rawTexts(
  records: readonly PlacedRecord[],
  ends: readonly Placed<EndRun | CloseRun>[],
): Generator<string | null> {
  for (const { record } of records) {
    yield record.step
    yield record.input
    yield record.output
    yield record.undo
    yield record.error
    if (record.wait !== null) yield waitColumns(record.wait)[1] as string | null
  }
  for (const { change } of ends) {
    if (change.kind === "close-run") continue
    yield change.result
    yield change.error
  }
}

const NO_RECORDS = new Array(16).fill(null)

function recordValues(records: readonly PlacedRecord[], signs: Signs): unknown[] {
  if (records.length === 0) return NO_RECORDS
  const texts = (cellOf: (record: StepRecord) => string | null) =>
    joinedUnlessNull(
      records.map(({ record }) => cellOf(record)),
      signs,
    )
  const numbers = (cellOf: (record: StepRecord) => number | null) =>
    records.map(({ record }) => cellOf(record))
  const usual = (word: string, cellOf: (record: StepRecord) => string) =>
    records.every(({ record }) => cellOf(record) === word) ? null : texts(cellOf)
  const waits = records.some(({ record }) => record.wait !== null)
  const wait = (column: 0 | 1 | 2) =>
    waits ? texts((record) => waitColumns(record.wait)[column] as string | null) : null
  return [
    arrayOf(records.map(({ place }) => place)),
    texts((record) => record.step),
    usual("invoke", (record) => record.phase),
    arrayUnless(
      1,
      numbers((record) => record.attempt),
    ),
    usual("done", (record) => record.outcome),
    arrayOf(numbers((record) => Math.floor(record.at))),
    arrayOf(numbers((record) => Math.round(record.ms))),
    texts((record) => record.input),
    texts((record) => record.output),
    texts((record) => record.undo),
    texts((record) => storable(record.error)),
    arrayUnless(
      null,
      numbers((record) => (record.dueAt === null ? null : Math.ceil(record.dueAt))),
    ),
    wait(0),
    wait(1),
    wait(2),
    arrayOf(numbers((record) => record.worker)),
  ]
}

/** PostgreSQL's text holds everything but a zero byte; an error that holds one is still to be read. */
export function storable(error: string | null): string | null {
  return error === null ? null : error.replaceAll("\0", "\ufffd")
}

const NO_ENDS = new Array(6).fill(null)

function endValues(ends: readonly Placed<EndRun | CloseRun>[], signs: Signs): unknown[] {
  if (ends.length === 0) return NO_ENDS
  const texts = (cellOf: (change: EndRun) => string | null) =>
    ends.map(({ change }) => (change.kind === "end-run" ? cellOf(change) : null))
  const keeps = ends.map(({ change }) =>
    change.kind === "end-run" && change.keepUntil !== null ? Math.ceil(change.keepUntil) : null,
  )
  return [
    arrayOf(ends.map(({ place }) => place)),
    joined(
      texts((change) => change.state),
      signs,
    ),
    joinedUnlessNull(
      texts((change) => change.result),
      signs,
    ),
    joinedUnlessNull(
      texts((change) => storable(change.error)),
      signs,
    ),
    arrayUnless(null, keeps),
    arrayOf(ends.map(({ change }) => closesOf(change))),
  ]
}

/** As `store.write_runs` knows them. */
function closesOf(change: EndRun | CloseRun): number {
  if (change.kind === "close-run") return 2
  return change.close === "unless-staged" ? 3 : change.close ? 1 : 0
}

function checkpointValues(changes: readonly RunWrite[]): unknown[] {
  const states: unknown[] = []
  const parks: unknown[] = []
  for (const [i, change] of changes.entries()) {
    if (change.kind !== "checkpoint") continue
    const { state, park } = change
    if (state !== null) states.push([i + 1, state])
    if (park !== null)
      parks.push([i + 1, park.dueAt === null ? null : Math.ceil(park.dueAt), park.reason, park.signals])
  }
  return [states, parks].map((rows) => (rows.length === 0 ? null : JSON.stringify(rows)))
}
