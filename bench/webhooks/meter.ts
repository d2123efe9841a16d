import { startGauges } from "../gauges.ts"

/** What sending took. */
export interface Sent {
  readonly perSecond: number
  readonly cpuMicros: number // of this process with all its threads, for each request
  readonly mainMicros: number // of its main thread
  readonly loopP99Ms: number
}

/** The function returned stops and tells. */
export function startMeter(): (requests: number) => Sent {
  const [startedAt, main, gauges] = [performance.now(), process.threadCpuUsage(), startGauges()]
  return (requests) => {
    const seconds = (performance.now() - startedAt) / 1_000
    const { user, system } = process.threadCpuUsage(main)
    const { cpuMs, loopDelayMs } = gauges()
    return {
      perSecond: requests / seconds,
      cpuMicros: (cpuMs * 1_000) / requests,
      mainMicros: (user + system) / requests,
      loopP99Ms: loopDelayMs.p99,
    }
  }
}
