import { type Carillon, type CarillonOptions, createCarillon } from "carillon"
import { type MovingClock, movingClock } from "carillon/testing"
import { workflowRegistry } from "../../src/runs/registry.ts"
import { type Place, placeOn } from "./place.ts"

export type EngineName = "sqlite" | "postgres"

/** A store with Carillons on it, of which each has a clock of its own: whose clock stands still is frozen. */
export class WorkflowShop {
  readonly database: string
  readonly place: Place
  readonly log: string[] = [] // what steps and handlers did, in order
  readonly errors: unknown[] = [] // what Carillons logged as errors
  readonly warnings: string[] = []
  readonly #carillons: Carillon[] = []

  private constructor(place: Place) {
    this.database = place.database
    this.place = place
  }

  static async open(engine: EngineName): Promise<WorkflowShop> {
    workflowRegistry.clear()
    return new WorkflowShop(await placeOn(engine, "workflows"))
  }

  /** Another process, as it were. */
  async carillon(options: CarillonOptions & { readonly start?: boolean } = {}): Promise<Carillon> {
    const { start = true, ...rest } = options
    const logger = {
      debug: () => {},
      info: () => {},
      warn: (...words: unknown[]) => void this.warnings.push(words.map(String).join(" ")),
      error: (error: unknown) => void this.errors.push(error),
    }
    const carillon = await createCarillon({
      database: this.database,
      group: "shop",
      random: () => 0,
      pollMs: 200,
      graceMs: 500,
      storeThread: "main",
      ...rest,
      logger,
    })
    this.#carillons.push(carillon)
    if (start) await carillon.start()
    return carillon
  }

  /** One with a clock to move. Its lease outlasts what tests let pass. */
  async timed(
    options: CarillonOptions & { readonly start?: boolean } = {},
    startAt: Date = new Date("2026-03-01T12:00:00Z"),
  ): Promise<{ carillon: Carillon; clock: MovingClock }> {
    const clock = movingClock({ start: startAt })
    const carillon = await this.carillon({
      clock,
      leaseMs: 600_000,
      heartbeatMs: 200_000,
      pollMs: 60_000,
      ...options,
    })
    return { carillon, clock }
  }

  async close(): Promise<void> {
    await Promise.all(this.#carillons.map((carillon) => carillon.stop().catch(() => {})))
    await this.place.remove()
    workflowRegistry.clear()
  }
}

/** Lets time pass, a little at a time, until a promise is settled: stores on servers answer in real time. */
export async function passUntil<T>(clock: MovingClock, promise: Promise<T>, stepMs = 250): Promise<T> {
  let settled = false
  const done = (): void => {
    settled = true
  }
  promise.then(done, done)
  for (let turn = 0; !settled && turn < 2_000; turn++) {
    await rest()
    if (!settled) await clock.advance(stepMs)
  }
  return promise
}

/** Waits, in real time, for what the test expects of others. */
export async function until(holds: () => boolean | Promise<boolean>, what = "it"): Promise<void> {
  for (let turn = 0; turn < 1_000; turn++) {
    if (await holds()) return
    await rest()
  }
  throw new Error(`Expected ${what} to come true within ten seconds, it did not.`)
}

function rest(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 10)
  })
}

/** A promise to be settled from outside. */
export function signal<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((each) => {
    resolve = each
  })
  return { promise, resolve }
}
