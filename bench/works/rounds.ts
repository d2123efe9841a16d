import { setTimeout as sleep } from "node:timers/promises"
import { Book } from "../book.ts"
import type { Running } from "../contender.ts"
import { median, startGauges } from "../gauges.ts"
import type { Measurement, Place, Round } from "../measurement.ts"
import { payloadNamed } from "../payloads.ts"
import { produce } from "../producers.ts"
import { pinTransaction } from "../server/pin.ts"
import { watchServer } from "../server/watch.ts"
import { type Measured, nothing, PATIENCE_MS, startContender, warmUpOf } from "./stage.ts"

const MEMORY_ROUNDS = 10

/** Ten rounds with a garbage collection after each: what stays in the heap is held. */
export function measureMemory(measurement: Measurement, place: Place): Promise<Measured> {
  const events = Math.round(measurement.events / MEMORY_ROUNDS)
  return measureRounds({ ...measurement, events }, place, {
    goesOn: (rounds) => rounds.length < MEMORY_ROUNDS,
    rate: (rounds) => rounds.length / rounds.reduce((sum, { perSecond }) => sum + 1 / perSecond, 0),
    collects: true,
  })
}

/** Rounds until the time is over; the speed is that of the last third, when all that piles up has piled up. */
export function measureLong(measurement: Measurement, place: Place): Promise<Measured> {
  const endsAt = () => performance.now() + measurement.seconds * 1_000
  let end = Number.NaN
  return measureRounds(measurement, place, {
    goesOn: (rounds) => {
      if (rounds.length === 0) end = endsAt()
      return rounds.length < 3 || performance.now() < end
    },
    rate: (rounds) => median(rounds.slice(-Math.ceil(rounds.length / 3)).map(({ perSecond }) => perSecond)),
    collects: false,
  })
}

interface Plan {
  goesOn(rounds: readonly Round[]): boolean
  /** Events a second of the whole. */
  rate(rounds: readonly Round[]): number
  readonly collects: boolean
}

async function measureRounds(measurement: Measurement, place: Place, plan: Plan): Promise<Measured> {
  const { events, subscribers, burden } = measurement
  const warmUp = warmUpOf(events)
  const books = { lost: 0, duplicates: 0, current: new Book(warmUp, subscribers) }
  const watch = await watchServer(place.database)
  const running = await startContender(measurement, place, (subscriber, seq) =>
    books.current.record(subscriber, seq),
  )
  await runRound({ ...measurement, events: warmUp }, running, books)
  const unpin = burden === "pinned" ? await pinTransaction(place.database) : null
  await watch?.begin()
  const readGauges = startGauges()
  const rounds: Round[] = []

  while (plan.goesOn(rounds)) {
    const perSecond = await runRound(measurement, running, books)
    await sleep(50)
    if (plan.collects) globalThis.gc?.()
    const { heapUsed, rss } = process.memoryUsage()
    rounds.push({ heapMb: heapUsed / 2 ** 20, rssMb: rss / 2 ** 20, perSecond })
  }
  const cost = readGauges()
  await watch?.end()
  await unpin?.()
  await running.stop()
  const all = events * rounds.length
  const server = (await watch?.cost(warmUp + all)) ?? null
  await watch?.close()

  const { lost, duplicates } = books
  const perSecond = lost === 0 ? plan.rate(rounds) : null
  const othersCpuMs = watch?.lifeCpuMs() ?? 0
  return { ...nothing, ...cost, events: all, perSecond, lost, duplicates, rounds, server, othersCpuMs }
}

/** Events a second of one round. */
async function runRound(
  measurement: Measurement,
  running: Running,
  books: { lost: number; duplicates: number; current: Book },
): Promise<number> {
  const { events, subscribers } = measurement
  books.current = new Book(events, subscribers)
  const startedAt = performance.now()
  await produce({ ...measurement, payload: payloadNamed(measurement.payload), emit: running.emit })
  await books.current.complete(PATIENCE_MS)
  await running.settled()
  const tookMs = performance.now() - startedAt

  books.lost += books.current.lost
  books.duplicates += books.current.duplicates
  return (events / tookMs) * 1_000
}
