import { erasedExtra, isErased } from "../core/erasure.ts"
import type { EventRow } from "../core/event.ts"
import { type EventKey, eventId } from "../core/ids.ts"
import { EventView } from "../core/view.ts"
import type { ErasedEvent } from "../engine/erasure.ts"
import type { TraceRows } from "../engine/queries.ts"
import { nameOf } from "./erase-windows.ts"
import type { StaffSources } from "./staff.ts"

/** An event that is meant, with what is open of it and what is to be left of it. */
export interface EraseLook {
  readonly id: string
  readonly name: string // its id, and its scope where that is needed
  readonly place: string
  readonly change: ErasedEvent
  readonly jobs: number
  readonly waitingJobs: number
  readonly waiting: number // with what waits together with others
  readonly running: number
}

/** Null = it is gone, or erased already. */
export async function lookAt(
  { engine, catalog, now }: StaffSources,
  key: EventKey,
  { asksForSender }: { readonly asksForSender: boolean },
): Promise<EraseLook | null> {
  const row = await engine.queries.event(key)
  if (row === null || isErased(row)) return null
  const view = new EventView(row, row.commitId, row.index)
  const rows = await engine.queries.traceOf(key)
  const router = await catalog.routerOf(rows.catalogVersion ?? catalog.version)
  const to = router.subscriptionsOf(view).map(({ no }) => no)
  return {
    id: view.id,
    name: nameOf(view.id, row.scope),
    place: placeOf(key),
    change: leftOf(row, { at: now(), to }, asksForSender),
    ...openOf(rows),
  }
}

export function placeOf({ commitId, index }: EventKey): string {
  return eventId(commitId, index)
}

function leftOf(
  { commitId, index, extra, sender }: EventRow,
  erased: Parameters<typeof erasedExtra>[1],
  asksForSender: boolean,
): ErasedEvent {
  return { commitId, index, extra: erasedExtra(extra, erased), sender: asksForSender ? null : sender }
}

function openOf({ batches, parts, jobs }: TraceRows) {
  const together = [...batches, ...parts]
  const waitingJobs = jobs.filter(({ state }) => state === "waiting").length
  return {
    jobs: jobs.length,
    waitingJobs,
    waiting: waitingJobs + together.filter(({ state }) => state === "open").length,
    running: [...jobs, ...together].filter(({ state }) => state === "leased").length,
  }
}
