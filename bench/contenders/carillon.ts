import { type Carillon, createCarillon } from "../../src/index.ts"
import type { Running, Work } from "../contender.ts"
import type { BenchEvent } from "../payloads.ts"
import { type Application, openApplication } from "./application.ts"

const KEYS = 1_000

export async function start({
  role,
  database,
  subscribers,
  pattern,
  settings,
  handle,
}: Work): Promise<Running> {
  const { concurrency, ordered, transactional, fastPath, storeThread } = settings
  const carillon = await createCarillon({
    database,
    group: "bench",
    logger: false,
    ...(fastPath === undefined ? {} : { fastPath }),
    ...(storeThread === undefined ? {} : { storeThread }),
  })

  const policy = {
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(ordered ? { order: "hold" as const } : {}),
  }
  if (role !== "producer") {
    for (let subscriber = 0; subscriber < subscribers; subscriber += 1) {
      carillon.events.subscribe<BenchEvent["data"]>(pattern, (event) => handle(subscriber, event), {
        subscriberId: `subscriber-${subscriber}`,
        policy,
      })
    }
    await carillon.start()
  }
  const application = transactional ? await openApplication(database) : null

  return {
    emit: emitter(carillon, application, ordered === true),
    settled: () => carillon.drain(),
    stop: async () => {
      await carillon.stop()
      await application?.close()
    },
  }
}

function emitter(carillon: Carillon, application: Application | null, ordered: boolean): Running["emit"] {
  if (application !== null) {
    return (events) => application.inTransaction((tx) => carillon.events.emit(events, { tx }))
  }
  if (ordered) return (events) => carillon.events.emit([events].flat().map(keyed))
  return (events) => carillon.events.emit(events)
}

function keyed(event: BenchEvent) {
  return { ...event, key: `customer-${event.data.seq % KEYS}` }
}
