import { monitorEventLoopDelay, performance } from "node:perf_hooks"

/** What a measurement cost the process. */
export interface Cost {
  /** Processor time of all threads of the process, user and system. */
  readonly cpuMs: number
  /** How late a timer of one millisecond fires, that millisecond included: about 1.1 when idle. */
  readonly loopDelayMs: { readonly p50: number; readonly p99: number; readonly max: number }
  /** Share of the time in which the event loop was busy, 0 to 1. */
  readonly loopBusy: number
  readonly peakRssMb: number
}

/**
 * Starts the gauges; the function returned stops and reads them. The loop's delay is measured by a timer of one
 * millisecond, which is work itself: where the process is to be idle it is left out.
 */
export function startGauges({ loop } = { loop: true }): () => Cost {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  const cpuBefore = process.cpuUsage()
  const loopBefore = performance.eventLoopUtilization()
  if (loop) delay.enable()

  return () => {
    delay.disable()
    const cpu = process.cpuUsage(cpuBefore)
    return {
      cpuMs: (cpu.user + cpu.system) / 1_000,
      loopDelayMs: {
        p50: delay.percentile(50) / 1e6,
        p99: delay.percentile(99) / 1e6,
        max: delay.max / 1e6,
      },
      loopBusy: performance.eventLoopUtilization(loopBefore).utilization,
      peakRssMb: process.resourceUsage().maxRSS / 1_024,
    }
  }
}

/** The value below which `share` of the samples lie. */
export function percentile(samples: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(samples).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}
