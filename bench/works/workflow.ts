import { startGauges } from "../gauges.ts"
import type { Measurement, Place } from "../measurement.ts"
import { produce } from "../producers.ts"
import { watchServer } from "../server/watch.ts"
import { type Measured, nothing, tookMsOf, warmUpOf } from "./stage.ts"
import { checkKept, serverCost, startWorkflows } from "./workflow-stage.ts"

/** All runs as fast as they go, so many at once, in one process. */
export async function measureWorkflow(measurement: Measurement, place: Place): Promise<Measured> {
  const { events } = measurement
  const warmUp = warmUpOf(events)
  const watch = await watchServer(place.database)
  const stage = await startWorkflows(measurement, place)
  const { running, payload } = stage
  stage.takeNotes(warmUp)
  await produce({ ...measurement, payload, events: warmUp, emit: stage.placeOrders })
  await running.settled()
  const { book, phases } = stage.takeNotes(events)
  await watch?.begin()
  const ownCpuBefore = running.serverCpuMs?.() ?? 0
  const readGauges = startGauges()
  const startedAt = performance.now()

  await produce({ ...measurement, payload, emit: stage.placeOrders })
  const handledMs = performance.now() - startedAt
  await running.settled()
  const settledMs = performance.now() - startedAt
  const cost = readGauges()
  const ownCpuMs = running.serverCpuMs?.() ?? null
  await watch?.end()
  await checkKept(stage, warmUp + events)
  await running.stop()
  const server = await serverCost(watch, ownCpuMs === null ? null : ownCpuMs - ownCpuBefore, warmUp + events)
  await watch?.close()

  return {
    ...nothing,
    ...cost,
    events,
    perSecond: book.lost === 0 ? (events / tookMsOf(measurement, handledMs, settledMs)) * 1_000 : null,
    handledMs,
    settledMs,
    lost: book.lost,
    duplicates: book.duplicates,
    server,
    phases: phases.spreads(),
    othersCpuMs: (watch?.lifeCpuMs() ?? 0) + (ownCpuMs ?? 0),
  }
}
