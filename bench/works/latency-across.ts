import type { Measurement, Place } from "../measurement.ts"
import { watchServer } from "../server/watch.ts"
import { startFleet } from "./actors.ts"
import { type Measured, nothing, spreadOf, warmUpOf } from "./stage.ts"

/** A hundred emits a second in one process, handled in another: both read the same clock. */
export async function measureLatencyAcross(measurement: Measurement, place: Place): Promise<Measured> {
  const { events } = measurement
  const watch = await watchServer(place.database)
  const fleet = await startFleet(measurement, place)
  await fleet.openBook(events)
  await watch?.begin()
  await fleet.beginGauges()

  const emittedAt = await fleet.producer.produceAtRate(events)
  const { lost, duplicates, handledAt } = await fleet.complete()
  const cost = await fleet.endGauges()
  await watch?.end()
  const actorsCpuMs = await fleet.stop()
  const server = (await watch?.cost(events)) ?? null
  await watch?.close()

  const latency = emittedAt.map((instant, seq) => (handledAt[seq] ?? 0) - instant)
  return {
    ...nothing,
    ...cost,
    events,
    latencyMs: lost === 0 ? spreadOf(latency.subarray(warmUpOf(events))) : null,
    lost,
    duplicates,
    server,
    othersCpuMs: actorsCpuMs + (watch?.lifeCpuMs() ?? 0),
  }
}
