import type { Webhook } from "../../../webhooks/shapes.ts"
import type { ShopAsked, ShopRoute } from "./asked.ts"
import { type Criteria, criteriaIn, type Filter } from "./criteria.ts"
import { LOG_FIELDS, type LogEntry, logEntriesOf } from "./log-entry.ts"
import { replay, trace } from "./log-trace.ts"
import { type SearchResults, search } from "./search.ts"

/** What was sent: a shop shows it on a page, and here it can be asked. */
export const logRoutes: readonly ShopRoute[] = [
  { method: "GET", path: ["async_event_logs"], act: "listLogs", audit: null, takesBody: false, handle: list },
  {
    method: "GET",
    path: ["async_event_logs", "*"],
    act: "trace",
    audit: null,
    takesBody: false,
    handle: trace,
  },
  {
    method: "POST",
    path: ["async_event_logs", "*", "replay"],
    act: "replay",
    audit: "delivery.replay",
    takesBody: true,
    handle: replay,
  },
]

interface FoundLogs extends SearchResults<LogEntry> {
  /** false = there are older ones that were not looked at. */
  readonly searched_all: boolean
}

/** The newest first, where nothing else is asked for. */
async function list({ carillon, access, query }: ShopAsked): Promise<FoundLogs> {
  const criteria = criteriaIn(query, LOG_FIELDS)
  const webhooks = await carillon.webhooks.list(access)
  const { entries, isWhole } = await look({ carillon, access, webhooks }, criteria)
  const rowOf = (entry: LogEntry): LogEntry & Record<string, string | number | boolean | null> => ({
    ...entry,
  })
  return { ...search(criteria, { all: entries, rowOf, fields: LOG_FIELDS }), searched_all: isWhole }
}

/** So many deliveries are looked at for one answer, the newest, and so many at a time. */
const MOST_LOOKED_AT = 2_000
const SLICE = 200

interface Looker extends Pick<ShopAsked, "carillon" | "access"> {
  readonly webhooks: readonly Webhook[]
}

async function look(
  { carillon, access, webhooks }: Looker,
  criteria: Criteria,
): Promise<{ readonly entries: readonly LogEntry[]; readonly isWhole: boolean }> {
  const only = onlySubscription(criteria, webhooks)
  if (webhooks.length === 0 || only === "none") return { entries: [], isWhole: true }
  const byId = new Map(webhooks.map((each) => [each.id, each]))
  const entries: LogEntry[] = []
  const asked = { ...only, name: onlyName(criteria), scopes: access.scopes, limit: SLICE }
  let cursor: string | undefined
  for (let looked = 0; looked < MOST_LOOKED_AT; looked += SLICE) {
    const page = await carillon.listDeliveries({ ...asked, cursor })
    for (const delivery of page.items) {
      const webhook = byId.get(delivery.subscription)
      if (webhook !== undefined) entries.push(...logEntriesOf(delivery, webhook).toReversed())
    }
    if (page.cursor === null) return { entries, isWhole: true }
    cursor = page.cursor
  }
  return { entries, isWhole: false }
}

/** What the store can look for itself; undefined = every subscription is meant. */
function onlySubscription(
  criteria: Criteria,
  webhooks: readonly Webhook[],
): { readonly subscription: string; readonly group: string } | "none" | undefined {
  const no = equalTo(criteria, "subscription_id")
  if (no === undefined) return undefined
  const webhook = webhooks.find((each) => each.no === Number(no))
  return webhook === undefined ? "none" : { subscription: webhook.id, group: webhook.group }
}

/** A store compares with case, and so only what has none. */
function onlyName(criteria: Criteria): string | undefined {
  const name = equalTo(criteria, "event_name")
  return name !== undefined && /^[a-z0-9._-]{1,255}$/.test(name) ? name : undefined
}

/** What a field has to be for anything to be found; undefined = that may differ. */
function equalTo({ filter_groups }: Criteria, field: string): string | undefined {
  const alone = filter_groups.flatMap(({ filters }) => (filters.length === 1 ? (filters as [Filter]) : []))
  return alone.find((each) => each.field === field && each.condition_type === "eq")?.value
}
