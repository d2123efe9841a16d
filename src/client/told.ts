import type { Answer } from "./asked.ts"

type EventReport = Answer<"getEvent">
type DeliveryReport = Answer<"getDelivery">

/** Something new: an event with its deliveries so far, or a delivery that came further. */
export type StreamEntry =
  | {
      readonly kind: "event"
      readonly event: EventReport
      readonly deliveries: readonly DeliveryReport[]
      /** From here a later stream goes on: `{ after: id }`. */
      readonly id: string
    }
  | { readonly kind: "delivery"; readonly delivery: DeliveryReport; readonly id: string }

/** So many are remembered: what comes again is what was new in the last seconds. */
const MOST_REMEMBERED = 10_000

/** Knows what a stream has told, for after a cut some of it comes again. */
export class Told {
  readonly #events = new Remembered()
  readonly #deliveries = new Remembered()

  /** What of an entry is new. Of an event that comes again that may be how far its deliveries came meanwhile. */
  news(entry: StreamEntry): readonly StreamEntry[] {
    const { kind, id } = entry
    const isNew = kind === "event" && this.#events.set(keyOf(entry.event), "")
    const deliveries = kind === "event" ? entry.deliveries : [entry.delivery]
    const further = deliveries.filter((each) => this.#deliveries.set(each.deliveryId, stageOf(each)))
    return isNew ? [entry] : further.map((delivery) => ({ kind: "delivery", delivery, id }))
  }
}

function keyOf({ scope, id }: EventReport): string {
  return JSON.stringify([scope.account, scope.workspace, id])
}

function stageOf({ state, attempts }: DeliveryReport): string {
  return `${state} ${attempts.length}`
}

class Remembered {
  readonly #values = new Map<string, string>()

  /** Whether it is another value than before. */
  set(key: string, value: string): boolean {
    const isOther = this.#values.get(key) !== value
    this.#values.delete(key)
    this.#values.set(key, value)
    const oldest = this.#values.keys().next().value
    if (this.#values.size > MOST_REMEMBERED && oldest !== undefined) this.#values.delete(oldest)
    return isOther
  }
}
