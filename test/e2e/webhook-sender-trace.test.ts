import { context, trace } from "@opentelemetry/api"
import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici"
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node"
import { describe, expect, it, onTestFinished } from "vitest"
import { webhookReceiver } from "../../src/testing/webhook-receiver.ts"
import { webhookSending } from "../support/webhook-sending.ts"

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

describe("a webhook belongs to one trace", () => {
  it("which is the event's where nobody traces", async () => {
    const { sent } = await setup()

    expect(await sent(traceparent)).toBe(traceparent)
    expect(await sent(null)).toBe(undefined)
  })

  it("which is that of the attempt where somebody does", async () => {
    const { sent, provider } = await setup()
    trace.setGlobalTracerProvider(provider)
    provider.register()
    const span = trace.getTracer("shop").startSpan("deliver")

    const header = await context.with(trace.setSpan(context.active(), span), () => sent(traceparent))

    expect(header).toBe(`00-${span.spanContext().traceId}-${span.spanContext().spanId}-01`)
  })

  it("which is that of the request where an instrumentation adds it, and it is there once", async () => {
    const { sent, provider } = await setup()
    provider.register()
    const instrumentation = new UndiciInstrumentation()
    instrumentation.setTracerProvider(provider)
    instrumentation.enable()
    onTestFinished(() => instrumentation.disable())
    const span = trace.getTracer("shop").startSpan("deliver")

    const header = await context.with(trace.setSpan(context.active(), span), () => sent(traceparent))

    expect(header).toMatch(new RegExp(`^00-${span.spanContext().traceId}-[\\da-f]{16}-01$`))
    expect(header).not.toContain(span.spanContext().spanId)
  })
})

async function setup() {
  const receiver = await webhookReceiver()
  const { send } = webhookSending()
  onTestFinished(async () => {
    trace.disable()
    context.disable()
    await receiver.close()
  })
  const sent = async (parent: string | null) => {
    expect(await send(receiver.url, { event: { traceparent: parent } })).toMatchObject({ success: true })
    return receiver.requests.at(-1)?.headers.traceparent
  }
  return { sent, provider: new NodeTracerProvider() }
}
