import { z } from "@hono/zod-openapi"
import { scopedQuery } from "./page.ts"
import { route } from "./route.ts"
import { json, moment } from "./values.ts"

const DEEPEST = 20

/** What is no pattern is refused here, before anybody writes down why: it may be a person's name. */
const pattern = z
  .record(z.string(), json)
  .refine(
    (where) => isPattern(where, 0),
    `Expected each field to hold a list of values, or an object of such fields, at most ${DEEPEST} deep`,
  )

function isPattern(value: unknown, depth: number): boolean {
  if (Array.isArray(value)) return value.every((each) => isNotTooDeep(each, depth + 1))
  return (
    isObject(value) && depth < DEEPEST && Object.values(value).every((each) => isPattern(each, depth + 1))
  )
}

function isNotTooDeep(value: unknown, depth: number): boolean {
  if (!isObject(value)) return true
  return depth < DEEPEST && Object.values(value).every((each) => isNotTooDeep(each, depth + 1))
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null
}

export const erase = route({
  id: "erase",
  method: "post",
  path: "/api/erasures",
  tag: "System",
  summary: "Erase one person's data from events, deliveries and runs",
  description:
    "`dryRun` has to be said: `true` only counts, so ask with that first. Ids, names, times, causes and outcomes stay. What is open is left and counted; cut short, the same again goes on where it stopped.",
  reach: "scope",
  permission: "ERASE_DATA",
  audit: "data.erase",
  query: z.strictObject(scopedQuery),
  body: z
    .strictObject({
      where: pattern.meta({
        description: "Whose data is meant: an event pattern",
        examples: [{ data: { customer_id: ["cus_1"] } }],
      }),
      dryRun: z.boolean().meta({ description: "Only count" }),
      includeOpen: z.boolean().optional().meta({
        description: "Cancel what waits first. Refused while something of it goes on. By default false",
      }),
      from: moment.optional(),
      to: moment.optional(),
    })
    .meta({ id: "ErasureRequest" }),
  response: z
    .object({
      dryRun: z.boolean(),
      events: z.int(),
      staged: z.int().meta({ description: "Events that were still held back; they are gone" }),
      deliveries: z.int().meta({ description: "With a row of their own: their errors are gone" }),
      cancelled: z.int().meta({ description: "Of these: they waited, and are cancelled" }),
      runs: z.int(),
      steps: z.int(),
      open: z
        .object({
          events: z.int(),
          staged: z.int(),
          waiting: z.int(),
          running: z.int(),
          runs: z.int(),
        })
        .meta({ description: "Left as it is because it is not over; the same again takes it, once it is" }),
      remains: z
        .enum(["none", "file", "log", "server"])
        .nullable()
        .meta({ description: "Where the bytes may still lie; null = it was a dry run" }),
      ids: z
        .object({ events: z.array(z.string()), runs: z.array(z.string()), open: z.array(z.string()) })
        .meta({ description: "At most 10,000 of each" }),
    })
    .meta({ id: "Erasure" }),
  refusals: { 409: "Something of it goes on" },
})
