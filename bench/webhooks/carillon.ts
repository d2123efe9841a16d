import { setTimeout as sleep } from "node:timers/promises"
import { type Carillon, createCarillon } from "../../src/index.ts"
import { sharedNow } from "../fleet-clock.ts"
import { startGauges } from "../gauges.ts"
import { type Sent, startMeter } from "./meter.ts"
import { order } from "./order.ts"

// Promise: sends webhooks by Carillon, on the store that the first argument names.

/** So much is sent before the clock starts as well. */
const WARM_UP = 0.1

/** So long before those that hang are heard of, endpoints that answer have got theirs. */
const WARM_UP_SECONDS = 3

/** As fast as it goes: from the first emit until all is delivered and settled. */
export interface DeliverOrder {
  readonly kind: "deliver"
  readonly recipients: readonly string[]
  readonly deliveries: number
  /** Of each recipient. */
  readonly concurrency: number
  /** Each event goes to every recipient, or to one after another. */
  readonly toAll: boolean
  /** Emits in flight. */
  readonly producers: number
}

/** So many a second to those that answer, and beside them to some that never do; then it ends at once. */
export interface DisturbOrder {
  readonly kind: "disturb"
  readonly healthy: readonly string[]
  readonly hanging: readonly string[]
  readonly seconds: number
  readonly healthyPerSecond: number
  readonly hangingPerSecond: number
}

/** How the process did meanwhile. */
export interface Disturbed {
  readonly emitted: number // to those that answer, with their time
  readonly loopP99Ms: number
  readonly rssMb: number
}

const carillon = await createCarillon({
  database: process.argv[2] as string,
  group: "bench",
  logger: false,
  secret: "a-secret-that-is-only-for-this-benchmark",
  webhooks: { network: { allow: ["loopback"] } },
})

process.on("message", (message: DeliverOrder | DisturbOrder | "end") => {
  if (message === "end") void carillon.stop().then(() => process.exit(0))
  else if (message.kind === "deliver") void deliver(message).then((sent) => process.send?.(sent))
  else void disturb(message).then((disturbed) => process.send?.(disturbed))
})
process.send?.("ready")

async function deliver(asked: DeliverOrder): Promise<Sent> {
  const { recipients, deliveries, toAll, concurrency } = asked
  for (const [index, recipient] of recipients.entries()) {
    const events = toAll ? "order.placed" : nameOf(index)
    await carillon.webhooks.create({ events, recipient, policy: { concurrency } })
  }
  await carillon.start()
  const names = toAll ? ["order.placed"] : recipients.map((_, index) => nameOf(index))
  const events = toAll ? Math.ceil(deliveries / recipients.length) : deliveries
  await emitAll(carillon, names, { events: Math.ceil(events * WARM_UP), producers: asked.producers })

  const read = startMeter()
  await emitAll(carillon, names, { events, producers: asked.producers })
  return read(deliveries)
}

async function emitAll(
  { events: module, drain }: Carillon,
  names: readonly string[],
  { events, producers }: { readonly events: number; readonly producers: number },
): Promise<void> {
  let next = 0
  const loop = async (): Promise<void> => {
    while (next < events) {
      const seq = next++
      await module.emit({ name: names[seq % names.length] as string, data: order(seq) })
    }
  }
  await Promise.all(Array.from({ length: producers }, loop))
  await drain.call(carillon)
}

async function disturb(asked: DisturbOrder): Promise<Disturbed> {
  const { healthy, hanging, seconds } = asked
  await makeAll("healthy", healthy)
  await makeAll("hanging", hanging)
  await carillon.start()
  const perSecond = asked.healthyPerSecond
  await emitAtRate("healthy", healthy.length, { seconds: WARM_UP_SECONDS, perSecond, isTimed: false })
  const gauges = startGauges()
  const [emitted] = await Promise.all([
    emitAtRate("healthy", healthy.length, { seconds, perSecond, isTimed: true }),
    emitAtRate("hanging", hanging.length, { seconds, perSecond: asked.hangingPerSecond, isTimed: true }),
  ])
  // What was emitted last arrives.
  await sleep(2_000)
  const { loopDelayMs, peakRssMb } = gauges()
  return { emitted, loopP99Ms: loopDelayMs.p99, rssMb: peakRssMb }
}

async function makeAll(kind: string, recipients: readonly string[]): Promise<void> {
  for (const [index, recipient] of recipients.entries())
    await carillon.webhooks.create({ events: `${kind}.${index}`, recipient })
}

interface Rate {
  readonly seconds: number
  readonly perSecond: number
  readonly isTimed: boolean // its way to the receiver is measured
}

/** Whether or not the one before has arrived: an open loop. */
async function emitAtRate(
  kind: string,
  endpoints: number,
  { seconds, perSecond, isTimed }: Rate,
): Promise<number> {
  if (endpoints === 0) return 0
  const startedAt = performance.now()
  const acknowledged: Promise<unknown>[] = []
  for (let seq = 0; seq < seconds * perSecond; seq += 1) {
    const waitMs = startedAt + (seq * 1_000) / perSecond - performance.now()
    if (waitMs > 0) await sleep(waitMs)
    const data = isTimed ? { ...order(seq), emittedAt: sharedNow() } : order(seq)
    acknowledged.push(carillon.events.emit({ name: `${kind}.${seq % endpoints}`, data }))
  }
  await Promise.all(acknowledged)
  return acknowledged.length
}

function nameOf(index: number): string {
  return `order.placed.${index}`
}
