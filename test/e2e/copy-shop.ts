import { type Carillon, createCarillon } from "../../src/carillon.ts"
import { PermanentError } from "../../src/core/errors.ts"
import type { CarillonOptions } from "../../src/options.ts"
import { until } from "../support/programs.ts"
import { ARCHIVED, never } from "./copy-till.ts"

export function openShop(database: string, options: CarillonOptions = {}): Promise<Carillon> {
  return createCarillon({ ...SHOP, ...options, database })
}

const SHOP = { group: "shop", logger: false, graceMs: 50, storeThread: "main" } as const
const HOUR_MS = 3_600_000

/** Who was called with which order, in the order of the calls. */
export class Calls {
  readonly #calls: { readonly subscriber: string; readonly order: string }[] = []

  add(subscriber: string, order: string): void {
    this.#calls.push({ subscriber, order })
  }

  of(subscriber: string): string[] {
    return this.#calls.filter((call) => call.subscriber === subscriber).map(({ order }) => order)
  }
}

type Mood = "works" | "fails"

/** Everybody who listens in the shop; in the file the CMS is down, and the ledger stops at Ana's third payment. */
export function subscribeShop(shop: Carillon, calls: Calls, mood: Mood): void {
  const on = (subscriber: string, name: string, policy = {}, fail?: (order: string) => Promise<void>) =>
    shop.events.subscribe<{ order: string }>(
      name,
      async ({ data }) => {
        if (mood === "fails") await fail?.(data.order)
        calls.add(subscriber, data.order)
      },
      { subscriberId: subscriber, policy },
    )
  on("stock", "order.placed")
  on("mails", "order.placed")
  on("cms", "order.placed", { retries: 3, initialBackoffDelay: HOUR_MS }, async () => {
    throw new Error("cms is down")
  })
  on("crm", "order.refused", {}, async () => {
    throw new PermanentError("no such account")
  })
  on("ledger", "order.paid", { order: "hold" }, (order) => (order === "ana-3" ? never() : Promise.resolve()))
  on("fax", "order.delayed")
  on("erp", "order.exported", { rateLimit: { limit: 20, per: 1_000 } })
}

/** Deliveries in all the states there are, in one file. Resolves to the calls that were made. */
export async function fillShop(database: string): Promise<Calls> {
  const calls = new Calls()
  const shop = await openShop(database)
  subscribeShop(shop, calls, "fails")
  await shop.start()
  await shop.pause("mails")
  await emitOrders(shop)
  await until(async () => calls.of("ledger").length === 7 && calls.of("erp").length > 2)
  await until(async () => (await shop.deadLetters()).items.length === 1)
  await until(async () => (await shop.listDeliveries({ state: "retry" })).items.length === 5)
  const paused = await shop.replay({ subscription: "mails", since: new Date(0) })
  await until(async () => (await shop.replayProgress(paused.id ?? "")).state === "done")
  await shop.stop()

  const office = await openShop(database)
  // No worker is there to do it.
  await office.replay({ subscription: "stock", since: new Date(0) })
  await office.emit({ name: "order.delayed", data: { order: "soon" }, delay: 1 })
  await office.stop()
  return calls
}

async function emitOrders(shop: Carillon): Promise<void> {
  const placed = ["ord_1", "ord_2", "ord_3"]
  await shop.emit(placed.map((order) => ({ name: "order.placed", id: `placed-${order}`, data: { order } })))
  await shop.emit({ name: "order.placed", data: { order: "ord_4" }, scope: "acme/dev", priority: "high" })
  await shop.emit({ name: "order.placed", data: { order: "ord_5" }, sender: "till", priority: "low" })
  await shop.emit({ name: "order.refused", data: { order: "ord_6" } })
  await shop.emit({ name: "order.delayed", data: { order: "tomorrow" }, delay: 24 * HOUR_MS })
  const metadata = { eventGroupId: "checkout" }
  await shop.emit(["late-1", "late-2"].map((order) => ({ name: "order.placed", data: { order }, metadata })))
  for (let i = 1; i <= 5; i++)
    await shop.emit(
      ["ana", "bob"].map((key) => ({ name: "order.paid", key, data: { order: `${key}-${i}` } })),
    )
  await shop.emit(exported().map((order) => ({ name: "order.exported", data: { order } })))
  const archived = Array.from({ length: ARCHIVED }, (_, i) => ({ order: `old-${i + 1}` }))
  await shop.emit(archived.map((data) => ({ name: "order.archived", data })))
}

/** More orders than the ERP takes in the time until the shop closes. */
export function exported(): string[] {
  return Array.from({ length: 20 }, (_, i) => `export-${i + 1}`)
}
