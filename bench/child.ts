import type { Measurement } from "./measurement.ts"
import { measure } from "./work.ts"

/** The child process of one measurement: it gets a measurement and a directory, and sends its parent the result. */
const [measurement, directory] = JSON.parse(process.argv[2] ?? "[]") as [Measurement, string]
// A run that was interrupted leaves no child behind.
process.once("disconnect", () => process.exit(1))
const result = await measure(measurement, directory)
// Leaving by exit, because a contender may keep a timer or a socket open after its stop.
process.send?.({ ...result, processCpuMs: cpuMs() }, () => process.exit(0))

function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}
