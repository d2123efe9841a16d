import { commitIdFrom, type EventKey } from "../core/ids.ts"
import { isRunId } from "../core/run.ts"
import { EventView } from "../core/view.ts"
import type { QueriesPort } from "../engine/queries.ts"
import type { RunRow } from "../engine/runs.ts"

/** An event, or a run of a workflow, in the line of what caused what. */
export interface RelatedEvent {
  readonly kind: "event" | "run"
  readonly id: string
  readonly name: string | null // of a run: its workflow; null = it is not kept any more
  readonly at: Date | null // of a run: when it was started
}

/** What was emitted because of something. */
export interface Caused {
  readonly events: readonly RelatedEvent[]
  readonly searchedAll: boolean // false = more events follow than were searched
}

const MOST_CAUSES = 20
const EVENTS_SEARCHED = 5_000

/** What caused it, its cause's cause, and so on; nearest first. */
export function causesOf(queries: QueriesPort, { id, causationId }: EventView): Promise<RelatedEvent[]> {
  return lineOf(queries, id, causationId)
}

/** The same of a run, whose cause is the run that it is a step of, if any. */
export function causesOfRun(queries: QueriesPort, row: RunRow): Promise<RelatedEvent[]> {
  return lineOf(queries, row.id, causeOfRun(row))
}

function causeOfRun({ parent, context }: RunRow): string | null {
  return parent?.run ?? context.causationId
}

async function lineOf(queries: QueriesPort, self: string, first: string | null): Promise<RelatedEvent[]> {
  const causes: RelatedEvent[] = []
  const seen = new Set([self])
  for (let id = first; id !== null && !seen.has(id) && causes.length < MOST_CAUSES; ) {
    seen.add(id)
    const found = isRunId(id) ? await runCause(queries, id) : await eventCause(queries, id)
    causes.push(found.cause)
    id = found.before
  }
  return causes
}

interface Found {
  readonly cause: RelatedEvent
  readonly before: string | null // what caused that
}

async function runCause(queries: QueriesPort, id: string): Promise<Found> {
  const row = await queries.run(id)
  if (row === null) return { cause: { kind: "run", id, name: null, at: null }, before: null }
  const cause = { kind: "run", id, name: row.workflow, at: new Date(row.startedAt) } as const
  return { cause, before: causeOfRun(row) }
}

async function eventCause(queries: QueriesPort, id: string): Promise<Found> {
  const key: EventKey | null = await queries.findEvent(id)
  const row = key === null ? null : await queries.event(key)
  if (row === null) return { cause: { kind: "event", id, name: null, at: null }, before: null }
  const view = new EventView(row, row.commitId, row.index)
  return { cause: related(view), before: view.causationId }
}

/** There is no index of causes: what was emitted soon after is looked through. */
export function eventsCausedBy(queries: QueriesPort, { id, commitId }: EventView): Promise<Caused> {
  return search(queries, id, commitId, "~")
}

/** A clock that is ahead of another's, and a release that had to be tried again. */
const SLACK_MS = 1_000
const RELEASED_WITHIN_MS = 60_000

/** What steps of a run have emitted: staged, while it goes on; else as it was let go, at once or at its end. */
export async function eventsOfRun(queries: QueriesPort, row: RunRow): Promise<Caused> {
  const { id, startedAt, endedAt, context } = row
  const to = endedAt === null ? "~" : commitIdFrom(endedAt + RELEASED_WITHIN_MS)
  const first = await search(queries, id, commitIdFrom(startedAt - SLACK_MS), to)
  const late =
    first.searchedAll || endedAt === null
      ? NOTHING
      : await search(queries, id, commitIdFrom(endedAt - SLACK_MS), to)
  const staged = (await queries.staged(context.eventGroupId))
    .map((each) => new EventView(each, each.commitId, each.index))
    .filter((each) => each.causationId === id)
  const events = new Map(
    [...first.events, ...late.events, ...staged.map(related)].map((each) => [each.id, each]),
  )
  return { events: [...events.values()], searchedAll: first.searchedAll }
}

const NOTHING: Caused = { events: [], searchedAll: true }

async function search(
  queries: QueriesPort,
  id: string,
  fromCommit: string,
  toCommit: string,
): Promise<Caused> {
  const { events, cursor } = await queries.scan({ names: null, fromCommit, toCommit, limit: EVENTS_SEARCHED })
  const caused = events
    .filter((row) => row.extra?.includes(id))
    .map((row) => new EventView(row, row.commitId, row.index))
    .filter((each) => each.causationId === id)
  return { events: caused.map(related), searchedAll: cursor === null }
}

function related({ id, name, at }: EventView): RelatedEvent {
  return { kind: "event", id, name, at }
}
