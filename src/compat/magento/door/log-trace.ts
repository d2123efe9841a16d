import type { DeliveryReport } from "../../../bus/delivery-report.ts"
import { codeOf } from "../../../core/errors.ts"
import type { Webhook } from "../../../webhooks/shapes.ts"
import type { ShopAsked } from "./asked.ts"
import { asyncEventOf } from "./async-event.ts"
import { logEntriesOf, statusOf } from "./log-entry.ts"
import { noLog, ShopRefusal } from "./refusals.ts"
import { shopTime } from "./values.ts"

/** What became of one delivery, whole. */
export async function trace(asked: ShopAsked) {
  const { delivery, webhook } = await found(asked)
  return {
    uuid: delivery.deliveryId,
    event_id: delivery.eventId,
    event_name: delivery.eventName,
    status: statusOf(delivery),
    why: delivery.why,
    next_attempt_at: delivery.dueAt === null ? null : shopTime(delivery.dueAt),
    subscription: asyncEventOf(webhook),
    attempts: logEntriesOf(delivery, webhook),
    data: await dataOf(asked, delivery),
  }
}

/** A dead letter goes again under its uuid; what was delivered is delivered once more, under another. */
export async function replay(asked: ShopAsked) {
  const { carillon, access, note } = asked
  const { delivery, webhook } = await found(asked)
  const { deliveryId: uuid, state } = delivery
  note({ webhook: webhook.id, event: delivery.eventId, state })
  if (state === "dead") {
    await carillon.redrive({ ids: [uuid], scopes: access.scopes })
    return { uuid, replay_id: null }
  }
  if (state !== "delivered" && state !== "cancelled")
    throw new ShopRefusal(400, "Async event log with UUID %1 is still being delivered.", [uuid])
  const { id: subscription, group } = webhook
  const wish = { subscription, group, eventId: delivery.eventId, scopes: access.scopes }
  return { uuid, replay_id: (await carillon.replay(wish)).id }
}

/** Others' are not there, and neither is what was for no webhook. */
async function found({ carillon, access, named }: ShopAsked): Promise<FoundLog> {
  const delivery = await gone(carillon.delivery(named, { scopes: access.scopes }))
  const webhooks = delivery === null ? [] : await carillon.webhooks.list(access)
  const webhook = webhooks.find(({ id }) => id === delivery?.subscription)
  if (delivery === null || webhook === undefined) throw noLog(named)
  return { delivery, webhook }
}

interface FoundLog {
  readonly delivery: DeliveryReport
  readonly webhook: Webhook
}

/** Null where it was pruned, or erased. */
async function dataOf({ carillon, access }: ShopAsked, { eventId }: DeliveryReport): Promise<unknown> {
  return (await gone(carillon.event(eventId, { scopes: access.scopes })))?.data ?? null
}

async function gone<T>(looked: Promise<T>): Promise<T | null> {
  return looked.catch((error) => {
    if (codeOf(error) === "CARILLON_NOT_FOUND") return null
    throw error
  })
}
