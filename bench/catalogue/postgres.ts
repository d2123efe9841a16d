import type { Measurement } from "../measurement.ts"
import { carillon } from "./carillon.ts"
import { type Details, IDLE, LATENCY, measurement, QUEUED, UNBOUNDED } from "./define.ts"
import { limits } from "./limits.ts"
import { rivals, rivalsOnPostgres } from "./rivals-postgres.ts"
import { workflows } from "./workflows.ts"

const FLEET: Details = { work: "fleet", workers: 2 }
const ACROSS: Details = { ...LATENCY, work: "latency-across", workers: 1 }
const ORDERED: Details = { settings: { ordered: true } }
const TRANSACTIONAL: Details = { settings: { transactional: true } }
const SELDOM: Details = { seldom: true }

/** Carillon on PostgreSQL, beside the queues that people run on the same server, and BullMQ on Redis. */
export const postgresCatalogue: readonly Measurement[] = [
  ...limits(200_000),
  measurement("raw", "raw-commits", "raw commits of one row, one after another", {
    work: "commit-in-a-row",
  }),
  ...carillon(rivals, { direct: 100_000, queued: 40_000, bulk: 500 }),
  ...roads(),
  ...fleets(),
  ...idle(),
  ...burdened(),
  ...pinned(),
  ...rivalsOnPostgres,
  ...workflows("postgres"),
]

/** What only exists on a server, and the roads that are also tried under a burden. */
function roads(): Measurement[] {
  return [
    measurement("carillon", "ordered-1", "Carillon, ordered by key, 1,000 keys", {
      ...UNBOUNDED,
      ...ORDERED,
      events: 20_000,
    }),
    measurement("carillon", "transactional-1", "Carillon, each emit in a transaction of the application's", {
      ...TRANSACTIONAL,
      events: 20_000,
    }),
    measurement("carillon", "latency-across", "Carillon, emitted in one process, handled in another", ACROSS),
    measurement("carillon", "latency-across-queued", "Carillon queued, from one process to another", {
      ...ACROSS,
      ...QUEUED,
    }),
  ]
}

function fleets(): Measurement[] {
  return [1, 2].flatMap((workers) => [
    measurement("carillon", `fleet-${workers}`, `Carillon, ${workers} workers and an unbounded producer`, {
      ...FLEET,
      ...UNBOUNDED,
      workers,
      events: 100_000,
      rivals: rivals.fleetBatch,
    }),
    measurement("carillon", `fleet-${workers}-p100`, `Carillon, ${workers} workers, 100 emits in flight`, {
      ...FLEET,
      workers,
      events: 60_000,
      rivals: rivals.fleetSingle,
    }),
    measurement("carillon", `fleet-${workers}-queued`, `Carillon queued, ${workers} workers`, {
      ...FLEET,
      ...UNBOUNDED,
      ...QUEUED,
      workers,
      events: 40_000,
      rivals: rivals.fleetBatch,
    }),
  ])
}

function idle(): Measurement[] {
  return [
    measurement("carillon", "idle", "Carillon, nothing to do", IDLE),
    measurement("carillon", "open-idle", "Carillon, nothing to do, a store full of open deliveries", {
      ...IDLE,
      burden: "open",
    }),
  ]
}

/** Each of these has its like on an empty store, from the same round. */
function burdened(): Measurement[] {
  return (["open", "history"] as const).flatMap((burden) => {
    const details: Details = { burden, ...SELDOM }
    const what = burden === "open" ? "a store full of open deliveries" : "a store full of past events"
    return [
      measurement("carillon", `${burden}-direct-1`, `Carillon direct, ${what}`, {
        ...details,
        ...UNBOUNDED,
        events: 100_000,
      }),
      measurement("carillon", `${burden}-queued-1`, `Carillon queued, ${what}`, {
        ...details,
        ...UNBOUNDED,
        ...QUEUED,
        events: 40_000,
      }),
      measurement("carillon", `${burden}-ordered-1`, `Carillon, ordered by key, ${what}`, {
        ...details,
        ...UNBOUNDED,
        ...ORDERED,
        events: 20_000,
      }),
      measurement("carillon", `${burden}-fleet-2`, `Carillon, 2 workers and a producer, ${what}`, {
        ...details,
        ...FLEET,
        ...UNBOUNDED,
        events: 100_000,
      }),
      measurement("carillon", `${burden}-latency`, `Carillon, 100 emits a second, ${what}`, {
        ...details,
        ...LATENCY,
      }),
    ]
  })
}

/** The same work for the same time, with and without a transaction that has been open since before it began. */
function pinned(): Measurement[] {
  const roadsTried: readonly [string, string, Details][] = [
    ["direct", "direct", {}],
    ["queued", "queued", QUEUED],
    // More than a worker gets ready: most of these jobs are claimed, while the former are born leased.
    ["queued-3", "queued, unbounded, 3 subscribers", { ...QUEUED, ...UNBOUNDED, subscribers: 3 }],
    ["ordered", "ordered by key", ORDERED],
    ["transactional", "emits in transactions", TRANSACTIONAL],
  ]
  return roadsTried.flatMap(([name, what, road]) => {
    const details: Details = { ...road, ...SELDOM, work: "long", events: 10_000, seconds: 60 }
    return [
      measurement("carillon", `long-${name}`, `Carillon, ${what}, for a while`, details),
      measurement("carillon", `pinned-${name}`, `Carillon, ${what}, a transaction open for a while`, {
        ...details,
        burden: "pinned",
      }),
    ]
  })
}
