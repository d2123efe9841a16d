import { startGauges } from "../gauges.ts"
import { type Measurement, type Place, WORKFLOWS_PER_SECOND } from "../measurement.ts"
import { produceAtRate } from "../producers.ts"
import { watchServer } from "../server/watch.ts"
import { type Measured, nothing, spreadOf, warmUpOf } from "./stage.ts"
import { checkKept, serverCost, startWorkflows } from "./workflow-stage.ts"

/** Twenty runs a second, an open loop: from the start of a run to its result. */
export async function measureWorkflowLatency(measurement: Measurement, place: Place): Promise<Measured> {
  const { events } = measurement
  const watch = await watchServer(place.database)
  const stage = await startWorkflows(measurement, place)
  const { running, payload } = stage
  const { book, phases } = stage.takeNotes(events)
  await watch?.begin()
  const readGauges = startGauges()

  await produceAtRate({ payload, events, emit: stage.placeOrders }, WORKFLOWS_PER_SECOND, () => {})
  const cost = readGauges()
  await watch?.end()
  await running.settled()
  await checkKept(stage, events)
  const ownCpuMs = running.serverCpuMs?.() ?? null
  await running.stop()
  const server = await serverCost(watch, ownCpuMs, events)
  await watch?.close()

  return {
    ...nothing,
    ...cost,
    events,
    latencyMs: book.lost === 0 ? spreadOf(phases.lengths().subarray(warmUpOf(events))) : null,
    lost: book.lost,
    duplicates: book.duplicates,
    server,
    phases: phases.spreads(),
    othersCpuMs: (watch?.lifeCpuMs() ?? 0) + (ownCpuMs ?? 0),
  }
}
