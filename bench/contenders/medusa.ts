import type { Work } from "../contender.ts"
import type { BenchEvent } from "../payloads.ts"

/** The event module of Medusa, as far as both of its implementations share it. */
export interface MedusaBus {
  emit(events: BenchEvent | BenchEvent[]): Promise<void>
  subscribe(
    event: string,
    subscriber: (event: BenchEvent) => Promise<void>,
    context: { subscriberId: string },
  ): void
}

/** What `Module(…)` returns: a package's default export. */
export interface MedusaModule<Service> {
  readonly default: { readonly service: Service }
}

/** Logging each event would be measured too, so nothing is logged. */
export const silentLogger = { info() {}, warn() {}, error() {}, debug() {} }

/** Medusa knows one wildcard, the star alone. */
export function subscribeAll(bus: MedusaBus, { subscribers, pattern, handle }: Work): void {
  const name = pattern.includes("*") ? "*" : pattern
  for (let subscriber = 0; subscriber < subscribers; subscriber += 1) {
    bus.subscribe(name, (event) => handle(subscriber, event), { subscriberId: `subscriber-${subscriber}` })
  }
}
