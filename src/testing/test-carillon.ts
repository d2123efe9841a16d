import { type Carillon, createCarillon } from "../carillon.ts"
import type { CarillonOptions } from "../options.ts"
import { currentStep } from "../worker/current-step.ts"
import { currentDelivery } from "../worker/delivery.ts"
import { type MovingClock, movingClock } from "./moving-clock.ts"
import { Recorded } from "./recorded.ts"

export interface TestCarillonOptions extends Omit<CarillonOptions, "clock" | "storeThread"> {
  /** @defaultValue a new one */
  readonly clock?: MovingClock
  /**
   * `emit`, `publish` and `releaseGroupedEvents` resolve only after the handlers have run, those of events emitted
   * by handlers included. What failed waits for its retry as ever.
   *
   * @defaultValue false
   */
  readonly inline?: boolean
  /** `false` leaves `start()` to the test. @defaultValue true */
  readonly start?: boolean
}

/** A Carillon with a clock to move and a record of what it emitted. */
export type TestCarillon = Carillon & { readonly clock: MovingClock; readonly recorded: Recorded }

/**
 * A started Carillon for one test: store in memory, moving clock, no log, no jitter, group `test`. Any
 * option of `createCarillon` may be given. `stop()` leaves nothing behind.
 *
 * @example
 * ```ts
 * const carillon = await createTestCarillon({ inline: true })
 * carillon.events.subscribe("brand.created", syncBrand, { subscriberId: "sync-cms" })
 *
 * await carillon.events.emit({ name: "brand.created", data: { id: "brand_1" } })
 *
 * carillon.recorded.expectEmitted("brand.synced", { id: "brand_1" })
 * await carillon.stop()
 * ```
 */
export async function createTestCarillon(options: TestCarillonOptions = {}): Promise<TestCarillon> {
  const { clock = movingClock(), inline = false, start = true, ...rest } = options
  const carillon = await createCarillon({ ...DEFAULTS, ...rest, clock, storeThread: "main" })
  const recorded = new Recorded(carillon.events)
  const around = <T>(emit: () => Promise<T>): Promise<T> => recorded.during(emit)
  const observed = observe(carillon, inline ? (emit) => thenDrain(carillon, around(emit)) : around)
  if (start) await observed.start()
  return Object.assign(observed, { clock, recorded })
}

const DEFAULTS = {
  database: ":memory:",
  logger: false,
  group: "test",
  graceMs: 100,
  random: () => 0, // waits are as long as the policy says, to the millisecond
  // Hints tell a store in this thread all there is to know; a day of polling would take a test seconds.
  pollMs: 60_000,
  leaseMs: 600_000,
} as const satisfies CarillonOptions

/** Puts `around` about each way in which events go out. */
function observe(carillon: Carillon, around: <T>(emit: () => Promise<T>) => Promise<T>): Carillon {
  const { events } = carillon
  const emit = carillon.emit.bind(carillon)
  const emitFromModule = events.emit.bind(events)
  const release = events.releaseGroupedEvents.bind(events)
  const publish = events.publish as (...given: unknown[]) => ReturnType<typeof events.publish>
  carillon.emit = (data, options) => around(() => emit(data, options))
  events.emit = (data, options) => around(() => emitFromModule(data, options))
  events.publish = (...given: unknown[]) => around(() => publish(...given))
  carillon.publish = events.publish
  events.releaseGroupedEvents = (eventGroupId, options) => around(() => release(eventGroupId, options))
  return carillon
}

/** A handler or a step that emits must not wait for itself: only the outermost emit waits. */
async function thenDrain<T>(carillon: Carillon, emitted: Promise<T>): Promise<T> {
  const result = await emitted
  const isOutermost = currentDelivery.getStore() === undefined && currentStep.getStore() === undefined
  if (isOutermost) await carillon.drain()
  return result
}
