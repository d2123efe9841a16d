import { z } from "@hono/zod-openapi"
import { RUN_STATES } from "../core/run.ts"
import { pageOf, pageQuery, scopedQuery, spanQuery } from "./page.ts"
import { route } from "./route.ts"
import { instant, json, scope, text, words } from "./values.ts"

const runFields = {
  id: z.string(),
  workflow: z.string(),
  transactionId: z.string(),
  group: z.string(),
  scope,
  state: z.enum(RUN_STATES),
  why: z.string().nullable().meta({ description: "What it does or waits for; null when it has ended" }),
  dueAt: instant
    .nullable()
    .meta({ description: "When it goes on by itself; null = now, or when it is woken" }),
  startedAt: instant,
  endedAt: instant.nullable(),
  error: z.string().nullable(),
  cancelled: z.string().nullable().meta({ description: "Why it was to be undone" }),
  parent: z.object({ run: z.string(), step: z.string() }).nullable(),
  eventGroupId: z.string(),
  worker: z.int().nullable(),
  erasedAt: instant.nullable().meta({ description: "Its input, result and steps say nothing since then" }),
}

/** One execution of a workflow. */
const run = z.object(runFields).meta({ id: "Run" })

const step = z
  .object({
    step: z.string(),
    phase: z.enum(["invoke", "compensate"]),
    attempt: z.int(),
    outcome: z.enum(["done", "skipped", "failed", "permanent", "waiting", "again"]),
    at: instant,
    ms: z.number(),
    input: json.optional(),
    output: json.optional(),
    error: z.string().nullable(),
    waitsFor: z.string().nullable(),
    dueAt: instant.nullable(),
    worker: z.int(),
  })
  .meta({ id: "StepAttempt" })

/** An event, or a run, in the line of what caused what. */
export const relatedEvent = z
  .object({
    kind: z.enum(["event", "run"]),
    id: z.string(),
    name: z
      .string()
      .nullable()
      .meta({ description: "Of a run: its workflow; null = it is not kept any more" }),
    at: instant.nullable(),
  })
  .meta({ id: "RelatedEvent" })

const runDetail = z
  .object({
    ...runFields,
    emitted: z.array(relatedEvent).meta({ description: "What its steps have emitted" }),
    searchedAll: z.boolean().meta({ description: "false = more events lie around it than were searched" }),
    children: z.array(run).meta({ description: "The runs that are steps of it, newest first" }),
    input: json.optional(),
    result: json.optional(),
    steps: z.array(step).meta({ description: "Every attempt, in the order in which they ended" }),
  })
  .meta({ id: "RunDetail" })

const startedRun = z
  .object({
    run,
    existing: z.boolean().meta({ description: "The transaction id had this run before" }),
    result: json.optional().meta({ description: "What the workflow answers with, once it is done" }),
    errors: z
      .array(z.object({ step: z.string(), phase: z.enum(["invoke", "compensate"]), message: z.string() }))
      .meta({ description: "The errors of its steps" }),
  })
  .meta({ id: "StartedRun" })

const tag = "Runs"
const named = z.strictObject({ id: text("The run's id", "run_01JNQ…") })
const namedStep = named.extend({ step: text("The step's name", "charge-card") })
const stepPhase = z
  .enum(["invoke", "compensate"])
  .optional()
  .meta({ description: "Which of its directions waits. By default `invoke`" })

export const startRun = route({
  id: "startRun",
  method: "post",
  path: "/api/workflows/{workflow}/runs",
  tag,
  summary: "Start a run of a workflow",
  description:
    "The same `transactionId` again joins the run that goes on. With `waitMs` it answers once the run has ended, if that is soon enough. The server need not know the workflow's code: a worker that knows it takes the run.",
  reach: "scope",
  permission: "CREATE_RUNS",
  audit: "run.start",
  params: z.strictObject({ workflow: text("The workflow's id", "place-order") }),
  body: z
    .strictObject({
      input: json.optional(),
      transactionId: words(255).optional(),
      eventGroupId: words(255)
        .optional()
        .meta({ description: "The group under which its events are staged" }),
      metadata: z.record(z.string(), json).optional(),
      scope: z
        .union([scope.partial(), z.string()])
        .optional()
        .meta({ description: "By default the credential's scope, where it has one only" }),
      group: words(255)
        .optional()
        .meta({ description: "Whose workflow it is; needed where several groups have one of that id" }),
      waitMs: z.int().min(0).max(30_000).optional().meta({ description: "By default 0" }),
    })
    .meta({ id: "RunRequest" }),
  optionalBody: true,
  status: 202,
  otherStatuses: { 200: "It was there before, and has ended", 201: "It was started, and has ended" },
  responseHeaders: { location: "The run" },
  response: startedRun,
})

