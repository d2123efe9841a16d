import { parse } from "qs"
import { CONDITION_TYPES, type ConditionType, type Fields, READS_TIMES, timeIn } from "./conditions.ts"
import { required, ShopRefusal, wrongType } from "./refusals.ts"
import { checkFields, isRecord, spelled } from "./spelling.ts"
import { wholeOf } from "./values.ts"

/** What is searched for: in each group one of its filters holds. */
export interface Criteria {
  readonly filter_groups: readonly FilterGroup[]
  readonly sort_orders?: readonly SortOrder[]
  readonly page_size?: number
  readonly current_page?: number
}

export interface FilterGroup {
  readonly filters: readonly Filter[]
}

export interface Filter {
  readonly field: string
  readonly value: string
  readonly condition_type: ConditionType
}

export interface SortOrder {
  readonly field: string
  readonly direction: "ASC" | "DESC"
}

/** The query of a request, with its brackets unfolded. */
export function queryIn(target: string): Readonly<Record<string, unknown>> {
  const at = target.indexOf("?")
  return at === -1 ? {} : parse(target.slice(at + 1), { depth: 8, parameterLimit: 1_000, arrayLimit: 1_000 })
}

/**
 * What the query searches for, by fields that can be.
 *
 * @throws ShopRefusal where `searchCriteria` is missing altogether, or cannot be
 */
export function criteriaIn(query: Readonly<Record<string, unknown>>, fields: Fields): Criteria {
  const given = spelled(query, "search_criteria")
  if (given === undefined) throw required("searchCriteria")
  if (given === "") return { filter_groups: [] }
  if (!isRecord(given)) throw wrongType(given, "array")
  checkFields(given, ["filter_groups", "sort_orders", "page_size", "current_page"])
  const [sorts, size, page] = ["sort_orders", "page_size", "current_page"].map((name) => spelled(given, name))
  return {
    filter_groups: listOf(spelled(given, "filter_groups")).map((group) => groupOf(group, fields)),
    ...(sorts === undefined ? {} : { sort_orders: listOf(sorts).map((sort) => sortOf(sort, fields)) }),
    ...(size === undefined ? {} : { page_size: wholeOf(size) }),
    ...(page === undefined ? {} : { current_page: wholeOf(page) }),
  }
}

/** Indexes need not be without gaps, nor numbers. */
function listOf(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  if (value === undefined || value === "") return []
  if (typeof value !== "object" || value === null) throw wrongType(value, "array")
  return Object.values(value).map((each) => {
    if (isRecord(each)) return each
    throw wrongType(each, "array")
  })
}

function groupOf(group: Readonly<Record<string, unknown>>, fields: Fields): FilterGroup {
  checkFields(group, ["filters"])
  return { filters: listOf(spelled(group, "filters")).map((filter) => filterOf(filter, fields)) }
}

function filterOf(filter: Readonly<Record<string, unknown>>, fields: Fields): Filter {
  checkFields(filter, ["field", "value", "condition_type"])
  const type = String(spelled(filter, "condition_type") ?? "eq").toLowerCase()
  const value = spelled(filter, "value") ?? ""
  if (!CONDITION_TYPES.includes(type as ConditionType))
    throw new ShopRefusal(400, "The condition type %1 is not supported. There are: %2.", [
      type.slice(0, 100),
      CONDITION_TYPES.join(", "),
    ])
  const field = fieldOf(filter, fields)
  const read = {
    field,
    value: Array.isArray(value) ? value.join(",") : scalar(value),
    condition_type: type as ConditionType,
  }
  if (fields[field] === "time") checkTimes(read)
  return read
}

/** Before what is no time nothing is, or everything. */
function checkTimes({ condition_type: type, value }: Filter): void {
  if (!READS_TIMES.includes(type)) return
  const given = type === "in" || type === "nin" ? value.split(",") : [value]
  const wrong = given.find((each) => timeIn(each) === null)
  if (wrong !== undefined) throw wrongType(wrong, "datetime")
}

function scalar(value: unknown): string {
  if (typeof value === "string") return value
  throw wrongType(value, "string")
}

function sortOf(sort: Readonly<Record<string, unknown>>, fields: Fields): SortOrder {
  checkFields(sort, ["field", "direction"])
  const direction = String(spelled(sort, "direction") ?? "DESC").toUpperCase()
  if (direction !== "ASC" && direction !== "DESC") throw wrongType(direction, "string")
  return { field: fieldOf(sort, fields), direction }
}

function fieldOf(record: Readonly<Record<string, unknown>>, fields: Fields): string {
  const field = spelled(record, "field")
  if (field === undefined) throw required("field")
  if (typeof field === "string" && Object.hasOwn(fields, field)) return field
  throw new ShopRefusal(400, "The field %1 cannot be searched by. There are: %2.", [
    String(field).slice(0, 100),
    Object.keys(fields).join(", "),
  ])
}
