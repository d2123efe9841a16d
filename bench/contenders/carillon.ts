import { join } from "node:path"
import { createCarillon } from "../../src/index.ts"
import type { Running, Work } from "../contender.ts"
import type { BenchEvent } from "../payloads.ts"

export async function start({ subscribers, pattern, directory, settings, handle }: Work): Promise<Running> {
  const { concurrency, ...engine } = settings
  const carillon = await createCarillon({
    database: `file:${join(directory, "carillon.db")}`,
    logger: false,
    ...engine,
  })

  for (let subscriber = 0; subscriber < subscribers; subscriber += 1) {
    carillon.events.subscribe<BenchEvent["data"]>(pattern, (event) => handle(subscriber, event), {
      subscriberId: `subscriber-${subscriber}`,
      ...(concurrency === undefined ? {} : { policy: { concurrency } }),
    })
  }
  await carillon.start()

  return {
    emit: (events) => carillon.events.emit(events),
    settled: () => carillon.drain(),
    stop: () => carillon.stop(),
  }
}
