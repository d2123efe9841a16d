import { setTimeout as sleep } from "node:timers/promises"
import { Book } from "../book.ts"
import { startGauges } from "../gauges.ts"
import type { Measurement, Place } from "../measurement.ts"
import { payloadNamed } from "../payloads.ts"
import { produce } from "../producers.ts"
import { watchServer } from "../server/watch.ts"
import { type Measured, nothing, PATIENCE_MS, startContender } from "./stage.ts"

/** After its last work a worker may look about for a while, and a backend that rests tells its counts after ten seconds. */
const CALM_MS = 12_000

/** A worker that has worked and has nothing to do: what it asks of the processor and of the server. */
export async function measureIdle(measurement: Measurement, place: Place): Promise<Measured> {
  const { events, seconds, subscribers } = measurement
  const book = new Book(events, subscribers)
  const watch = await watchServer(place.database)
  const running = await startContender(measurement, place, (subscriber, seq) => book.record(subscriber, seq))
  await produce({ ...measurement, payload: payloadNamed(measurement.payload), emit: running.emit })
  await book.complete(PATIENCE_MS)
  await running.settled()
  await sleep(CALM_MS)
  await watch?.begin()
  const commitsBefore = (await watch?.commits()) ?? 0
  const readGauges = startGauges({ loop: false })
  const startedAt = performance.now()

  await sleep(seconds * 1_000)
  const cost = readGauges()
  const settledMs = performance.now() - startedAt
  await watch?.end()
  const commits = (((await watch?.commits()) ?? 0) - commitsBefore) / (settledMs / 1_000)
  await running.stop()
  const server = watch === null ? null : { ...(await watch.cost(1)), commits }
  await watch?.close()

  const { lost, duplicates } = book
  return {
    ...nothing,
    ...cost,
    events,
    settledMs,
    lost,
    duplicates,
    server,
    othersCpuMs: watch?.lifeCpuMs() ?? 0,
  }
}
