import type { Running, Work } from "../contender.ts"
import { requirePeer } from "../peers.ts"
import { type MedusaBus, type MedusaModule, silentLogger, subscribeAll } from "./medusa.ts"

type LocalService = new (cradle: object, options: object, declaration: object) => MedusaBus

/** Medusa's default: an EventEmitter in memory, without acknowledgement, retry or store. */
export async function start(work: Work): Promise<Running> {
  const { service: LocalEventBus } = (
    requirePeer("medusa", "@medusajs/event-bus-local") as MedusaModule<LocalService>
  ).default
  const bus = new LocalEventBus({ logger: silentLogger }, {}, { worker_mode: "shared" })
  subscribeAll(bus, work)

  return {
    emit: (events) => bus.emit(events),
    // Nothing is stored, so nothing settles.
    settled: async () => {},
    stop: async () => {},
  }
}
