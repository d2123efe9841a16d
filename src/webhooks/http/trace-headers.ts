import { channel } from "node:diagnostics_channel"
import { trace } from "@opentelemetry/api"
import { writeTrace } from "../../telemetry/trace-context.ts"
import type { NotifiedEvent } from "../notifier.ts"

/** Where instrumentations of undici listen; they add these headers themselves, and twice they would be none. */
const created = channel("undici:request:create")

/** The trace that the request belongs to: that of the attempt, where somebody traces it, else the event's. */
export function traceHeaders({ traceparent }: Pick<NotifiedEvent, "traceparent">): Record<string, string> {
  if (created.hasSubscribers) return {}
  const span = trace.getActiveSpan()
  const written = span === undefined ? { traceparent: null } : writeTrace(span.spanContext())
  const parent = written.traceparent ?? traceparent
  if (parent === null) return {}
  return written.tracestate === undefined
    ? { traceparent: parent }
    : { traceparent: parent, tracestate: written.tracestate }
}
