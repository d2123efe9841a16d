import type { ContenderName, Measurement } from "../measurement.ts"

export type Details = Partial<Omit<Measurement, "name" | "contender" | "title">>

export function measurement(
  contender: ContenderName,
  name: string,
  title: string,
  details: Details,
): Measurement {
  return {
    name,
    title,
    contender,
    work: "throughput",
    payload: "order",
    events: 20_000,
    seconds: 10,
    subscribers: 1,
    producers: 100,
    perEmit: 1,
    handlerMs: 0,
    workers: 0,
    burden: null,
    seldom: false,
    settings: {},
    rivals: [],
    ...details,
  }
}

/** Ten seconds at a hundred a second. */
export const LATENCY: Details = { work: "latency", events: 1_000 }
export const UNBOUNDED: Details = { producers: "unbounded" }
export const QUEUED: Details = { settings: { fastPath: false } }
export const GITHUB: Details = { payload: "github" }
export const IDLE: Details = { work: "idle", events: 100, seconds: 20, seldom: true }

/** One producer that emits so many at once and waits for each answer. */
export function inBatchesOf(perEmit: number): Details {
  return { producers: 1, perEmit }
}
