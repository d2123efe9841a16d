import type { Measurement, Place, Result } from "./measurement.ts"
import { measure } from "./work.ts"

/** The child process of one measurement: it gets a measurement and a place, and sends its parent the result. */
const [measurement, place] = JSON.parse(process.argv[2] ?? "[]") as [Measurement, Place]
// A run that was interrupted leaves no child behind.
process.once("disconnect", () => process.exit(1))
const { othersCpuMs, ...measured } = await measure(measurement, place)
// Leaving by exit, because a contender may keep a timer or a socket open after its stop.
const result: Result = { ...measured, lifeCpuMs: cpuMs() + othersCpuMs }
process.send?.(result, () => process.exit(0))

function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}
