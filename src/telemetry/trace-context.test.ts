import { createTraceState, ROOT_CONTEXT, trace } from "@opentelemetry/api"
import { describe, expect, it } from "vitest"
import { readTrace, writeTrace } from "./trace-context.ts"

const ids = { traceId: "a".repeat(32), spanId: "b".repeat(16) }
const traceparent = `00-${ids.traceId}-${ids.spanId}-01`

describe("a written trace", () => {
  it("is read as it was written, with what vendors added", () => {
    const span = { ...ids, traceFlags: 1, traceState: createTraceState("vendor=1,other=2") }

    const written = writeTrace(span)

    expect(written).toEqual({ traceparent, tracestate: "vendor=1,other=2" })
    const read = trace.getSpanContext(readTrace(written))
    expect(read).toMatchObject({ ...ids, traceFlags: 1, isRemote: true })
    expect(read?.traceState?.serialize()).toBe("vendor=1,other=2")
  })

  it("keeps that nobody wants the trace to be kept", () => {
    expect(writeTrace({ ...ids, traceFlags: 0 })).toEqual({ traceparent: traceparent.replace(/01$/, "00") })
  })

  it("takes a later version as W3C wants it taken", () => {
    const read = trace.getSpanContext(readTrace({ traceparent: `01${traceparent.slice(2)}-more` }))

    expect(read).toMatchObject(ids)
  })

  it.each([
    null,
    "",
    "order",
    `ff${traceparent.slice(2)}`,
    `00-${"0".repeat(32)}-${ids.spanId}-01`,
    traceparent.toUpperCase(),
  ])("is the root where it is no trace: %s", (text) => {
    expect(readTrace({ traceparent: text })).toBe(ROOT_CONTEXT)
  })

  it("is none of a span that is none", () => {
    expect(writeTrace({ traceId: "0".repeat(32), spanId: ids.spanId, traceFlags: 1 })).toEqual({
      traceparent: null,
    })
  })
})
