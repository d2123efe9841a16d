import { commitIdFrom } from "../core/ids.ts"
import { isRunId } from "../core/run.ts"
import { isWithin, type Scopes } from "../core/scope.ts"
import { EventView } from "../core/view.ts"
import type { QueriesPort } from "../engine/queries.ts"
import type { RunRow } from "../engine/runs.ts"
import { findEventWithin, isRunWithin, scopeOf } from "./within.ts"

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
export function causesOf(queries: QueriesPort, event: EventView, scopes?: Scopes): Promise<RelatedEvent[]> {
  return lineOf(queries, { id: event.id, cause: event.causationId, scope: event.stored.scope }, scopes)
}

/** The same of a run, whose cause is the run that it is a step of, if any. */
export function causesOfRun(queries: QueriesPort, row: RunRow, scopes?: Scopes): Promise<RelatedEvent[]> {
  return lineOf(queries, { id: row.id, cause: causeOfRun(row), scope: scopeOf(row) }, scopes)
}

function causeOfRun({ parent, context }: RunRow): string | null {
  return parent?.run ?? context.causationId
}

/** Something that is in the line, and what caused it. */
interface Link {
  readonly id: string
  readonly cause: string | null
  readonly scope: string
}

async function lineOf(queries: QueriesPort, self: Link, scopes?: Scopes): Promise<RelatedEvent[]> {
  const causes: RelatedEvent[] = []
  const seen = new Set([self.id])
  for (let link: Link | null = self; link !== null && causes.length < MOST_CAUSES; ) {
    const { cause: id, scope }: Link = link
    if (id === null || seen.has(id)) break
    seen.add(id)
    const found: Found = await (isRunId(id)
      ? runCause(queries, id, scopes)
      : eventCause(queries, id, scope, scopes))
    causes.push(found.cause)
    link = found.link
  }
  return causes
}

interface Found {
  readonly cause: RelatedEvent
  readonly link: Link | null // null = the line ends here, for all that one may know
}

async function runCause(queries: QueriesPort, id: string, scopes?: Scopes): Promise<Found> {
  const row = await queries.run(id)
  if (row === null || !isRunWithin(row, scopes))
    return { cause: { kind: "run", id, name: null, at: null }, link: null }
  const cause = { kind: "run", id, name: row.workflow, at: new Date(row.startedAt) } as const
  return { cause, link: { id, cause: causeOfRun(row), scope: scopeOf(row) } }
}

/** Several scopes may have the id: an event is mostly caused by one of its own. */
async function eventCause(queries: QueriesPort, id: string, scope: string, scopes?: Scopes): Promise<Found> {
  const row = (await findEventWithin(queries, id, [scope])) ?? (await findEventWithin(queries, id, scopes))
  if (row === null || !isWithin(scopes, row.scope))
    return { cause: { kind: "event", id, name: null, at: null }, link: null }
  const view = new EventView(row, row.commitId, row.index)
  return { cause: related(view), link: { id, cause: view.causationId, scope: row.scope } }
}

/** There is no index of causes: what was emitted soon after is looked through. */
export function eventsCausedBy(
  queries: QueriesPort,
  { id, commitId }: EventView,
  scopes?: Scopes,
): Promise<Caused> {
  return search(queries, { id, scopes, from: commitId, to: "~" })
}

/** A clock that is ahead of another's, and a release that had to be tried again. */
const SLACK_MS = 1_000
const RELEASED_WITHIN_MS = 60_000

/** What steps of a run have emitted: staged, while it goes on; else as it was let go, at once or at its end. */
export async function eventsOfRun(queries: QueriesPort, row: RunRow, scopes?: Scopes): Promise<Caused> {
  const { id, startedAt, endedAt, context } = row
  const to = endedAt === null ? "~" : commitIdFrom(endedAt + RELEASED_WITHIN_MS)
  const first = await search(queries, { id, scopes, from: commitIdFrom(startedAt - SLACK_MS), to })
  const late =
    first.searchedAll || endedAt === null
      ? NOTHING
      : await search(queries, { id, scopes, from: commitIdFrom(endedAt - SLACK_MS), to })
  const staged = (await queries.staged(context.eventGroupId))
    .filter((each) => isWithin(scopes, each.scope))
    .map((each) => new EventView(each, each.commitId, each.index))
    .filter((each) => each.causationId === id)
  const events = new Map(
    [...first.events, ...late.events, ...staged.map(related)].map((each) => [each.id, each]),
  )
  return { events: [...events.values()], searchedAll: first.searchedAll }
}

const NOTHING: Caused = { events: [], searchedAll: true }

interface Search {
  readonly id: string
  readonly scopes: Scopes | undefined
  readonly from: string // a commit
  readonly to: string
}

async function search(queries: QueriesPort, { id, scopes, from, to }: Search): Promise<Caused> {
  const range = { names: null, fromCommit: from, toCommit: to, limit: EVENTS_SEARCHED }
  const { events, cursor } = await queries.scan(range)
  const caused = events
    .filter((row) => row.extra?.includes(id) && isWithin(scopes, row.scope))
    .map((row) => new EventView(row, row.commitId, row.index))
    .filter((each) => each.causationId === id)
  return { events: caused.map(related), searchedAll: cursor === null }
}

function related({ id, name, at }: EventView): RelatedEvent {
  return { kind: "event", id, name, at }
}
