import { parseDeliveryId } from "../core/ids.ts"
import { scopeKeys } from "../core/scope.ts"
import { EventView } from "../core/view.ts"
import type { QueriesPort } from "../engine/queries.ts"
import { type EventReport, eventReport } from "./event-report.ts"
import { notFound } from "./trace.ts"
import { eventWithin, findEventWithin, type WithinScopes } from "./within.ts"

/** One event, staged ones too, by its id or a delivery's. @throws NotFoundError */
export async function eventOf(
  queries: QueriesPort,
  id: string,
  within: WithinScopes = {},
): Promise<EventReport> {
  const scopes = scopeKeys(within.scopes)
  const asked = parseDeliveryId(id)
  const row = await (asked === null
    ? findEventWithin(queries, id, scopes)
    : eventWithin(queries, asked, scopes))
  const found =
    row ?? (await queries.findStaged(id, scopes)) ?? (await notFound(queries, id, asked !== null, scopes))
  return eventReport(new EventView(found, found.commitId, found.index))
}
