import { setTimeout as sleep } from "node:timers/promises"
import type { Contender, Running, Work } from "../contender.ts"
import { percentile } from "../gauges.ts"
import type { Measurement, Place, Result, Spread } from "../measurement.ts"
import { payloadNamed } from "../payloads.ts"

/** A result, but for what only the process as a whole can tell. */
export type Measured = Omit<Result, "lifeCpuMs"> & {
  /** Processor time of other processes that took part, over their whole life. */
  readonly othersCpuMs: number
}

/** How long nothing may come before what is missing counts as lost. */
export const PATIENCE_MS = 60_000

/** The first tenth is done before the clock starts: a server is seldom a second old, and code not yet compiled is slow. */
export function warmUpOf(events: number): number {
  return Math.ceil(events / 10)
}

export async function startContender(
  { contender, subscribers, payload, handlerMs, settings }: Measurement,
  place: Place,
  record: (subscriber: number, seq: number) => void,
  role: Work["role"] = "all",
): Promise<Running> {
  const { start } = (await import(`../contenders/${contender}.ts`)) as Contender
  const handle: Work["handle"] =
    handlerMs === 0
      ? async (subscriber, event) => record(subscriber, event.data.seq)
      : async (subscriber, event) => {
          await sleep(handlerMs)
          record(subscriber, event.data.seq)
        }
  const { pattern } = payloadNamed(payload)
  return start({ ...place, role, subscribers, pattern, settings, handle })
}

/** Peers get the benefit of the doubt: their clock stops at the last handled delivery, ours when all is settled. */
export function tookMsOf({ contender }: Measurement, handledMs: number, settledMs: number): number {
  return contender === "carillon" ? settledMs : handledMs
}

export function spreadOf(samples: Float64Array): Spread {
  return { p50: percentile(samples, 0.5), p99: percentile(samples, 0.99), max: percentile(samples, 1) }
}

/** What is left out stays so. */
export const nothing = {
  perSecond: null,
  emittedMs: null,
  handledMs: null,
  settledMs: null,
  latencyMs: null,
  lost: 0,
  duplicates: 0,
  server: null,
  othersCpuMs: 0,
  phases: [],
  rounds: [],
} satisfies Partial<Measured>
