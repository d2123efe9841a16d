import { z } from "@hono/zod-openapi"
import { RUN_STATES } from "../core/run.ts"
import { delivery } from "./deliveries.ts"
import { pageOf, pageQuery, scopedQuery, searchQuery, spanQuery } from "./page.ts"
import { route } from "./route.ts"
import { relatedEvent } from "./runs.ts"
import { instant, json, scope, text } from "./values.ts"

const event = z
  .object({
    id: z.string(),
    name: z.string(),
    data: json.optional(),
    metadata: z.record(z.string(), json),
    sender: z.string().nullable(),
    scope,
    key: z.string().nullable(),
    at: instant,
    deliverAt: instant.nullable(),
    causationId: z.string().nullable(),
    correlationId: z.string().nullable(),
    traceparent: z.string().nullable(),
    isUnresolved: z
      .boolean()
      .meta({ description: "`data` are the arguments it was published with; webhooks look the data up" }),
    erasedAt: instant
      .nullable()
      .meta({ description: "Its data, metadata, key and sender say nothing since then" }),
  })
  .meta({ id: "Event" })

const priority = z.union([z.enum(["high", "normal", "low"]), z.number()])

/** An event as somebody asks for it to be emitted. */
export const eventInput = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(255)
      .meta({ examples: ["order.placed"] }),
    data: json.optional(),
    metadata: z
      .record(z.string(), json)
      .optional()
      .meta({ description: "Handed on to handlers. With `eventGroupId` the event is staged" }),
    id: z
      .string()
      .min(1)
      .max(255)
      .optional()
      .meta({ description: "An id of your own: the same again within 7 days is one event" }),
    key: z.string().min(1).max(255).optional().meta({ description: "Events of one key go in order" }),
    sender: z.string().min(1).max(255).optional(),
    scope: z
      .union([scope.partial(), z.string()])
      .optional()
      .meta({ description: "By default the credential's scope, where it has one only" }),
    delay: z.number().min(0).optional().meta({ description: "Milliseconds" }),
    deliverAt: z.iso.datetime({ offset: true }).optional(),
    priority: priority.optional(),
    causationId: z.string().min(1).max(255).optional(),
    correlationId: z.string().min(1).max(255).optional(),
    traceparent: z.string().min(1).max(255).optional(),
  })
  .meta({ id: "EventInput" })

const receipt = z
  .object({
    id: z.string(),
    existing: z.boolean().meta({ description: "The same event was emitted before, under the same id" }),
  })
  .meta({ id: "Receipt" })

export const CLOUD_EVENT = "application/cloudevents+json"
export const CLOUD_EVENTS = "application/cloudevents-batch+json"

const uriReference = z.string().min(1).max(2_000)

/** CloudEvents 1.0; extension attributes beside, of lower-case letters and digits. */
export const cloudEvent = z
  .looseObject({
    specversion: z.literal("1.0"),
    id: z.string().min(1).meta({ description: "Unique for its `source`" }),
    source: z.string().min(1).max(255).meta({ description: "The event's `sender`" }),
    type: z.string().min(1).max(255).meta({ description: "The event's `name`" }),
    time: z.iso.datetime({ offset: true }).nullable().optional(),
    subject: z.string().min(1).max(255).nullable().optional().meta({ description: "The event's `key`" }),
    datacontenttype: z.string().min(1).max(255).nullable().optional(),
    dataschema: uriReference.nullable().optional(),
    data: json.optional(),
    data_base64: z.base64().nullable().optional(),
    traceparent: z.string().max(255).nullable().optional(),
    correlationid: z.string().max(255).nullable().optional(),
    causationid: z.string().max(255).nullable().optional(),
    carillonscope: z
      .string()
      .max(129)
      .nullable()
      .optional()
      .meta({ description: "The event's `scope`, where it is not the default one" }),
  })
  .meta({ id: "CloudEvent" })

const tag = "Events"

const MOST_EVENTS = 1_000

