import type { ContenderName, Measurement } from "../measurement.ts"
import type { Rivals } from "./carillon.ts"
import { type Details, IDLE, inBatchesOf, LATENCY, measurement } from "./define.ts"

/** How a peer is measured: the ways to emit that it is good at, and how it is set for each. */
interface Peer {
  readonly contender: ContenderName
  readonly prefix: string
  readonly title: string
  readonly onPostgres: boolean
  readonly single: readonly Way[]
  readonly batch: readonly Way[]
  /** The settings that answer soonest. */
  readonly prompt: Details
}

interface Way {
  readonly suffix: string
  readonly what: string
  readonly details: Details
}

const TUNED: Details = { settings: { batched: true } }

const peers: readonly Peer[] = [
  {
    contender: "pg-boss",
    prefix: "pg-boss",
    title: "pg-boss",
    onPostgres: true,
    single: [
      { suffix: "", what: "single sends, 100 in flight, notify off", details: {} },
      {
        suffix: "-notify",
        what: "single sends, 100 in flight, notify on",
        details: { settings: { notify: true } },
      },
    ],
    batch: [
      {
        suffix: "-bulk",
        what: "inserts of 500, notify on",
        details: { ...inBatchesOf(500), events: 100_000, settings: { notify: true } },
      },
    ],
    prompt: { settings: { notify: true } },
  },
  {
    contender: "graphile-worker",
    prefix: "graphile",
    title: "graphile-worker",
    onPostgres: true,
    single: [
      { suffix: "", what: "single addJob, 100 in flight, default", details: { events: 10_000 } },
      { suffix: "-tuned", what: "single addJob, 100 in flight, tuned", details: TUNED },
    ],
    batch: [
      {
        suffix: "-bulk",
        what: "addJobs of 500, tuned",
        details: { ...inBatchesOf(500), ...TUNED, events: 100_000 },
      },
      {
        suffix: "-bulk-default",
        what: "addJobs of 500, default",
        details: { ...inBatchesOf(500), events: 10_000 },
      },
    ],
    prompt: {},
  },
  {
    contender: "bullmq-postgres",
    prefix: "bullmq-postgres",
    title: "BullMQ on PostgreSQL",
    onPostgres: true,
    single: [{ suffix: "", what: "single adds, 100 in flight", details: { events: 8_000 } }],
    batch: [{ suffix: "-bulk", what: "addBulk of 100", details: { ...inBatchesOf(100), events: 10_000 } }],
    prompt: {},
  },
  {
    contender: "bullmq",
    prefix: "bullmq",
    title: "BullMQ on Redis",
    onPostgres: false,
    single: [{ suffix: "", what: "single adds, 100 in flight", details: {} }],
    batch: [{ suffix: "-bulk", what: "addBulk of 100", details: inBatchesOf(100) }],
    prompt: {},
  },
]

export const rivalsOnPostgres: readonly Measurement[] = peers.flatMap((peer) => [
  ...inOneProcess(peer),
  ...inAFleet(peer),
  measurement(peer.contender, `${peer.prefix}-latency`, `${peer.title}, 100 a second`, {
    ...LATENCY,
    ...peer.prompt,
  }),
  measurement(peer.contender, `${peer.prefix}-latency-across`, `${peer.title}, from one process to another`, {
    ...LATENCY,
    ...peer.prompt,
    work: "latency-across",
    workers: 1,
  }),
  measurement(peer.contender, `${peer.prefix}-idle`, `${peer.title}, nothing to do`, {
    ...IDLE,
    ...peer.prompt,
  }),
])

function inOneProcess({ contender, prefix, title, single, batch }: Peer): Measurement[] {
  return [1, 3].flatMap((subscribers) =>
    [...single, ...batch].map(({ suffix, what, details }) =>
      measurement(contender, `${prefix}-${subscribers}${suffix}`, `${title}, ${what}`, {
        ...details,
        subscribers,
      }),
    ),
  )
}

function inAFleet({ contender, prefix, title, single, batch }: Peer): Measurement[] {
  return [...single, ...batch].map(({ suffix, what, details }) =>
    measurement(contender, `${prefix}-fleet-2${suffix}`, `${title}, 2 workers, ${what}`, {
      ...details,
      work: "fleet",
      workers: 2,
    }),
  )
}

/** Whom Carillon is compared with: those that are as durable as it is, on the same server. */
export const rivals: Rivals & Record<"fleetSingle" | "fleetBatch", readonly string[]> = {
  single: (subscribers) => namesOf("single", subscribers),
  batch: (subscribers) => namesOf("batch", subscribers),
  github: [],
  fleetSingle: namesOf("single", "fleet-2"),
  fleetBatch: namesOf("batch", "fleet-2"),
}

function namesOf(kind: "single" | "batch", what: number | string): string[] {
  return peers
    .filter(({ onPostgres }) => onPostgres)
    .flatMap((peer) => peer[kind].map(({ suffix }) => `${peer.prefix}-${what}${suffix}`))
}
