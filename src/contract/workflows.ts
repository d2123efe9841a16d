import { z } from "@hono/zod-openapi"
import { pageOf, pageQuery, scopedQuery } from "./page.ts"
import { route } from "./route.ts"
import { instant } from "./values.ts"

const count = z.int().nullable()

/** A workflow in one of its shapes, how its runs do, and who knows it. */
const workflow = z
  .object({
    id: z.string().meta({ description: "As pause, resume and remove take it: `workflow:place-order#3f2a…`" }),
    workflow: z.string(),
    hash: z.string().meta({ description: "Of its shape: another one means that its steps were changed" }),
    group: z.string(),
    paused: z.boolean(),
    running: count.meta({
      description: "Runs that go on now. null, like the next five, for who is bound to scopes",
    }),
    waiting: count,
    crashed: count,
    failed: count,
    failedAt: instant.nullable(),
    dueAt: instant.nullable(),
    workers: z.array(z.int()).meta({ description: "The live workers that know this shape" }),
    orphaned: z.boolean().meta({ description: "No live worker knows this shape: its runs wait" }),
    outdated: z.boolean().meta({ description: "Orphaned, while the workflow stands there in a newer shape" }),
  })
  .meta({ id: "Workflow" })

export const listWorkflows = route({
  id: "listWorkflows",
  method: "get",
  path: "/api/workflows",
  tag: "Workflows",
  summary: "List the workflows of every group, in each shape",
  reach: "scope",
  permission: "VIEW_RUNS",
  query: z.strictObject({ ...scopedQuery, ...pageQuery }),
  response: pageOf(workflow),
})
