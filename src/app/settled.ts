import { setTimeout as wait } from "node:timers/promises"
import type { DeliveryReport } from "../bus/delivery-report.ts"
import type { Carillon } from "../carillon.ts"

/** What became of an event for this app's own subscribers. */
export interface Settlement {
  readonly isDelivered: boolean
  readonly summary: string
}

const LOOK_EVERY_MS = 100

/** Waits until every subscriber of this app has the event or will never have it, or the time is over. */
export async function whenSettled(
  carillon: Carillon,
  eventId: string,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<Settlement> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const { event, deliveries } = await carillon.trace(eventId)
    const ours = deliveries.filter((each) => each.group === carillon.group)
    const called = `${event.name} (${eventId})`
    if (ours.length === 0) return { isDelivered: false, summary: `${called} has no subscriber here.` }
    if (ours.every((each) => each.state === "delivered"))
      return { isDelivered: true, summary: `${called} was delivered to ${subscribers(ours.length)}.` }
    const late = performance.now() >= deadline
    const missing = ours.filter((each) => each.state !== "delivered" && (late || isOver(each)))
    if (late || ours.every((each) => each.state === "delivered" || isOver(each)))
      return {
        isDelivered: false,
        summary: `${called} was not delivered. ${missing.map(reasonOf).join(" ")}`,
      }
    await wait(LOOK_EVERY_MS, undefined, { signal })
  }
}

function isOver({ state }: DeliveryReport): boolean {
  return state === "dead" || state === "cancelled"
}

function subscribers(count: number): string {
  return count === 1 ? "its subscriber" : `its ${count} subscribers`
}

function reasonOf({ subscription, state, why, error }: DeliveryReport): string {
  const last = error === null ? "" : ` Its last error: ${error}.`
  return `${subscription} is ${STATES[state] ?? state}${why === null ? "" : `: ${why}`}.${last}`
}

const STATES: Readonly<Partial<Record<DeliveryReport["state"], string>>> = {
  dead: "a dead letter",
  retry: "waiting for its next attempt",
}