export const listRuns = route({
  id: "listRuns",
  method: "get",
  path: "/api/runs",
  tag,
  summary: "List runs of every group, newest first",
  reach: "scope",
  permission: "VIEW_RUNS",
  query: z.strictObject({
    workflow: words(255).optional(),
    state: z.enum(RUN_STATES).optional(),
    transactionId: words(600).optional(),
    parent: words(255).optional().meta({ description: "Only children of this run" }),
    ...scopedQuery,
    ...spanQuery,
    ...pageQuery,
  }),
  response: pageOf(run),
})

export const getRun = route({
  id: "getRun",
  method: "get",
  path: "/api/runs/{id}",
  tag,
  summary: "Get a run with every attempt of its steps",
  reach: "scope",
  permission: "VIEW_RUNS",
  params: named,
  query: z.strictObject(scopedQuery),
  response: runDetail,
})

export const cancelRun = route({
  id: "cancelRun",
  method: "post",
  path: "/api/runs/{id}/cancel",
  tag,
  summary: "Have a run undone",
  description: "A worker that knows the workflow does it. One that is done or failed goes back as well.",
  reach: "scope",
  permission: "UPDATE_RUNS",
  audit: "run.cancel",
  params: named,
  query: z.strictObject(scopedQuery),
  body: z.strictObject({ reason: words(500).optional() }).meta({ id: "RunCancellation" }),
  optionalBody: true,
  status: 202,
  response: run,
})

export const retryStep = route({
  id: "retryStep",
  method: "post",
  path: "/api/runs/{id}/steps/{step}/retry",
  tag,
  summary: "Give a step of a run one more attempt",
  description: "In a run that failed because a step could not be undone, that is undoing it.",
  reach: "scope",
  permission: "UPDATE_RUNS",
  audit: "run.retry-step",
  params: namedStep,
  query: z.strictObject(scopedQuery),
  status: 202,
  response: run,
})

export const setStepSuccess = route({
  id: "setStepSuccess",
  method: "post",
  path: "/api/runs/{id}/steps/{step}/success",
  tag,
  summary: "End a step that waits for a response, well",
  reach: "scope",
  permission: "UPDATE_RUNS",
  audit: "run.set-step-success",
  params: namedStep,
  query: z.strictObject(scopedQuery),
  body: z
    .strictObject({
      output: json.optional(),
      compensateInput: json
        .optional()
        .meta({ description: "What its compensation gets. By default its output" }),
      phase: stepPhase,
    })
    .meta({ id: "StepSuccess" }),
  optionalBody: true,
  status: 202,
  response: run,
})

export const setStepFailure = route({
  id: "setStepFailure",
  method: "post",
  path: "/api/runs/{id}/steps/{step}/failure",
  tag,
  summary: "End a step that waits for a response, with an error",
  description:
    "It is tried again as its retries say; by a server without the workflow's code it is taken as final.",
  reach: "scope",
  permission: "UPDATE_RUNS",
  audit: "run.set-step-failure",
  params: namedStep,
  query: z.strictObject(scopedQuery),
  body: z
    .strictObject({
      error: words(10_000).optional().meta({ description: "In words" }),
      permanent: z
        .boolean()
        .optional()
        .meta({ description: "No more attempts, whatever the step's retries. By default false" }),
      phase: stepPhase,
    })
    .meta({ id: "StepFailure" }),
  optionalBody: true,
  status: 202,
  response: run,
})