export const emitEvents = route({
  id: "emitEvents",
  method: "post",
  path: "/api/events",
  tag,
  summary: "Emit one event or many",
  description:
    "Answers once the events are on disk. All of one request are written, or none. With an `Idempotency-Key` the same request again is the same events, for 7 days. CloudEvents 1.0 are taken in all three forms: structured, batched, and binary, with the attributes in `ce-` headers and any `Content-Type`.",
  reach: "scope",
  permission: "CREATE_EVENTS",
  repeatable: true,
  headers: z.object({
    "idempotency-key": z.string().min(1).max(255).optional(),
  }),
  body: z.union([eventInput, z.array(eventInput).min(1).max(MOST_EVENTS)]),
  otherBodies: {
    [CLOUD_EVENT]: cloudEvent,
    [CLOUD_EVENTS]: z.array(cloudEvent).min(1).max(MOST_EVENTS),
  },
  status: 201,
  response: z.object({ events: z.array(receipt) }),
  refusals: { 409: "There is an event of that id, or a request of that key, with other content" },
})

export const listEvents = route({
  id: "listEvents",
  method: "get",
  path: "/api/events",
  tag,
  summary: "List events, newest first",
  description: `As \`Accept: ${CLOUD_EVENTS}\` they are CloudEvents; where the list goes on then stands in the header \`Link\`.`,
  reach: "scope",
  permission: "VIEW_EVENTS",
  query: z.strictObject({
    name: z.string().min(1).max(255).optional().meta({ description: "Exact" }),
    ...searchQuery,
    ...scopedQuery,
    ...spanQuery,
    ...pageQuery,
  }),
  response: pageOf(event),
  otherResponses: { [CLOUD_EVENTS]: z.array(cloudEvent) },
  responseHeaders: { link: 'With CloudEvents: the next part of the list, as `rel="next"`' },
})

const eventId = text("The event's id, or a delivery's", "evt_01JNQ…")

export const getEvent = route({
  id: "getEvent",
  method: "get",
  path: "/api/events/{id}",
  tag,
  summary: "Get an event",
  description: `As \`Accept: ${CLOUD_EVENT}\`, or with \`cloudevent\`, it is a CloudEvent.`,
  reach: "scope",
  permission: "VIEW_EVENTS",
  params: z.strictObject({ id: eventId }),
  query: z.strictObject({
    ...scopedQuery,
    cloudevent: z
      .enum(["structured", "binary"])
      .optional()
      .meta({ description: "As a CloudEvent of that form: with `binary`, the data alone is the body" }),
  }),
  response: event,
  otherResponses: { [CLOUD_EVENT]: cloudEvent },
})

const uncalled = z
  .object({
    subscription: z.string(),
    group: z.string(),
    reason: z.enum(["name", "operational", "sender", "scope", "filter", "later", "removed"]),
    why: z.string(),
  })
  .meta({ id: "Uncalled" })

const startedRun = z
  .object({
    id: z.string(),
    workflow: z.string(),
    state: z.enum(RUN_STATES),
    startedAt: instant,
    deliveryId: z.string(),
  })
  .meta({ id: "TracedRun" })

export const traceEvent = route({
  id: "traceEvent",
  method: "get",
  path: "/api/events/{id}/trace",
  tag,
  summary: "Tell what became of an event",
  description:
    "Every subscription that it went to, every attempt, what waits and why, why others were not called, what caused it and what it caused.",
  reach: "scope",
  permission: "VIEW_EVENTS",
  params: z.strictObject({ id: eventId }),
  query: z.strictObject(scopedQuery),
  response: z
    .object({
      event,
      writtenAt: instant,
      stagedIn: z.string().nullable().meta({ description: "The event group that it is held back in" }),
      deliveryId: z.string().nullable().meta({ description: "The delivery that was asked for" }),
      deliveries: z.array(delivery),
      notCalled: z.array(uncalled),
      didYouMean: z.string().nullable(),
      causes: z.array(relatedEvent).meta({ description: "Nearest first" }),
      caused: z.array(relatedEvent),
      searchedAll: z.boolean().meta({ description: "false = more events follow than were searched" }),
      runs: z.array(startedRun),
    })
    .meta({ id: "Trace" }),
})
