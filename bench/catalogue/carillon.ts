import type { Measurement } from "../measurement.ts"
import { GITHUB, inBatchesOf, LATENCY, measurement, QUEUED, UNBOUNDED } from "./define.ts"

/** Whom Carillon is compared with, by kind of work: names of measurements of peers. */
export interface Rivals {
  /** Single emits and emits in batches, with so many subscribers; names that there are not are passed over. */
  single(subscribers: number): readonly string[]
  batch(subscribers: number): readonly string[]
  readonly github: readonly string[]
}

/** How many events, and how many to an emit where they come in arrays. */
interface Amounts {
  readonly direct: number
  readonly queued: number
  readonly bulk: number
}

/** What is measured of Carillon on every engine, under the same names. */
export function carillon(rivals: Rivals, events: Amounts): Measurement[] {
  return [
    ...[1, 3].flatMap((subscribers) => ofSubscribers(subscribers, rivals, events)),
    ...ofOne(rivals, events),
  ]
}

function ofSubscribers(subscribers: number, rivals: Rivals, events: Amounts): Measurement[] {
  return [
    measurement("carillon", `direct-${subscribers}`, "Carillon direct, producers unbounded", {
      ...UNBOUNDED,
      subscribers,
      events: events.direct,
      rivals: rivals.batch(subscribers),
    }),
    measurement("carillon", `direct-${subscribers}-p100`, "Carillon direct, 100 producers", {
      subscribers,
      events: events.direct,
      rivals: rivals.single(subscribers),
    }),
    measurement("carillon", `direct-${subscribers}-p1`, "Carillon direct, 1 producer", {
      subscribers,
      producers: 1,
    }),
    measurement(
      "carillon",
      `direct-${subscribers}-github`,
      "Carillon direct, GitHub mix, producers unbounded",
      { ...UNBOUNDED, ...GITHUB, subscribers, rivals: rivals.github },
    ),
    measurement("carillon", `queued-${subscribers}`, "Carillon queued, producers unbounded", {
      ...UNBOUNDED,
      ...QUEUED,
      subscribers,
      events: events.queued,
      rivals: rivals.batch(subscribers),
    }),
  ]
}

function ofOne(rivals: Rivals, events: Amounts): Measurement[] {
  return [
    measurement("carillon", "direct-1-bulk", `Carillon direct, 1 producer, ${events.bulk} to an emit`, {
      ...inBatchesOf(events.bulk),
      events: events.direct,
      rivals: rivals.batch(1),
    }),
    measurement("carillon", "queued-1-p100", "Carillon queued, 100 producers", {
      ...QUEUED,
      events: events.queued,
      rivals: rivals.single(1),
    }),
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
    measurement("carillon", "latency-queued", "Carillon queued, 100 emits a second", {
      ...LATENCY,
      ...QUEUED,
    }),
    measurement("carillon", "memory", "Carillon direct, 100 producers, ten rounds", {
      work: "memory",
      events: events.direct * 5,
    }),
  ]
}
