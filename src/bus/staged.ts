import type { DraftEvent, EventExtra, EventInput, EventRow } from "../core/event.ts"

/** A staged event, ready to be emitted under the id it has. */
export function stagedDraft(row: EventRow): DraftEvent {
  const extra = extraOf(row)
  return { ...row, priority: extra.priority ?? 1, deliverAt: extra.deliverAt ?? null }
}

/** A staged event as its emitter said it, for interceptors. */
export function stagedInput(row: EventRow): EventInput {
  return {
    name: row.name,
    data: row.data === null ? undefined : JSON.parse(row.data),
    metadata: extraOf(row).metadata ?? {},
  }
}

function extraOf({ extra }: EventRow): EventExtra {
  return extra === null ? {} : (JSON.parse(extra) as EventExtra)
}
