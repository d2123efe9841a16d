import {
  type Context,
  createTraceState,
  isSpanContextValid,
  ROOT_CONTEXT,
  type SpanContext,
  trace,
} from "@opentelemetry/api"

/** How a trace is written down where no process holds it: in an event, in a run. */
export interface WrittenTrace {
  readonly traceparent: string | null // null = it belongs to none
  readonly tracestate?: string // what vendors of tracing add
}

const TRACEPARENT = /^(?!ff)[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})/

/** W3C Trace Context, version 00; null where the span is none that anybody could go on from. */
export function writeTrace(span: SpanContext): WrittenTrace {
  if (!isSpanContextValid(span)) return { traceparent: null }
  const { traceId, spanId, traceFlags, traceState } = span
  const traceparent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`
  const tracestate = traceState?.serialize()
  return tracestate ? { traceparent, tracestate } : { traceparent }
}

/** A context whose parent is what was written, and nothing of whoever runs now; the root where that is no trace. */
export function readTrace({ traceparent, tracestate }: WrittenTrace): Context {
  const [, traceId = "", spanId = "", flags = "0"] = TRACEPARENT.exec(traceparent ?? "") ?? []
  const span: SpanContext = {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16),
    isRemote: true,
    ...(tracestate === undefined ? undefined : { traceState: createTraceState(tracestate) }),
  }
  return isSpanContextValid(span) ? trace.setSpanContext(ROOT_CONTEXT, span) : ROOT_CONTEXT
}
