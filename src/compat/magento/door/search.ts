import { compare, type Fields, holds, type Row } from "./conditions.ts"
import type { Criteria } from "./criteria.ts"

/** What a shop answers to a search. */
export interface SearchResults<T> {
  readonly items: readonly T[]
  readonly search_criteria: Criteria
  readonly total_count: number
}

export interface Searched<T> {
  readonly all: readonly T[]
  /** What of one can be searched. */
  readonly rowOf: (one: T) => Row
  readonly fields: Fields
}

/** Those for which in each group one filter holds, sorted, and of them a page. */
export function search<T>(criteria: Criteria, { all, rowOf, fields }: Searched<T>): SearchResults<T> {
  const found = all.map((one) => ({ one, row: rowOf(one) })).filter(({ row }) => fits(row, criteria, fields))
  found.sort((a, b) => order(a.row, b.row, criteria, fields))
  const items = pageOf(found, criteria).map(({ one }) => one)
  return { items, search_criteria: criteria, total_count: found.length }
}

function fits(row: Row, { filter_groups }: Criteria, fields: Fields): boolean {
  return filter_groups.every(
    ({ filters }) =>
      filters.length === 0 || filters.some((each) => holds(row, each, fields[each.field] ?? "text")),
  )
}

function order(one: Row, other: Row, { sort_orders = [] }: Criteria, fields: Fields): number {
  for (const { field, direction } of sort_orders) {
    const difference = compare(one, other, field, fields[field] ?? "text")
    if (difference !== 0) return direction === "ASC" ? difference : -difference
  }
  return 0
}

/** Without a size it is all of them. After the last page come empty ones, as in a shop from Magento 2.4 on. */
function pageOf<T>(found: readonly T[], { page_size: size = 0, current_page = 1 }: Criteria): readonly T[] {
  if (size === 0) return found
  const from = (Math.max(1, current_page) - 1) * size
  return found.slice(from, from + size)
}
