import { setTimeout as sleep } from "node:timers/promises"
import { Book } from "./book.ts"
import type { Contender, Work } from "./contender.ts"
import { percentile, startGauges } from "./gauges.ts"
import { LATENCY_PER_SECOND, type Measurement, type Result } from "./measurement.ts"
import { type Payload, payloadNamed } from "./payloads.ts"
import { produce, produceAtRate } from "./producers.ts"
import { commitAtRate, insertRows } from "./raw.ts"

/** A result, but for what only the process as a whole can tell. */
export type Measured = Omit<Result, "processCpuMs">

/** Does one measurement in this process. */
export async function measure(measurement: Measurement, directory: string): Promise<Measured> {
  const payload = payloadNamed(measurement.payload)
  switch (measurement.work) {
    case "insert":
    case "insert-json":
      return measureInserts(measurement, payload, directory)
    case "commit":
      return measureCommits(measurement, payload, directory)
    case "latency":
      return measureLatency(measurement, payload, directory)
    case "memory":
      return measureMemory(measurement, payload, directory)
    default:
      return measureThroughput(measurement, payload, directory)
  }
}

async function measureThroughput(
  measurement: Measurement,
  payload: Payload,
  directory: string,
): Promise<Measured> {
  const { events, subscribers } = measurement
  let book = new Book(warmUpOf(events), subscribers)
  const running = await startContender(measurement, payload, directory, (subscriber, seq) =>
    book.record(subscriber, seq),
  )
  await produce({ ...measurement, payload, events: warmUpOf(events), emit: running.emit })
  await book.complete(PATIENCE_MS)
  await running.settled()
  book = new Book(events, subscribers)
  const readGauges = startGauges()
  const startedAt = performance.now()

  await produce({ ...measurement, payload, emit: running.emit })
  const emittedMs = performance.now() - startedAt
  await book.complete(PATIENCE_MS)
  const handledMs = book.lastHandledAt - startedAt
  await running.settled()
  const settledMs = performance.now() - startedAt
  const cost = readGauges()
  await running.stop()

  // Peers get the benefit of the doubt: their clock stops at the last handled delivery, ours when all is settled.
  const tookMs = measurement.contender === "carillon" ? settledMs : handledMs
  return {
    ...nothing,
    ...cost,
    events,
    perSecond: book.lost === 0 ? (events / tookMs) * 1_000 : null,
    emittedMs,
    handledMs,
    settledMs,
    lost: book.lost,
    duplicates: book.duplicates,
  }
}

async function measureLatency(
  measurement: Measurement,
  payload: Payload,
  directory: string,
): Promise<Measured> {
  const { events, subscribers } = measurement
  const book = new Book(events, subscribers)
  const emittedAt = new Float64Array(events)
  const latency = new Float64Array(events)
  const running = await startContender(measurement, payload, directory, (subscriber, seq) => {
    if (subscriber === 0) latency[seq] = performance.now() - (emittedAt[seq] ?? 0)
    book.record(subscriber, seq)
  })
  const readGauges = startGauges()

  await produceAtRate({ payload, events, emit: running.emit }, LATENCY_PER_SECOND, (seq) => {
    emittedAt[seq] = performance.now()
  })
  await book.complete(PATIENCE_MS)
  const cost = readGauges()
  await running.settled()
  await running.stop()

  return {
    ...nothing,
    ...cost,
    events,
    latencyMs: spreadOf(latency.subarray(warmUpOf(events))),
    lost: book.lost,
    duplicates: book.duplicates,
  }
}

const PATIENCE_MS = 60_000

/** The first tenth is done before the clock starts: a server is seldom a second old, and code not yet compiled is slow. */
function warmUpOf(events: number): number {
  return Math.ceil(events / 10)
}

const MEMORY_ROUNDS = 10

async function measureMemory(
  measurement: Measurement,
  payload: Payload,
  directory: string,
): Promise<Measured> {
  const events = Math.round(measurement.events / MEMORY_ROUNDS)
  let book = new Book(events, measurement.subscribers)
  const running = await startContender(measurement, payload, directory, (subscriber, seq) =>
    book.record(subscriber, seq),
  )
  const readGauges = startGauges()
  const rounds: Result["rounds"][number][] = []
  let lost = 0
  let duplicates = 0
  let tookMs = 0

  for (let round = 0; round < MEMORY_ROUNDS; round += 1) {
    const startedAt = performance.now()
    await produce({ ...measurement, payload, events, emit: running.emit })
    await book.complete(PATIENCE_MS)
    await running.settled()
    const roundMs = performance.now() - startedAt
    tookMs += roundMs
    lost += book.lost
    duplicates += book.duplicates
    book = new Book(events, measurement.subscribers)
    await sleep(50)
    globalThis.gc?.()
    const { heapUsed, rss } = process.memoryUsage()
    rounds.push({ heapMb: heapUsed / 2 ** 20, rssMb: rss / 2 ** 20, perSecond: (events / roundMs) * 1_000 })
  }
  const cost = readGauges()
  await running.stop()

  const all = events * MEMORY_ROUNDS
  return { ...nothing, ...cost, events: all, perSecond: (all / tookMs) * 1_000, lost, duplicates, rounds }
}

function measureInserts({ work, events }: Measurement, payload: Payload, directory: string): Measured {
  const readGauges = startGauges()
  const tookMs = insertRows({ payload, events, warmUp: warmUpOf(events), directory }, work === "insert-json")
  return { ...nothing, ...readGauges(), events, perSecond: (events / tookMs) * 1_000 }
}

async function measureCommits(
  { events }: Measurement,
  payload: Payload,
  directory: string,
): Promise<Measured> {
  const readGauges = startGauges()
  const took = await commitAtRate({ payload, events, directory }, LATENCY_PER_SECOND)
  return { ...nothing, ...readGauges(), events, latencyMs: spreadOf(took.subarray(warmUpOf(events))) }
}

async function startContender(
  { contender, subscribers, handlerMs, settings }: Measurement,
  payload: Payload,
  directory: string,
  record: (subscriber: number, seq: number) => void,
) {
  const { start } = (await import(`./contenders/${contender}.ts`)) as Contender
  const handle: Work["handle"] =
    handlerMs === 0
      ? async (subscriber, event) => record(subscriber, event.data.seq)
      : async (subscriber, event) => {
          await sleep(handlerMs)
          record(subscriber, event.data.seq)
        }
  return start({ subscribers, pattern: payload.pattern, directory, settings, handle })
}

function spreadOf(samples: Float64Array) {
  return { p50: percentile(samples, 0.5), p99: percentile(samples, 0.99), max: percentile(samples, 1) }
}

const nothing = {
  perSecond: null,
  emittedMs: null,
  handledMs: null,
  settledMs: null,
  latencyMs: null,
  lost: 0,
  duplicates: 0,
  rounds: [],
} satisfies Partial<Result>
