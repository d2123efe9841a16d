import type { ContenderName, Measurement } from "./measurement.ts"

type Details = Partial<Omit<Measurement, "name" | "contender" | "title">>

function measurement(contender: ContenderName, name: string, title: string, details: Details): Measurement {
  return {
    name,
    title,
    contender,
    work: "throughput",
    payload: "order",
    events: 20_000,
    subscribers: 1,
    producers: 100,
    perEmit: 1,
    handlerMs: 0,
    settings: {},
    ...details,
  }
}

/** Ten seconds at a hundred a second. */
const LATENCY: Details = { work: "latency", events: 1_000 }
const UNBOUNDED: Details = { producers: "unbounded" }
const BULK: Details = { producers: 1, perEmit: 100 }
const GITHUB: Details = { payload: "github" }

/** The limits that the disk and the timers set. */
const limits = [
  measurement("raw", "raw", "raw inserts, 1,000 to a commit", { work: "insert", events: 300_000 }),
  measurement("raw", "raw-json", "raw inserts, JSON made on the way", {
    work: "insert-json",
    events: 300_000,
  }),
  measurement("raw", "raw-github", "raw inserts, GitHub mix", { ...GITHUB, work: "insert" }),
  measurement("raw", "raw-json-github", "raw inserts, GitHub mix, JSON made on the way", {
    ...GITHUB,
    work: "insert-json",
  }),
  measurement("raw", "raw-commit", "one raw commit", { ...LATENCY, work: "commit" }),
  measurement("loop", "loop-5ms", "bare loop, 5 ms handlers", { ...UNBOUNDED, handlerMs: 5, events: 40_000 }),
  measurement("loop", "loop-50ms", "bare loop, 50 ms handlers", {
    ...UNBOUNDED,
    handlerMs: 50,
    events: 6_000,
  }),
]

const QUEUED: Details = { settings: { fastPath: false } }

const carillon = [
  ...[1, 3].flatMap((subscribers) => [
    measurement("carillon", `direct-${subscribers}`, "Carillon direct, producers unbounded", {
      ...UNBOUNDED,
      subscribers,
      events: 200_000,
    }),
    measurement("carillon", `direct-${subscribers}-p100`, "Carillon direct, 100 producers", {
      subscribers,
      events: 200_000,
    }),
    measurement("carillon", `direct-${subscribers}-p1`, "Carillon direct, 1 producer", {
      subscribers,
      producers: 1,
    }),
    measurement(
      "carillon",
      `direct-${subscribers}-github`,
      "Carillon direct, GitHub mix, producers unbounded",
      {
        ...UNBOUNDED,
        ...GITHUB,
        subscribers,
      },
    ),
    measurement("carillon", `queued-${subscribers}`, "Carillon queued, producers unbounded", {
      ...UNBOUNDED,
      ...QUEUED,
      subscribers,
      events: 60_000,
    }),
  ]),
  measurement("carillon", "direct-1-bulk", "Carillon direct, 1 producer, 100 to an emit", {
    ...BULK,
    events: 200_000,
  }),
  measurement("carillon", "queued-1-p100", "Carillon queued, 100 producers", { ...QUEUED, events: 60_000 }),
  measurement("carillon", "handler-5ms", "Carillon, handlers of 5 ms, 100 at once", {
    ...UNBOUNDED,
    handlerMs: 5,
    events: 40_000,
  }),
  measurement("carillon", "handler-50ms", "Carillon, handlers of 50 ms, 100 at once", {
    ...UNBOUNDED,
    handlerMs: 50,
    events: 6_000,
  }),
  measurement("carillon", "latency", "Carillon direct, 100 emits a second", LATENCY),
  measurement("carillon", "latency-queued", "Carillon queued, 100 emits a second", { ...LATENCY, ...QUEUED }),
  measurement("carillon", "memory", "Carillon direct, 100 producers, ten rounds", {
    work: "memory",
    events: 1_000_000,
  }),
]

const C50: Details = { settings: { concurrency: 50 } }

const bullmq = [
  ...[1, 3].flatMap((subscribers) => [
    measurement("bullmq", `bullmq-${subscribers}`, "BullMQ, single adds, 100 in flight", { subscribers }),
    measurement("bullmq", `bullmq-${subscribers}-bulk`, "BullMQ, addBulk of 100", { ...BULK, subscribers }),
  ]),
  measurement("bullmq", "bullmq-1-github", "BullMQ, single adds, GitHub mix", { ...GITHUB, events: 10_000 }),
  measurement("bullmq", "bullmq-latency", "BullMQ, 100 adds a second", LATENCY),
]

const medusa = [
  ...[1, 3].flatMap((subscribers) => [
    measurement("medusa-local", `medusa-local-${subscribers}`, "Medusa local, 100 producers", {
      subscribers,
      events: 200_000,
    }),
    measurement("medusa-redis", `medusa-redis-${subscribers}`, "Medusa Redis, defaults (concurrency 1)", {
      subscribers,
      events: 10_000,
    }),
    measurement("medusa-redis", `medusa-redis-${subscribers}-c50`, "Medusa Redis, concurrency 50", {
      ...C50,
      subscribers,
    }),
  ]),
  measurement("medusa-redis", "medusa-redis-1-github", "Medusa Redis, GitHub mix, concurrency 50", {
    ...C50,
    ...GITHUB,
    events: 10_000,
  }),
  measurement("medusa-redis", "medusa-redis-latency", "Medusa Redis, 100 emits a second", {
    ...LATENCY,
    ...C50,
  }),
]

export const catalogue: readonly Measurement[] = [...limits, ...carillon, ...bullmq, ...medusa]

/** Measurements by name; a name stands for all that begin with it (`bullmq` for `bullmq-1`, `bullmq-3-bulk` …). */
export function measurementsNamed(names: readonly string[]): Measurement[] {
  for (const name of names) {
    if (!catalogue.some((one) => isNamed(one, name))) {
      const known = catalogue.map((one) => one.name).join(", ")
      throw new Error(`Expected the name of a measurement, got \`${name}\`. There are: ${known}.`)
    }
  }
  return catalogue.filter((one) => names.some((name) => isNamed(one, name)))
}

export function measurementNamed(name: string): Measurement {
  const found = catalogue.find((one) => one.name === name)
  if (found === undefined) throw new Error(`There is no measurement \`${name}\`.`)
  return found
}

/** The same with fewer events, for quick runs and warm-ups. */
export function scaled(measurement: Measurement, scale: number): Measurement {
  return { ...measurement, events: Math.max(100, Math.round(measurement.events * scale)) }
}

function isNamed(measurement: Measurement, name: string): boolean {
  return measurement.name === name || measurement.name.startsWith(`${name}-`)
}
