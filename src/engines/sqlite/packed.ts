import type { StoredEvent } from "../../core/event.ts"

export type Cell = string | number | null

/** The columns of an event on its way to the store. */
export const COLUMNS = ["name", "scope", "sender", "key", "at", "data", "extra", "id", "hash"] as const
type Column = (typeof COLUMNS)[number]

/**
 * Events by column, a column that is the same all over as one value: what a commit holds is alike in
 * most of its columns, and every cell that is not sent to the other thread is time.
 */
export type PackedEvents = { readonly count: number } & {
  readonly [C in Column]: { readonly same: Cell } | { readonly each: readonly Cell[] }
}

export function packEvents(events: readonly StoredEvent[]): PackedEvents {
  const packed: Record<string, unknown> = { count: events.length }
  for (const column of COLUMNS) packed[column] = packColumn(events, column)
  return packed as PackedEvents
}

function packColumn(events: readonly StoredEvent[], column: Column): { same: Cell } | { each: Cell[] } {
  const first = events[0]?.[column] ?? null
  for (let i = 1; i < events.length; i++) {
    if (events[i]?.[column] !== first) return { each: events.map((event) => event[column]) }
  }
  return { same: first }
}

export function cell(packed: PackedEvents, column: Column, index: number): Cell {
  const values = packed[column]
  return "same" in values ? values.same : (values.each[index] as Cell)
}

/** Is this column the same value in all of them? */
export function isAll(packed: PackedEvents, column: Column, value: Cell): boolean {
  const values = packed[column]
  return "same" in values && values.same === value
}
