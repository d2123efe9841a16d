import { z } from "@hono/zod-openapi"
import { RUN_STATES } from "../core/run.ts"
import { pageOf, pageQuery } from "./page.ts"
import { route } from "./route.ts"
import { instant, text, words } from "./values.ts"

/** When a workflow is run, and what became of it. */
const schedule = z
  .object({
    id: z.string(),
    workflow: z.string(),
    group: z.string(),
    cron: z.string().nullable(),
    interval: z.number().nullable().meta({ description: "Milliseconds" }),
    timeZone: z.string(),
    concurrency: z.enum(["allow", "forbid"]),
    numberOfExecutions: z.int().nullable().meta({ description: "null = no end" }),
    paused: z.boolean(),
    fired: z.int().meta({ description: "How often it has started a run" }),
    nextAt: instant.nullable().meta({ description: "The next tick; in the past: it is late" }),
    lastAt: instant.nullable(),
    lastRun: z.string().nullable(),
    lastState: z.enum(RUN_STATES).nullable(),
    crashed: z
      .boolean()
      .meta({ description: "Its tick ended its workers' processes: it stands still until it is redriven" }),
    workers: z.array(z.int()),
    orphaned: z.boolean(),
  })
  .meta({ id: "Schedule" })

const tag = "Schedules"
const named = z.strictObject({
  id: text("The schedule's id", "schedule:sync-brands").refine(
    (id) => id.startsWith("schedule:"),
    "Expected the id of a schedule, such as `schedule:sync-brands`",
  ),
})
const ofGroup = z.strictObject({
  group: words(255)
    .optional()
    .meta({ description: "Whose schedule it is. By default the server's own group" }),
})

export const listSchedules = route({
  id: "listSchedules",
  method: "get",
  path: "/api/schedules",
  tag,
  summary: "List the schedules of every group",
  reach: "installation",
  permission: "VIEW_SCHEDULES",
  query: z.strictObject(pageQuery),
  response: pageOf(schedule),
})

export const pauseSchedule = route({
  id: "pauseSchedule",
  method: "post",
  path: "/api/schedules/{id}/pause",
  tag,
  summary: "Start no more runs of a schedule until it is resumed",
  reach: "installation",
  permission: "UPDATE_SCHEDULES",
  audit: "schedule.pause",
  repeatable: true,
  params: named,
  query: ofGroup,
  response: null,
})

export const resumeSchedule = route({
  id: "resumeSchedule",
  method: "post",
  path: "/api/schedules/{id}/resume",
  tag,
  summary: "Let a paused schedule go on",
  reach: "installation",
  permission: "UPDATE_SCHEDULES",
  audit: "schedule.resume",
  repeatable: true,
  params: named,
  query: ofGroup,
  response: null,
})

export const removeSchedule = route({
  id: "removeSchedule",
  method: "delete",
  path: "/api/schedules/{id}",
  tag,
  summary: "End a schedule",
  description: "An app that still has it makes it anew when it starts.",
  reach: "installation",
  permission: "UPDATE_SCHEDULES",
  audit: "schedule.remove",
  params: named,
  query: ofGroup,
  status: 200,
  response: z.object({ id: z.string(), group: z.string() }).meta({ id: "RemovedSchedule" }),
})
