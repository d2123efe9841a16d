import { expected, NotFoundError } from "../core/errors.ts"
import { eventId, parseDeliveryId } from "../core/ids.ts"
import { isWithin, scopeKeys } from "../core/scope.ts"
import { EventView } from "../core/view.ts"
import { type DeliveryReport, reportOfJob, reportsWithin, shownWithin } from "./delivery-report.ts"
import { lookAtStaff, type StaffSources } from "./staff.ts"
import { eventWithin, type WithinScopes } from "./within.ts"

/** One delivery by its id. @throws NotFoundError, also for one of an event outside of the scopes */
export async function deliveryOf(
  sources: StaffSources,
  id: string,
  within: WithinScopes = {},
): Promise<DeliveryReport> {
  const scopes = scopeKeys(within.scopes)
  const report = (await beside(sources, id, scopes)) ?? (await alone(sources, id, scopes))
  if (report !== null) return report
  throw new NotFoundError(
    `${expected("the id of a delivery", id)} There is none here. It may be past retention, or in another database.`,
  )
}

/** As it stands in the trace of its event; null = that is not there, or was not delivered so. */
async function beside(
  sources: StaffSources,
  id: string,
  scopes: readonly string[] | undefined,
): Promise<DeliveryReport | null> {
  const { queries } = sources.engine
  const key = parseDeliveryId(id)
  const row = key === null ? null : await eventWithin(queries, key, scopes)
  if (row === null) return null
  const view = new EventView(row, row.commitId, row.index)
  const rows = await queries.traceOf(row)
  const staff = await lookAtStaff(sources)
  const router = await sources.catalog.routerOf(rows.catalogVersion ?? sources.catalog.version)
  const all = reportsWithin(scopes, view, rows, router, staff)
  return all.find((each) => each.deliveryId === id) ?? null
}

/** A dead letter outlives its event. */
async function alone(
  sources: StaffSources,
  id: string,
  scopes: readonly string[] | undefined,
): Promise<DeliveryReport | null> {
  const job = parseDeliveryId(id) === null ? null : await sources.engine.queries.job(id)
  if (job === null || job.commitId === null || !isWithin(scopes, job.scope)) return null
  const staff = await lookAtStaff(sources)
  const no = job.subscription
  const removed = { no, id: `removed subscription ${no}`, group: job.group, definition: null }
  const named = sources.catalog.subscriptions.findLast((each) => each.no === no) ?? removed
  const report = reportOfJob(job, named, eventId(job.commitId, job.index), null, staff)
  return shownWithin(scopes, report, named)
}
