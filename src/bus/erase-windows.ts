import { isErased } from "../core/erasure.ts"
import type { EventRow } from "../core/event.ts"
import { type EventKey, parseEventId } from "../core/ids.ts"
import { isOperational } from "../core/subscription.ts"
import { EventView } from "../core/view.ts"
import type { QueriesPort } from "../engine/queries.ts"

/** Events looked at in one step: small, so that nobody waits for it. */
const EVENTS_PER_STEP = 500

/** So many that are meant are remembered at a time. */
const MOST_MEANT = 20_000

/** The events of a stretch of time that are meant, oldest first, and how to know them again. */
export class MeantEvents {
  readonly keys: EventKey[] = []
  readonly #ids = new Set<string>()
  readonly #places = new Set<string>()

  add(view: EventView): void {
    const key = { commitId: view.commitId, index: view.index }
    this.keys.push(key)
    this.#ids.add(nameOf(view.id, view.stored.scope))
    this.#places.add(placeOf(key))
  }

  hasId(id: string, scope: string): boolean {
    return this.#ids.has(nameOf(id, scope))
  }

  hasKey(key: EventKey): boolean {
    return this.#places.has(placeOf(key))
  }
}

/** An id of ours stands for one event, a caller's for one in each scope. */
export function nameOf(id: string, scope: string): string {
  return parseEventId(id) === null ? `${scope}\n${id}` : id
}

function placeOf({ commitId, index }: EventKey): string {
  return `${commitId}.${index}`
}

export interface Stretch {
  readonly names: readonly string[] | null // exact; null = all
  readonly from: string // a commit
  readonly to: string // exclusive
  readonly isMeant: (view: EventView, row: EventRow) => boolean
}

/** No index helps to find them: every event of the names is looked at, a bounded number at a time. */
export async function* windowsOf(queries: QueriesPort, stretch: Stretch): AsyncGenerator<MeantEvents> {
  let found = new MeantEvents()
  for await (const rows of rowsOf(queries, stretch)) {
    for (const row of rows) {
      const view = isErased(row) ? null : new EventView(row, row.commitId, row.index)
      if (view !== null && stretch.isMeant(view, row)) found.add(view)
    }
    if (found.keys.length < MOST_MEANT) continue
    yield found
    found = new MeantEvents()
  }
  yield found
}

async function* rowsOf(
  queries: QueriesPort,
  { names, from, to }: Pick<Stretch, "names" | "from" | "to">,
): AsyncGenerator<readonly EventRow[]> {
  for (let cursor: string | null = from; cursor !== null; ) {
    const scan: { readonly events: readonly EventRow[]; readonly cursor: string | null } = await queries.scan(
      { names, fromCommit: cursor, toCommit: to, limit: EVENTS_PER_STEP },
    )
    yield scan.events
    cursor = scan.cursor
  }
}

/** Carillon's own events that tell of these events and runs: they say their keys and errors. */
export async function echoesOf(
  queries: QueriesPort,
  from: string,
  isAbout: (causationId: string, scope: string) => boolean,
): Promise<EventKey[]> {
  const names = (await queries.names()).map(({ name }) => name).filter(isOperational)
  if (names.length === 0) return []
  const keys: EventKey[] = []
  for await (const rows of rowsOf(queries, { names, from, to: "~" }))
    for (const row of rows) {
      const { causationId } = isErased(row) ? NO_CAUSE : new EventView(row, row.commitId, row.index)
      if (causationId !== null && isAbout(causationId, row.scope))
        keys.push({ commitId: row.commitId, index: row.index })
    }
  return keys
}

const NO_CAUSE = { causationId: null }
