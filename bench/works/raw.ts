import { startGauges } from "../gauges.ts"
import { LATENCY_PER_SECOND, type Measurement, type Place } from "../measurement.ts"
import { payloadNamed } from "../payloads.ts"
import { postgresRows } from "../raw/postgres.ts"
import type { RawStore } from "../raw/raw.ts"
import { sqliteRows } from "../raw/sqlite.ts"
import { isServer } from "../server/server.ts"
import { watchServer } from "../server/watch.ts"
import { type Measured, nothing, spreadOf, warmUpOf } from "./stage.ts"

/** The limits that no store on this disk can pass, without anything of Carillon's or a peer's. */
export async function measureRaw(measurement: Measurement, place: Place): Promise<Measured> {
  const { work, events } = measurement
  const payload = payloadNamed(measurement.payload)
  const warmUp = warmUpOf(events)
  const watch = await watchServer(place.database)
  const raw: RawStore = isServer(place.database) ? postgresRows : sqliteRows
  const onWarm = async () => {
    await watch?.begin()
    return startGauges()
  }
  const wanted = { payload, events, warmUp, database: place.database, onWarm }

  const done =
    work === "commit"
      ? await raw.commitRows({ ...wanted, perSecond: LATENCY_PER_SECOND })
      : work === "commit-in-a-row"
        ? await raw.commitRows({ ...wanted, perSecond: null })
        : await raw.insertRows({ ...wanted, serialise: work === "insert-json" })
  const cost = done.readGauges()
  await watch?.end()
  await done.close()
  const server = (await watch?.cost(warmUp + events)) ?? null
  await watch?.close()

  return {
    ...nothing,
    ...cost,
    events,
    perSecond: work === "commit" ? null : (events / done.tookMs) * 1_000,
    latencyMs: done.commitMs === null ? null : spreadOf(done.commitMs),
    server,
    othersCpuMs: watch?.lifeCpuMs() ?? 0,
  }
}
