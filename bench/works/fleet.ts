import type { Measurement, Place } from "../measurement.ts"
import { watchServer } from "../server/watch.ts"
import { startFleet } from "./actors.ts"
import { type Measured, nothing, tookMsOf, warmUpOf } from "./stage.ts"

/** All events as fast as they go: one process emits, others handle. This one only keeps the books. */
export async function measureFleet(measurement: Measurement, place: Place): Promise<Measured> {
  const { events } = measurement
  const warmUp = warmUpOf(events)
  const watch = await watchServer(place.database)
  const fleet = await startFleet(measurement, place)
  await fleet.openBook(warmUp)
  await fleet.producer.produce(warmUp)
  await fleet.complete()
  await fleet.settled()
  await fleet.openBook(events)
  await watch?.begin()
  await fleet.beginGauges()

  const { startedAt, emittedAt } = await fleet.producer.produce(events)
  const books = await fleet.complete()
  const handledMs = books.lastHandledAt - startedAt
  const settledMs = (await fleet.settled()) - startedAt
  const cost = await fleet.endGauges()
  await watch?.end()
  const actorsCpuMs = await fleet.stop()
  const server = (await watch?.cost(warmUp + events)) ?? null
  await watch?.close()

  const { lost, duplicates } = books
  return {
    ...nothing,
    ...cost,
    events,
    perSecond: lost === 0 ? (events / tookMsOf(measurement, handledMs, settledMs)) * 1_000 : null,
    emittedMs: emittedAt - startedAt,
    handledMs,
    settledMs,
    lost,
    duplicates,
    server,
    othersCpuMs: actorsCpuMs + (watch?.lifeCpuMs() ?? 0),
  }
}
