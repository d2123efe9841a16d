import type { ContenderName, Measurement, StoreName } from "../measurement.ts"
import { type Details, measurement } from "./define.ts"

/** Fifty at once. */
const WORKFLOW: Details = { work: "workflow", producers: 50 }
/** Twenty seconds at twenty a second. */
const LATENCY: Details = { work: "workflow-latency", events: 400 }

interface Peer {
  readonly contender: ContenderName
  readonly prefix: string
  readonly title: string
  readonly runs: number
}

/** In a run of their own length, some five seconds each. */
const peers: readonly Peer[] = [
  { contender: "dbos", prefix: "workflow-dbos", title: "DBOS", runs: 2_500 },
  { contender: "restate", prefix: "workflow-restate", title: "Restate", runs: 4_000 },
  {
    contender: "medusa-in-memory",
    prefix: "workflow-medusa-in-memory",
    title: "Medusa, in-memory engine, storing on",
    runs: 1_000,
  },
  {
    contender: "medusa-redis",
    prefix: "workflow-medusa-redis",
    title: "Medusa, Redis engine, storing on",
    runs: 1_000,
  },
]

const RESTATE_MORE = "workflow-restate-p200"

/** Workflows of three steps. DBOS and Medusa's engines have PostgreSQL beneath them wherever Carillon has its own store. */
export function workflows(store: StoreName): Measurement[] {
  return [
    measurement("carillon", "workflow", "Carillon, 50 at once", {
      ...WORKFLOW,
      events: store === "postgres" ? 20_000 : 30_000,
      rivals: [...peers.map(({ prefix }) => prefix), RESTATE_MORE],
    }),
    measurement("carillon", "workflow-p200", "Carillon, 200 at once", {
      ...WORKFLOW,
      producers: 200,
      events: store === "postgres" ? 20_000 : 30_000,
      rivals: [...peers.map(({ prefix }) => prefix), RESTATE_MORE],
    }),
    measurement("carillon", "workflow-latency", "Carillon", LATENCY),
    ...peers.flatMap(({ contender, prefix, title, runs }) => [
      measurement(contender, prefix, `${title}, 50 at once`, { ...WORKFLOW, events: runs }),
      measurement(contender, `${prefix}-latency`, title, LATENCY),
    ]),
    measurement("restate", RESTATE_MORE, "Restate, 200 at once", {
      ...WORKFLOW,
      producers: 200,
      events: 4_000,
    }),
  ]
}
