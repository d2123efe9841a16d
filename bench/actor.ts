import { setTimeout as sleep } from "node:timers/promises"
import type { Running } from "./contender.ts"
import { sharedNow } from "./fleet-clock.ts"
import { startGauges } from "./gauges.ts"
import { LATENCY_PER_SECOND, type Measurement, type Place } from "./measurement.ts"
import { payloadNamed } from "./payloads.ts"
import { produce, produceAtRate } from "./producers.ts"
import { Tally } from "./tally.ts"
import type { ActorReport, Orders, Part } from "./works/actors.ts"
import { startContender } from "./works/stage.ts"

/** One process of a fleet: a worker or the producer. It does what its director asks, one order after another. */
let measurement: Measurement
let running: Running
let tally = new Tally(0, 0)
let readGauges: ReturnType<typeof startGauges>

const orders: Orders = {
  async start(part: Part, wanted: Measurement, place: Place) {
    measurement = wanted
    running = await startContender(
      measurement,
      place,
      (subscriber, seq) => tally.record(subscriber, seq),
      part,
    )
  },

  async openBook(events: number) {
    tally = new Tally(events, measurement.subscribers)
  },

  async beginGauges() {
    readGauges = startGauges()
  },

  async produce(events: number) {
    const startedAt = sharedNow()
    const payload = payloadNamed(measurement.payload)
    await produce({ ...measurement, payload, events, emit: running.emit })
    return { startedAt, emittedAt: sharedNow() }
  },

  async produceAtRate(events: number) {
    const emittedAt = new Float64Array(events)
    const payload = payloadNamed(measurement.payload)
    await produceAtRate({ payload, events, emit: running.emit }, LATENCY_PER_SECOND, (seq) => {
      emittedAt[seq] = sharedNow()
    })
    return emittedAt
  },

  handled: async () => tally.handled,

  books: async () => tally.books(),

  async settle() {
    await running.settled()
    return sharedNow()
  },

  endGauges: async () => readGauges(),

  async stop() {
    await running.stop()
    const { user, system } = process.cpuUsage()
    return (user + system) / 1_000
  },
}

// A run that was interrupted leaves no actor behind.
process.once("disconnect", () => process.exit(1))
process.on("message", async ({ id, order, values }: { id: number; order: keyof Orders; values: never[] }) => {
  const report: ActorReport = await (orders[order] as (...values: never[]) => Promise<unknown>)(
    ...values,
  ).then(
    (value) => ({ id, value }),
    (error: unknown) => ({
      id,
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    }),
  )
  process.send?.(report)
  // A contender may keep a timer or a socket open after its stop; the report goes out first.
  if (order === "stop") await sleep(50).then(() => process.exit(0))
})
