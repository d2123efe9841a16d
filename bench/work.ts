import type { Measurement, Place } from "./measurement.ts"
import { measureFleet } from "./works/fleet.ts"
import { measureIdle } from "./works/idle.ts"
import { measureLatency } from "./works/latency.ts"
import { measureLatencyAcross } from "./works/latency-across.ts"
import { measureRaw } from "./works/raw.ts"
import { measureLong, measureMemory } from "./works/rounds.ts"
import type { Measured } from "./works/stage.ts"
import { measureThroughput } from "./works/throughput.ts"
import { measureWorkflow } from "./works/workflow.ts"
import { measureWorkflowLatency } from "./works/workflow-latency.ts"

/** Does one measurement in this process, with helpers in others where it needs them. */
export function measure(measurement: Measurement, place: Place): Promise<Measured> {
  return works[measurement.work](measurement, place)
}

const works: Record<Measurement["work"], (measurement: Measurement, place: Place) => Promise<Measured>> = {
  throughput: measureThroughput,
  fleet: measureFleet,
  latency: measureLatency,
  "latency-across": measureLatencyAcross,
  memory: measureMemory,
  long: measureLong,
  idle: measureIdle,
  workflow: measureWorkflow,
  "workflow-latency": measureWorkflowLatency,
  insert: measureRaw,
  "insert-json": measureRaw,
  commit: measureRaw,
  "commit-in-a-row": measureRaw,
}
