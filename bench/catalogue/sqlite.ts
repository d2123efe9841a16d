import type { Measurement } from "../measurement.ts"
import { carillon } from "./carillon.ts"
import { type Details, GITHUB, inBatchesOf, LATENCY, measurement } from "./define.ts"
import { limits } from "./limits.ts"
import { workflows } from "./workflows.ts"

const C50: Details = { settings: { concurrency: 50 } }

/** Carillon in a file, beside what small services use today: BullMQ on Redis and Medusa's event modules. */
export const sqliteCatalogue: readonly Measurement[] = [
  ...limits(300_000),
  ...carillon(
    {
      single: (subscribers) => [`bullmq-${subscribers}`],
      batch: (subscribers) => [`bullmq-${subscribers}`, `bullmq-${subscribers}-bulk`],
      github: ["bullmq-1-github"],
    },
    { direct: 200_000, queued: 60_000, bulk: 100 },
  ),
  ...bullmq(),
  ...medusa(),
  ...workflows("sqlite"),
]

function bullmq(): Measurement[] {
  return [
    ...[1, 3].flatMap((subscribers) => [
      measurement("bullmq", `bullmq-${subscribers}`, "BullMQ, single adds, 100 in flight", { subscribers }),
      measurement("bullmq", `bullmq-${subscribers}-bulk`, "BullMQ, addBulk of 100", {
        ...inBatchesOf(100),
        subscribers,
      }),
    ]),
    measurement("bullmq", "bullmq-1-github", "BullMQ, single adds, GitHub mix", {
      ...GITHUB,
      events: 10_000,
    }),
    measurement("bullmq", "bullmq-latency", "BullMQ, 100 adds a second", LATENCY),
  ]
}

function medusa(): Measurement[] {
  const single = (subscribers: number) => [`bullmq-${subscribers}`]
  return [
    ...[1, 3].flatMap((subscribers) => [
      measurement("medusa-local", `medusa-local-${subscribers}`, "Medusa local, 100 producers", {
        subscribers,
        events: 200_000,
        rivals: single(subscribers),
      }),
      measurement("medusa-redis", `medusa-redis-${subscribers}`, "Medusa Redis, defaults (concurrency 1)", {
        subscribers,
        events: 10_000,
        rivals: single(subscribers),
      }),
      measurement("medusa-redis", `medusa-redis-${subscribers}-c50`, "Medusa Redis, concurrency 50", {
        ...C50,
        subscribers,
        rivals: single(subscribers),
      }),
    ]),
    measurement("medusa-redis", "medusa-redis-1-github", "Medusa Redis, GitHub mix, concurrency 50", {
      ...C50,
      ...GITHUB,
      events: 10_000,
      rivals: ["bullmq-1-github"],
    }),
    measurement("medusa-redis", "medusa-redis-latency", "Medusa Redis, 100 emits a second", {
      ...LATENCY,
      ...C50,
    }),
  ]
}
