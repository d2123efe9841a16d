import type { DeliverySelection } from "../../bus/selection.ts"
import {
  cancel,
  cancelDelivery,
  getDelivery,
  listDeadLetters,
  listDeliveries,
  redrive,
  redriveDelivery,
} from "../../contract/deliveries.ts"
import { type Served, serve } from "../served.ts"

export const deliveryRoutes: readonly Served[] = [
  serve(listDeliveries, async ({ carillon, query, scopes, cursors }) => {
    const { scope: _, ...filters } = query
    const cursor = cursors.open(query.cursor)
    const page = await carillon.listDeliveries({ ...filters, scopes, cursor })
    return { items: page.items, cursor: cursors.seal(page.cursor) }
  }),
  serve(listDeadLetters, async ({ carillon, query, scopes, cursors }) => {
    const { scope: _, ...filters } = query
    const page = await carillon.deadLetters({ ...filters, scopes, cursor: cursors.open(query.cursor) })
    return { items: page.items, cursor: cursors.seal(page.cursor) }
  }),
  serve(getDelivery, ({ carillon, params, scopes }) => carillon.delivery(params.id, { scopes })),
  serve(redriveDelivery, async ({ carillon, params, scopes, note }) => {
    const result = await carillon.redrive({ ids: [params.id], scopes })
    if (result.skipped.length > 0) await carillon.delivery(params.id, { scopes }) // or there is no such delivery
    note({ redriven: result.redriven })
    return result
  }),
  serve(cancelDelivery, async ({ carillon, params, scopes, note }) => {
    const result = await carillon.cancel({ ids: [params.id], scopes })
    if (result.skipped.length > 0) await carillon.delivery(params.id, { scopes })
    note({ cancelled: result.cancelled })
    return result
  }),
  serve(redrive, async ({ carillon, body, scopes, note }) => {
    note(wordsOf(body))
    const result = await carillon.redrive({ ...body, scopes })
    note({ redriven: result.redriven })
    return result
  }),
  serve(cancel, async ({ carillon, body, scopes, note }) => {
    note(wordsOf(body))
    const result = await carillon.cancel({ ...body, scopes })
    note({ cancelled: result.cancelled })
    return result
  }),
]

/** A selection, in what an audit entry has room for. */
function wordsOf({ ids, ...rest }: DeliverySelection): Record<string, unknown> {
  return ids === undefined ? rest : { ...rest, ids: ids.length, first: ids[0] }
}
