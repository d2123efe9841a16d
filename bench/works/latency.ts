import { Book } from "../book.ts"
import { startGauges } from "../gauges.ts"
import { LATENCY_PER_SECOND, type Measurement, type Place } from "../measurement.ts"
import { payloadNamed } from "../payloads.ts"
import { produceAtRate } from "../producers.ts"
import { watchServer } from "../server/watch.ts"
import { type Measured, nothing, PATIENCE_MS, spreadOf, startContender, warmUpOf } from "./stage.ts"

/** A hundred emits a second, from the call of `emit` to the entry of the handler. */
export async function measureLatency(measurement: Measurement, place: Place): Promise<Measured> {
  const { events, subscribers } = measurement
  const payload = payloadNamed(measurement.payload)
  const book = new Book(events, subscribers)
  const emittedAt = new Float64Array(events)
  const latency = new Float64Array(events)
  const watch = await watchServer(place.database)
  const running = await startContender(measurement, place, (subscriber, seq) => {
    if (subscriber === 0) latency[seq] = performance.now() - (emittedAt[seq] ?? 0)
    book.record(subscriber, seq)
  })
  await watch?.begin()
  const readGauges = startGauges()

  await produceAtRate({ payload, events, emit: running.emit }, LATENCY_PER_SECOND, (seq) => {
    emittedAt[seq] = performance.now()
  })
  await book.complete(PATIENCE_MS)
  const cost = readGauges()
  await watch?.end()
  await running.settled()
  await running.stop()
  const server = (await watch?.cost(events)) ?? null
  await watch?.close()

  return {
    ...nothing,
    ...cost,
    events,
    latencyMs: spreadOf(latency.subarray(warmUpOf(events))),
    lost: book.lost,
    duplicates: book.duplicates,
    server,
    othersCpuMs: watch?.lifeCpuMs() ?? 0,
  }
}
