import type { DeliveryReport, DeliveryState } from "../../bus/delivery-report.ts"
import type { DeadLetterRequest, ListPage } from "../../bus/listing.ts"
import { noteCursor, printJson, printTable } from "../output.ts"
import { patternOf } from "../pattern.ts"
import { type StoreFlags, withStore } from "../store.ts"
import { type ScopedFlags, within } from "../within.ts"

interface DeliveriesFlags extends ScopedFlags {
  readonly state?: string
  readonly subscription?: string
  readonly name?: string
  readonly filter?: string
  readonly since?: Date
  readonly until?: Date
  readonly limit?: number
  readonly cursor?: string
}

export async function deliveries(flags: DeliveriesFlags): Promise<void> {
  await withStore(flags, async (carillon) => {
    const state = flags.state as DeliveryState | undefined
    printPage(await carillon.listDeliveries({ ...requestOf(flags), state }), flags)
  })
}

export async function dead(flags: DeliveriesFlags): Promise<void> {
  await withStore(flags, async (carillon) => printPage(await carillon.deadLetters(requestOf(flags)), flags))
}

function requestOf(flags: DeliveriesFlags): DeadLetterRequest {
  const { subscription, group, name, since, until, limit, cursor } = flags
  const filter = patternOf(flags.filter)
  return { subscription, group, name, filter, from: since, to: until, limit, cursor, ...within(flags) }
}

function printPage(page: ListPage<DeliveryReport>, { json }: StoreFlags): void {
  if (json) {
    printJson(page)
    return
  }
  printTable(
    ["SINCE", "STATE", "EVENT", "SUBSCRIPTION", "DELIVERY", "WHY"],
    page.items.map((each) => [
      each.since,
      each.state,
      each.eventName,
      each.subscription,
      each.deliveryId,
      [each.why, each.error].filter(Boolean).join(": ") || null,
    ]),
  )
  noteCursor(page.cursor)
}
