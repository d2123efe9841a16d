import { trace } from "@opentelemetry/api"
import {
  CLOUD_EVENT,
  CLOUD_EVENTS,
  emitEvents,
  getEvent,
  listEvents,
  traceEvent,
} from "../../contract/events.ts"
import { cloudEventOf } from "../../core/cloud-event.ts"
import { ForbiddenError, InvalidInputError } from "../../core/errors.ts"
import type { EventInput } from "../../core/event.ts"
import { isWithin, scopeKey } from "../../core/scope.ts"
import { asksFor } from "../../http/media-type.ts"
import { pathOf, type Received } from "../../http/received.ts"
import { Reply } from "../../http/reply.ts"
import type { Access } from "../../identity/access.ts"
import { SAFE_HEADERS } from "../api.ts"
import { binaryAnswer } from "../cloud-event-answer.ts"
import { readEmitted } from "../cloud-event-request.ts"
import { type Served, serve, serveRead } from "../served.ts"

export const eventRoutes: readonly Served[] = [
  serveRead(emitEvents, readEmitted, async ({ carillon, access, body, request }) => {
    const traceparent = traceparentOf(request)
    const inputs = body.map((each) => placed(each, access))
    const traced = traceparent === null ? inputs : inputs.map((each) => ({ traceparent, ...each }))
    // Without options events that are name and data alone skip every other question.
    const idempotencyKey = request.header("idempotency-key")
    const events = await carillon.emit(traced, idempotencyKey === null ? undefined : { idempotencyKey })
    return { events }
  }),

  serve(listEvents, async ({ carillon, query, scopes, cursors, request }) => {
    const { name, from, to, limit, filter } = query
    const given = cursors.open(query.cursor)
    const page = await carillon.listEvents({ name, from, to, limit, filter, scopes, cursor: given })
    const cursor = cursors.seal(page.cursor)
    if (!asksFor(request.header("accept"), CLOUD_EVENTS)) return { items: page.items, cursor }
    const headers: Record<string, string> =
      cursor === null ? {} : { link: `<${nextOf(request, cursor)}>; rel="next"` }
    return cloudEvents(CLOUD_EVENTS, page.items.map(cloudEventOf), headers)
  }),

  serve(getEvent, async ({ carillon, params, query, scopes, request }) => {
    const event = await carillon.event(params.id, { scopes })
    if (query.cloudevent === "binary") return binaryAnswer(cloudEventOf(event))
    const isAsked = query.cloudevent !== undefined || asksFor(request.header("accept"), CLOUD_EVENT)
    return isAsked ? cloudEvents(CLOUD_EVENT, cloudEventOf(event)) : event
  }),

  serve(traceEvent, ({ carillon, params, scopes }) => carillon.trace(params.id, { scopes })),
]

/** An event lies in the scope that it names, else in that of the credential; never in another's. */
function placed(input: EventInput, { scopes }: Access): EventInput {
  if (input.scope !== undefined) {
    if (isWithin(scopes, scopeKey(input.scope))) return input
    throw new ForbiddenError("Expected a `scope` that the credential is bound to, got another.")
  }
  if (scopes === "all") return input
  if (scopes.length === 1) return { ...input, scope: scopes[0] }
  throw new InvalidInputError(
    "Expected a `scope` with each event, for the credential is bound to more than one, got an event without.",
  )
}

/** Where a tracer follows the request, `emit` takes it from there, and from its own part of the trace. */
function traceparentOf(request: Received): string | null {
  const given = request.header("traceparent")
  if (given === null || !TRACEPARENT.test(given) || trace.getActiveSpan() !== undefined) return null
  return given
}

/** https://www.w3.org/TR/trace-context/#traceparent-header */
const TRACEPARENT = /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/

function cloudEvents(type: string, value: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
  return new Reply(JSON.stringify(value), {
    headers: { ...SAFE_HEADERS, ...headers, "content-type": `${type}; charset=utf-8`, vary: "Accept" },
  })
}

/** The same request, from there on: a path, for what stands before us may be called otherwise. */
function nextOf(request: Received, cursor: string): string {
  const path = pathOf(request)
  const query = new URLSearchParams(request.target.slice(path.length))
  query.set("cursor", cursor)
  return `${path}?${query}`
}
