import {
  getSubscription,
  listSubscriptions,
  pauseSubscription,
  removeSubscription,
  resumeSubscription,
} from "../../contract/subscriptions.ts"
import { type Served, serve } from "../served.ts"
import { pageOfWhole } from "../whole-list.ts"

export const subscriptionRoutes: readonly Served[] = [
  serve(listSubscriptions, async ({ carillon, query, scopes, cursors }) => {
    const all = await carillon.subscriptions({ scopes })
    return pageOfWhole(all, { query, cursors, keyOf: ({ group, id }) => `${group} ${id}` })
  }),
  serve(getSubscription, ({ carillon, params, query: { group }, scopes }) =>
    carillon.subscription(params.id, { group, scopes }),
  ),
  serve(pauseSubscription, async ({ carillon, params, query: { group }, scopes, note }) => {
    note({ group })
    await carillon.pause(params.id, { group, scopes })
  }),
  serve(resumeSubscription, async ({ carillon, params, query: { group }, scopes, note }) => {
    note({ group })
    await carillon.resume(params.id, { group, scopes })
  }),
  serve(removeSubscription, async ({ carillon, params, query: { group }, scopes, note }) => {
    const removed = await carillon.removeSubscription(params.id, { group, scopes })
    note({ group: removed.group, cancelled: removed.cancelled })
    return removed
  }),
]
