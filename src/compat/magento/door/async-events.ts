import type { Webhook } from "../../../webhooks/shapes.ts"
import { checkMayDo } from "./acl.ts"
import type { ShopAsked, ShopRoute } from "./asked.ts"
import {
  ASYNC_EVENT_FIELDS,
  type AsyncEvent,
  asyncEventOf,
  asyncEventRow,
  madeAsyncEvent,
} from "./async-event.ts"
import { criteriaIn } from "./criteria.ts"
import { asyncEventIn, type GivenAsyncEvent, needed } from "./envelope.ts"
import { checkEventKnown, checkResources } from "./events-known.ts"
import { noSubscription, ShopRefusal } from "./refusals.ts"
import { type SearchResults, search } from "./search.ts"
import { wholeOf } from "./values.ts"

/** The subscriptions, as the shop's module has them. */
export const asyncEventRoutes: readonly ShopRoute[] = [
  {
    method: "GET",
    path: ["async_event", "*"],
    act: "view",
    audit: null,
    takesBody: false,
    handle: async (asked) => asyncEventOf(await found(asked)),
  },
  { method: "GET", path: ["async_events"], act: "view", audit: null, takesBody: false, handle: list },
  {
    method: "POST",
    path: ["async_event"],
    act: "create",
    audit: "webhook.create",
    takesBody: true,
    handle: create,
  },
  {
    method: "PUT",
    path: ["async_event", "*"],
    act: "update",
    audit: "webhook.update",
    takesBody: true,
    handle: update,
  },
  {
    method: "DELETE",
    path: ["async_event", "*"],
    act: "remove",
    audit: "webhook.remove",
    takesBody: false,
    handle: remove,
  },
]

async function list({ carillon, access, query }: ShopAsked): Promise<SearchResults<AsyncEvent>> {
  const criteria = criteriaIn(query, ASYNC_EVENT_FIELDS)
  const all = await carillon.webhooks.list(access)
  const { items, ...rest } = search(criteria, { all, rowOf: asyncEventRow, fields: ASYNC_EVENT_FIELDS })
  return { items: items.map(asyncEventOf), ...rest }
}

/** It is on from the beginning, whatever is said. */
async function create({ carillon, access, body, note }: ShopAsked): Promise<AsyncEvent> {
  const given = asyncEventIn(body)
  if (given.subscriptionId !== undefined && given.subscriptionId !== 0)
    throw new ShopRefusal(400, "A new async event has no subscription ID. To change %1, PUT it.", [
      given.subscriptionId,
    ])
  const eventName = needed(given.eventName, "event_name")
  const recipient = needed(given.recipientUrl, "recipient_url")
  const notifier = given.metadata || "http"
  const secret = tokenOf(given, notifier)
  note({ events: [eventName], notifier })
  checkEventKnown(carillon, eventName)
  checkResources(carillon, access, [eventName])
  const terms = { form: "legacy", policy: "magento", storeId: given.storeId } as const
  const wish = { events: eventName, recipient, notifier, secret, ...terms }
  const made = await carillon.webhooks.create(wish, access)
  note({ webhook: made.id, scope: made.scope })
  return madeAsyncEvent(made)
}

/** By HTTP it is what signatures are made with, and one without any would sign nothing. */
function tokenOf({ verificationToken }: GivenAsyncEvent, notifier: string): string | undefined {
  return notifier === "http"
    ? needed(verificationToken, "verification_token")
    : verificationToken || undefined
}

/** Status and notifier, and nothing else; what is not said stays as it is. */
async function update(asked: ShopAsked): Promise<AsyncEvent> {
  const { carillon, access, body, note } = asked
  const { status, metadata } = asyncEventIn(body)
  const webhook = await found(asked)
  checkResources(carillon, access, webhook.events)
  const notifier = metadata === undefined || metadata === "" ? undefined : metadata
  if (notifier !== undefined && notifier !== webhook.notifier) checkMayDo(access, "create")
  note({ webhook: webhook.id, status, notifier })
  if (notifier === undefined && status === undefined) return asyncEventOf(webhook)
  const changed = await carillon.webhooks.update(webhook.id, { notifier, enabled: status }, access)
  const isHeldBack = status === true && changed.state === "paused"
  return asyncEventOf(isHeldBack ? await carillon.webhooks.resume(webhook.id, access) : changed)
}

async function remove(asked: ShopAsked): Promise<true> {
  const webhook = await found(asked)
  asked.note({ webhook: webhook.id })
  await asked.carillon.webhooks.remove(webhook.id, asked.access)
  return true
}

async function found({ carillon, access, named }: ShopAsked): Promise<Webhook> {
  const no = wholeOf(named)
  const webhook = (await carillon.webhooks.list(access)).find((each) => each.no === no)
  if (webhook === undefined) throw noSubscription(no)
  return webhook
}
