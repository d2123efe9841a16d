import { type ChildProcess, fork } from "node:child_process"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import type { Cost } from "../gauges.ts"
import type { Measurement, Place } from "../measurement.ts"
import { type AddedUp, addUp, type TallyBooks } from "../tally.ts"
import { PATIENCE_MS } from "./stage.ts"

export type Part = "worker" | "producer"

/** What a director may ask of an actor; instants are of the shared clock. */
export interface Orders {
  start(part: Part, measurement: Measurement, place: Place): Promise<void>
  openBook(events: number): Promise<void>
  beginGauges(): Promise<void>
  produce(events: number): Promise<{ startedAt: number; emittedAt: number }>
  /** Resolves with the instant of each emit. */
  produceAtRate(events: number): Promise<Float64Array>
  handled(): Promise<number>
  books(): Promise<TallyBooks>
  settle(): Promise<number>
  endGauges(): Promise<Cost>
  /** Resolves with the processor time of its life, in milliseconds; then its process ends. */
  stop(): Promise<number>
}

export type ActorReport = { readonly id: number } & ({ readonly value: unknown } | { readonly error: string })

/** Worker processes and, once they have subscribed, a producer of its own. */
export async function startFleet(measurement: Measurement, place: Place): Promise<Fleet> {
  const workers: Orders[] = []
  // One after another: a contender's first start also makes its tables.
  for (let index = 0; index < measurement.workers; index += 1) {
    workers.push(await startActor("worker", measurement, place))
  }
  return new Fleet(workers, await startActor("producer", measurement, place), measurement.subscribers)
}

export class Fleet {
  readonly workers: readonly Orders[]
  readonly producer: Orders
  readonly #subscribers: number
  #deliveries = 0

  constructor(workers: readonly Orders[], producer: Orders, subscribers: number) {
    this.workers = workers
    this.producer = producer
    this.#subscribers = subscribers
  }

  async openBook(events: number): Promise<void> {
    this.#deliveries = events * this.#subscribers
    await Promise.all(this.workers.map((worker) => worker.openBook(events)))
  }

  /** Resolves when every delivery was handled by somebody, or when nothing more came for a long while. */
  async complete(): Promise<AddedUp> {
    let before = -1
    let movedAt = performance.now()
    for (;;) {
      const counts = await Promise.all(this.workers.map((worker) => worker.handled()))
      const handled = counts.reduce((sum, count) => sum + count, 0)
      if (handled !== before) movedAt = performance.now()
      before = handled
      const isOver = performance.now() - movedAt > PATIENCE_MS
      // What two workers have handled is counted twice here, so only the books tell.
      if (handled >= this.#deliveries || isOver) {
        const books = addUp(await Promise.all(this.workers.map((worker) => worker.books())))
        if (books.lost === 0 || isOver) return books
      }
      await sleep(10)
    }
  }

  /** The instant at which the last worker had nothing left to do. */
  async settled(): Promise<number> {
    return Math.max(...(await Promise.all(this.workers.map((worker) => worker.settle()))))
  }

  async beginGauges(): Promise<void> {
    await Promise.all(this.#all().map((actor) => actor.beginGauges()))
  }

  /** Processor time of all together; loop and memory are those of the worst. */
  async endGauges(): Promise<Cost> {
    const costs = await Promise.all(this.#all().map((actor) => actor.endGauges()))
    const worst = costs.reduce((one, other) => (one.loopDelayMs.p99 > other.loopDelayMs.p99 ? one : other))
    return {
      ...worst,
      cpuMs: costs.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
      peakRssMb: Math.max(...costs.map(({ peakRssMb }) => peakRssMb)),
    }
  }

  /** Resolves with the processor time of all actors' lives. */
  async stop(): Promise<number> {
    const cpuMs = await Promise.all(this.#all().map((actor) => actor.stop()))
    return cpuMs.reduce((sum, ms) => sum + ms, 0)
  }

  #all(): Orders[] {
    return [this.producer, ...this.workers]
  }
}

async function startActor(part: Part, measurement: Measurement, place: Place): Promise<Orders> {
  const child = fork(fileURLToPath(new URL("../actor.ts", import.meta.url)), {
    serialization: "advanced",
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  })
  const actor = ordersTo(child)
  await actor.start(part, measurement, place)
  return actor
}

/** Every order is a message, answered by one with the same number. */
function ordersTo(child: ChildProcess): Orders {
  let last = 0
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  child.on("message", (report: ActorReport) => {
    const { resolve, reject } = waiting.get(report.id) ?? {}
    waiting.delete(report.id)
    if ("error" in report) reject?.(new Error(report.error))
    else resolve?.(report.value)
  })
  child.on("exit", (code, signal) => {
    for (const { reject } of waiting.values()) reject(new Error(`An actor ended with ${signal ?? code}.`))
  })

  return new Proxy({} as Orders, {
    get: (_, order) => {
      // An object that is awaited is asked for `then`; this one is no promise.
      if (order === "then") return undefined
      return (...values: unknown[]) =>
        new Promise((resolve, reject) => {
          last += 1
          waiting.set(last, { resolve, reject })
          child.send({ id: last, order, values })
        })
    },
  })
}
