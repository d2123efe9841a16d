import { z } from "@hono/zod-openapi"
import { RESOLVE_TIMES } from "../core/resolver.ts"
import { pageOf, pageQuery, scopedQuery } from "./page.ts"
import { route } from "./route.ts"
import { instant, json, text } from "./values.ts"

/** A name under which events were emitted. */
const eventName = z
  .object({
    name: z.string(),
    events: z.int(),
    complete: z.boolean().meta({ description: "false = more than were counted: only the newest are" }),
    lastAt: instant,
    sender: z.string().nullable().meta({ description: "Of the newest" }),
    sample: json.meta({ description: "The data of the newest" }),
    sampleId: z.string().nullable(),
    subscribers: z.array(z.string()),
  })
  .meta({ id: "EventName" })

/** What looks up the data of an event that is published. */
const resolver = z
  .object({
    service: z.string().nullable().meta({ description: "null = a function of the application's" }),
    method: z.string().nullable(),
    params: z
      .array(z.string())
      .nullable()
      .meta({ description: "null = it gets all arguments as one object" }),
  })
  .meta({ id: "Resolver" })

/** An event's name with the shape of its data, and how that is looked up. */
const definition = z
  .object({
    name: z.string(),
    description: z.string().nullable(),
    vendor: z
      .string()
      .nullable()
      .meta({ description: "The library that its schema is of; null = it has no schema", examples: ["zod"] }),
    jsonSchema: z
      .record(z.string(), json)
      .nullable()
      .meta({ description: "JSON Schema 2020-12 of what may be emitted; null = nobody can say" }),
    resolver: resolver
      .nullable()
      .meta({ description: "What looks its data up when it is published; null = nothing does" }),
    resolveAt: z
      .enum(RESOLVE_TIMES)
      .meta({ description: "When: for each attempt of a delivery, or once, while it is published" }),
    resources: z
      .array(z.string())
      .meta({ description: "What somebody needs beside to make webhook subscriptions to it" }),
  })
  .meta({ id: "Definition" })

export const listEventNames = route({
  id: "listEventNames",
  method: "get",
  path: "/api/event-names",
  tag: "Events",
  summary: "List the names under which events were emitted, with a sample of each and who listens",
  reach: "scope",
  permission: "VIEW_EVENTS",
  query: z.strictObject({ ...scopedQuery, ...pageQuery }),
  response: pageOf(eventName),
})

export const listDefinitions = route({
  id: "listDefinitions",
  method: "get",
  path: "/api/definitions",
  tag: "Definitions",
  summary: "List the events that this server knows definitions of",
  reach: "scope",
  permission: "VIEW_DEFINITIONS",
  query: z.strictObject(pageQuery),
  response: pageOf(definition),
})

export const getDefinition = route({
  id: "getDefinition",
  method: "get",
  path: "/api/definitions/{name}",
  tag: "Definitions",
  summary: "Get the definition of an event",
  reach: "scope",
  permission: "VIEW_DEFINITIONS",
  params: z.strictObject({ name: text("The event's name", "order.placed") }),
  response: definition,
})
