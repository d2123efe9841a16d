import { median, percentile } from "../gauges.ts"
import type { Disturbed, DisturbOrder } from "./carillon.ts"
import { Child } from "./child.ts"
import { type StorePlace, withDatabase } from "./place.ts"
import type { ReceiverBook } from "./receiver.ts"
import { within } from "./throughput.ts"

export interface IsolationOptions {
  readonly place: StorePlace
  readonly rounds: number
  readonly seconds: number
}

const HEALTHY = 20
const HANGING = 500
const HEALTHY_PER_SECOND = 200
const HANGING_PER_SECOND = 100

interface Isolation extends Disturbed {
  readonly p50: number // ms from the emit to the arrival
  readonly p99: number
  readonly lost: number
  readonly hanging: number // connections without an answer, in the end
}

/** From the first second in which anybody hangs, and nobody knows yet who does. */
export async function measureIsolation({ place, rounds, seconds }: IsolationOptions): Promise<void> {
  const undisturbed: Isolation[] = []
  const disturbed: Isolation[] = []
  for (let round = 0; round < rounds; round++) {
    undisturbed.push(await measure(place, 0, seconds))
    disturbed.push(await measure(place, HANGING, seconds))
  }
  console.log(
    `\n${HEALTHY} healthy endpoints with ${HEALTHY_PER_SECOND} events a second, ${place.store}: median of ${rounds} rounds of ${seconds} s`,
  )
  report("undisturbed", undisturbed)
  report(`beside ${HANGING} that hang`, disturbed)
  const ratios = disturbed.map(({ p99 }, round) => p99 / (undisturbed[round]?.p99 ?? Number.NaN))
  console.log(`  p99 beside them: ${median(ratios).toFixed(2)} × undisturbed`)
}

async function measure(place: StorePlace, hanging: number, seconds: number): Promise<Isolation> {
  const receiver = new Child("receiver.ts", [String(HEALTHY + hanging)])
  const { ports } = await receiver.next<{ ports: readonly number[] }>()
  const at = (kind: string, some: readonly number[]): string[] =>
    some.map((port) => `http://127.0.0.1:${port}/${kind}/`)
  const order: DisturbOrder = {
    kind: "disturb",
    healthy: at("timed", ports.slice(0, HEALTHY)),
    hanging: at("hang", ports.slice(HEALTHY)),
    seconds,
    healthyPerSecond: HEALTHY_PER_SECOND,
    hangingPerSecond: HANGING_PER_SECOND,
  }
  try {
    return await withDatabase(place, async (database) => {
      const child = new Child("carillon.ts", [database])
      const result = await within<Disturbed>(child, order)
      const { delays, hanging: held } = await receiver.ask<ReceiverBook>("book")
      const [p50, p99] = [percentile(delays, 0.5), percentile(delays, 0.99)]
      return { ...result, p50, p99, lost: result.emitted - delays.length, hanging: held }
    })
  } finally {
    await receiver.end()
  }
}

function report(what: string, all: readonly Isolation[]): void {
  const of = (pick: (one: Isolation) => number): string => median(all.map(pick)).toFixed(1)
  const lost = all.reduce((sum, one) => sum + one.lost, 0)
  console.log(
    `  ${what.padEnd(22)} p50 ${of(({ p50 }) => p50)} ms  p99 ${of(({ p99 }) => p99)} ms  loop p99 ${of(({ loopP99Ms }) => loopP99Ms)} ms  ${of(({ rssMb }) => rssMb)} MB  lost ${lost}`,
  )
}
