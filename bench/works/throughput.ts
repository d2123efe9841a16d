import { Book } from "../book.ts"
import { startGauges } from "../gauges.ts"
import type { Measurement, Place } from "../measurement.ts"
import { payloadNamed } from "../payloads.ts"
import { produce } from "../producers.ts"
import { watchServer } from "../server/watch.ts"
import { type Measured, nothing, PATIENCE_MS, startContender, tookMsOf, warmUpOf } from "./stage.ts"

/** All events as fast as they go, in one process. */
export async function measureThroughput(measurement: Measurement, place: Place): Promise<Measured> {
  const { events, subscribers } = measurement
  const payload = payloadNamed(measurement.payload)
  const warmUp = warmUpOf(events)
  const watch = await watchServer(place.database)
  let book = new Book(warmUp, subscribers)
  const running = await startContender(measurement, place, (subscriber, seq) => book.record(subscriber, seq))
  await produce({ ...measurement, payload, events: warmUp, emit: running.emit })
  await book.complete(PATIENCE_MS)
  await running.settled()
  book = new Book(events, subscribers)
  await watch?.begin()
  const readGauges = startGauges()
  const startedAt = performance.now()

  await produce({ ...measurement, payload, emit: running.emit })
  const emittedMs = performance.now() - startedAt
  await book.complete(PATIENCE_MS)
  const handledMs = book.lastHandledAt - startedAt
  await running.settled()
  const settledMs = performance.now() - startedAt
  const cost = readGauges()
  await watch?.end()
  await running.stop()
  const server = (await watch?.cost(warmUp + events)) ?? null
  await watch?.close()

  return {
    ...nothing,
    ...cost,
    events,
    perSecond: book.lost === 0 ? (events / tookMsOf(measurement, handledMs, settledMs)) * 1_000 : null,
    emittedMs,
    handledMs,
    settledMs,
    lost: book.lost,
    duplicates: book.duplicates,
    server,
    othersCpuMs: watch?.lifeCpuMs() ?? 0,
  }
}
