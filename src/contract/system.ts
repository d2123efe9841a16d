import { z } from "@hono/zod-openapi"
import { pageOf, pageQuery } from "./page.ts"
import { route } from "./route.ts"
import { instant, moment } from "./values.ts"

const worker = z
  .object({
    no: z.int(),
    group: z.string(),
    host: z.string(),
    pid: z.int(),
    startedAt: instant,
    seenAt: instant,
    alive: z.boolean(),
    handles: z.array(z.string()).meta({ description: "Ids of what it has code for" }),
  })
  .meta({ id: "Worker" })

const stats = z
  .object({
    events: z.int().meta({ description: "Approximate" }),
    openBatches: z.int(),
    openParts: z.int(),
    openJobs: z.int(),
    deadJobs: z.int(),
    staged: z.int(),
    bytes: z.int(),
    subscriptions: z.int(),
    workflows: z.int().meta({ description: "In all their shapes" }),
    liveRuns: z.int(),
    crashedRuns: z.int().meta({ description: "They stand still until they are redriven" }),
    failedRuns: z.int().meta({ description: "They could not be undone" }),
    schedules: z.int(),
    workers: z.int().meta({ description: "Live ones" }),
  })
  .meta({ id: "Stats" })

const finding = z
  .object({
    check: z.string(),
    verdict: z.enum(["ok", "warning", "problem"]),
    what: z.string(),
    todo: z.string().nullable().meta({ description: "What to do about it; null = nothing" }),
  })
  .meta({ id: "Finding" })

const table = z
  .object({
    name: z.string(),
    rows: z.number().meta({ description: "An estimate" }),
    bytes: z.number(),
    deadRows: z.number().nullable(),
    vacuumedAt: instant.nullable(),
  })
  .meta({ id: "Table" })

const diagnosis = z
  .object({
    healthy: z.boolean().meta({ description: "Nothing is a problem; there may be warnings" }),
    database: z.string().meta({ description: "Which store it is, without a password" }),
    at: instant,
    findings: z.array(finding),
    tables: z.array(table).meta({ description: "The largest first" }),
    days: z.array(z.object({ day: z.string(), rows: z.number(), bytes: z.number() })),
  })
  .meta({ id: "Diagnosis" })

const tag = "System"

export const listWorkers = route({
  id: "listWorkers",
  method: "get",
  path: "/api/workers",
  tag,
  summary: "List the processes that work on the store",
  reach: "installation",
  permission: "VIEW_SYSTEM",
  query: z.strictObject(pageQuery),
  response: pageOf(worker),
})

export const getStats = route({
  id: "getStats",
  method: "get",
  path: "/api/stats",
  tag,
  summary: "Count what is in the store",
  reach: "installation",
  permission: "VIEW_SYSTEM",
  response: stats,
})

export const getDiagnosis = route({
  id: "getDiagnosis",
  method: "get",
  path: "/api/doctor",
  tag,
  summary: "How the store and those who work on it do, and what to do about it",
  description: "Takes a second or so, and changes nothing.",
  reach: "installation",
  permission: "VIEW_SYSTEM",
  response: diagnosis,
})

export const prune = route({
  id: "prune",
  method: "post",
  path: "/api/prune",
  tag,
  summary: "Delete what is past retention now",
  description:
    "`dryRun` has to be said: `true` only counts, so ask with that first. Workers prune by themselves now and then.",
  reach: "installation",
  permission: "UPDATE_SYSTEM",
  audit: "system.prune",
  body: z
    .strictObject({
      before: moment.optional().meta({
        description:
          "Settled events, and the history of their deliveries, from before then. By default as configured",
      }),
      deadBefore: moment
        .optional()
        .meta({ description: "Dead letters from before then. By default as configured" }),
      dryRun: z.boolean().meta({ description: "Only count" }),
    })
    .meta({ id: "PruneRequest" }),
  response: z
    .object({
      events: z.int(),
      jobs: z.int().meta({ description: "Deliveries with a row of their own, dead letters among them" }),
      dryRun: z.boolean(),
    })
    .meta({ id: "PruneReport" }),
})
