import type { ListPage } from "../bus/listing.ts"
import { InvalidInputError } from "../core/errors.ts"
import type { Cursors } from "./cursors.ts"

/** Where a list is, and who seals its cursors. */
export interface WholeListRequest<T> {
  readonly query: { readonly limit?: number | undefined; readonly cursor?: string | undefined }
  readonly cursors: Cursors
  /** What an item is known by, unlike all others of the list. */
  readonly keyOf: (item: T) => string
}

const USUAL_LIMIT = 50

/**
 * A page of a list that is short enough to be looked at whole. It goes on behind the item that came last; where that
 * one is gone meanwhile, at its place.
 */
export function pageOfWhole<T>(
  all: readonly T[],
  { query, cursors, keyOf }: WholeListRequest<T>,
): ListPage<T> {
  const start = startOf(all, cursors.open(query.cursor), keyOf)
  const end = start + (query.limit ?? USUAL_LIMIT)
  const items = all.slice(start, end)
  const last = items.at(-1)
  const isEnd = last === undefined || end >= all.length
  return { items, cursor: isEnd ? null : cursors.seal(`${end - 1} ${keyOf(last)}`) }
}

function startOf<T>(all: readonly T[], cursor: string | undefined, keyOf: (item: T) => string): number {
  if (cursor === undefined) return 0
  const [, place, key] = /^(\d+) (.*)$/s.exec(cursor) ?? []
  if (place === undefined)
    throw new InvalidInputError("Expected a cursor that this list returned, got another.")
  const found = all.findIndex((item) => keyOf(item) === key)
  return found === -1 ? Number(place) : found + 1
}
