// Promise: one process of a crash program: it emits, handles and writes both down, as its plan says.
import { setTimeout as sleep } from "node:timers/promises"
import { codeOf } from "../../src/core/errors.ts"
import { type Carillon, type CarillonEvent, createCarillon, type HandlerContext } from "../../src/index.ts"
import { Book } from "./book.ts"
import type { ActorPlan, EmitPlan, EventData, OrdersPlan, SubscriberPlan } from "./plans.ts"

const plan = JSON.parse(process.argv[2] as string) as ActorPlan
const book = new Book(plan.book, `${plan.name}.${process.pid}`)
let emitting = plan.emits !== null
let emission = Promise.resolve()
let count = 0

const carillon = await createCarillon({
  database: plan.database,
  group: "shop",
  logger: false,
  leaseMs: 1_000,
  heartbeatMs: 250,
  pollMs: 200,
  graceMs: 2_000,
  mostRepeated: plan.mostRepeated,
  ...plan.options,
})
for (const subscriber of plan.subscribers) subscribe(carillon, subscriber)
const shop = plan.orders === undefined ? null : await shopFor(plan.orders)
shop?.open(carillon, book)
process.on("message", (message) => void obey(message as { do: string; argument?: unknown }))
process.on("disconnect", () => process.exit(1)) // nobody is left to end us
if (plan.works) await carillon.start()
else if (plan.subscribers.length > 0) await carillon.drain()
process.send?.({ ready: true })
if (plan.emits !== null) {
  emission = emitAll(plan.emits)
  await emission
}
if (shop !== null && plan.orders !== undefined) {
  await shop.placeAll(carillon, book, plan.book, plan.orders)
  process.send?.({ placed: true })
}

function subscribe(target: Carillon, { id, event, policy, ms = 0, fails = 0 }: SubscriberPlan): void {
  const handle = (heard: CarillonEvent<EventData>, context: HandlerContext): unknown => {
    const { n, poison } = heard.data
    const failing = Math.max(fails, heard.data.fails ?? 0)
    const lasting = Math.max(ms, heard.data.ms ?? 0)
    book.write("begin", n, id, context.attempt, context.deliveryId)
    if (poison !== undefined) return die(poison)
    if (lasting === 0) return end(n, failing, context)
    return sleep(lasting).then(() => end(n, failing, context))
  }
  const end = (n: string, failing: number, { attempt, deliveryId }: HandlerContext): void => {
    if (attempt <= failing) {
      book.write("fail", n, id, attempt, deliveryId)
      throw new Error("not this time")
    }
    book.write("done", n, id, attempt, deliveryId)
  }
  target.events.subscribe<EventData>(event, handle, { subscriberId: id, policy })
}

function die(poison: NonNullable<EventData["poison"]>): unknown {
  if (poison === "exit") process.exit(7)
  if (poison === "loop") for (;;);
  if (poison === "hang") return new Promise(() => {})
  const hoard: unknown[] = []
  for (;;) hoard.push(new Array(100_000).fill({ poison }))
}

function shopFor({ workflow }: OrdersPlan): Promise<typeof import("./orders-shop.ts")> {
  return workflow === "place-order" ? import("./orders-shop.ts") : import("./fulfilment-shop.ts")
}

async function emitAll(wish: EmitPlan): Promise<void> {
  const lanes = Array.from({ length: wish.lanes ?? 1 }, () => emitLane(wish))
  await Promise.all(lanes)
  process.send?.({ emitted: count })
}

async function emitLane(wish: EmitPlan): Promise<void> {
  while (emitting && count < (wish.most ?? Number.POSITIVE_INFINITY)) {
    const events = Array.from({ length: wish.each ?? 1 }, () => nextEvent(wish))
    await emitOnce(events, wish).catch((error) => book.write("refuse", codeOf(error) ?? "without-code"))
    if (wish.pauseMs !== undefined) await sleep(wish.pauseMs)
    else await new Promise((resolve) => setImmediate(resolve))
  }
}

interface Emitted {
  readonly name: string
  readonly data: EventData
  readonly key?: string
}

function nextEvent({ names, keys, failEvery, slowEvery, slowMs }: EmitPlan): Emitted {
  const no = ++count
  const key = keys === undefined ? undefined : keyOf(no, keys)
  const data: EventData = {
    n: `${plan.name}.${process.pid}-${no}${key === undefined ? "" : `~${key}`}`,
    ...(failEvery !== undefined && no % failEvery === 0 ? { fails: 1 } : undefined),
    ...(slowEvery !== undefined && no % slowEvery === 0 ? { ms: slowMs ?? 300 } : undefined),
  }
  const name = names[no % names.length] as string
  return key === undefined ? { name, data } : { name, data, key }
}

/** Every second event is of the hot key. */
function keyOf(no: number, keys: number): string {
  return no % 2 === 0 ? "hot" : `ord_${no % keys}`
}

async function emitOnce(events: readonly Emitted[], { groupEvery }: EmitPlan): Promise<void> {
  const ids = events.map((event) => event.data.n)
  const grouped = groupEvery !== undefined && count % groupEvery === 0
  book.writeAll("emit", ids)
  if (grouped) {
    const eventGroupId = `group-${ids[0]}`
    await carillon.emit(events.map((event) => ({ ...event, metadata: { eventGroupId } })))
    await carillon.events.releaseGroupedEvents(eventGroupId)
  } else await carillon.emit(events)
  book.writeAll("ack", ids)
}

async function obey({ do: what, argument }: { do: string; argument?: unknown }): Promise<void> {
  if (what === "hush") {
    emitting = false
    await emission
    process.send?.({ hushed: true })
  } else if (what === "stop") {
    emitting = false
    await carillon.stop()
    process.exit(0)
  } else if (what === "emit") {
    const events = argument as Emitted[]
    await emitOnce(events, { names: [] }).catch((error) =>
      book.write("refuse", codeOf(error) ?? "without-code"),
    )
    process.send?.({ emitted: events.length })
  } else if (what === "release") {
    await carillon.events.releaseGroupedEvents(argument as string)
    process.send?.({ released: argument })
  } else if (what === "heap") {
    globalThis.gc?.()
    process.send?.({ heap: process.memoryUsage().heapUsed })
  } else if (what === "ping") process.send?.({ pong: true })
}
