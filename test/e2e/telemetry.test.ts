import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { context, SpanStatusCode, trace } from "@opentelemetry/api"
import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici"
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-node"
import { createStep, createWorkflow, StepResponse, WorkflowResponse } from "carillon/workflows"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { WorkflowShop } from "../support/workflow-shop.ts"

const exporter = new InMemorySpanExporter()
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
const outgoing = new UndiciInstrumentation()

/** What stands elsewhere, and keeps which trace it was called in. */
const heard: (string | undefined)[] = []
const partner = createServer((request, response) => {
  heard.push(request.headers.traceparent as string | undefined)
  response.end("{}")
})
let partnerUrl = ""

beforeAll(async () => {
  await new Promise<void>((resolve) => partner.listen(0, "127.0.0.1", resolve))
  partnerUrl = `http://127.0.0.1:${(partner.address() as AddressInfo).port}`
})
afterAll(() => {
  partner.close()
  partner.closeAllConnections()
})

beforeEach(() => {
  exporter.reset()
  heard.length = 0
})

function setUpTracing(): void {
  provider.register()
  outgoing.setTracerProvider(provider)
  outgoing.enable()
}

function takeDownTracing(): void {
  outgoing.disable()
  trace.disable()
  context.disable()
}

/** Of this name, in the order in which they ended. */
function spans(name: string): ReadableSpan[] {
  return exporter.getFinishedSpans().filter((span) => span.name === name)
}

function span(name: string): ReadableSpan {
  const [only, ...others] = spans(name)
  if (only === undefined || others.length > 0)
    throw new Error(
      `Expected one span \`${name}\` of: ${exporter.getFinishedSpans().map((each) => each.name)}`,
    )
  return only
}

function parentOf(child: ReadableSpan): string | undefined {
  const id = child.parentSpanContext?.spanId
  return exporter.getFinishedSpans().find((each) => each.spanContext().spanId === id)?.name
}

function traceIds(): Set<string> {
  return new Set(exporter.getFinishedSpans().map((each) => each.spanContext().traceId))
}

/** As an instrumented server does around a request. */
function inRequest<T>(work: () => Promise<T>): Promise<T> {
  return trace.getTracer("shop").startActiveSpan("POST /orders", async (request) => {
    try {
      return await work()
    } finally {
      request.end()
    }
  })
}

await describeEngines((engine) => {
  let shop: WorkflowShop
  beforeEach(async () => {
    shop = await WorkflowShop.open(engine)
  })
  afterEach(async () => {
    await shop.close()
    takeDownTracing()
  })

  it("keeps one trace from a request over the commit, attempts, runs and steps to the call that goes out", async () => {
    setUpTracing()
    const pack = createStep(
      "pack",
      async () => new StepResponse("packed", "packed"),
      async () => {},
    )
    const label = createStep("label", async () => {
      await (await fetch(partnerUrl, { method: "POST" })).text()
      return new StepResponse("labelled")
    })
    const ship = createWorkflow("ship", () => {
      pack()
      return new WorkflowResponse(label())
    })
    const { carillon, clock } = await shop.timed({ start: false })
    carillon.events.subscribe(
      "order.placed",
      () =>
        ship(carillon.container)
          .run()
          .then(() => {}),
      {
        subscriberId: "shipping",
      },
    )
    carillon.events.subscribe(
      "order.placed",
      async (_, { attempt }) => {
        if (attempt === 1) throw new Error("The mail server is away.")
        await (await fetch(partnerUrl)).text()
        await carillon.emit({ name: "mail.sent" })
      },
      { subscriberId: "mail", policy: { retries: 3 } },
    )
    await carillon.start()

    await inRequest(() => carillon.emit({ name: "order.placed", data: { id: "ord_1001" } }))
    await carillon.drain()
    await clock.advance("2s") // the retry is due, and has time: its call goes over a real socket
    await carillon.drain()

    expect(traceIds().size).toBe(1)
    expect(parentOf(span("emit order.placed"))).toBe("POST /orders")
    const attempts = spans("deliver order.placed")
    expect(attempts.map(parentOf)).toEqual(Array(3).fill("emit order.placed"))
    expect(
      ofSubscriber(attempts, "mail").map(({ attributes, status }) => [attributes, status.code]),
    ).toMatchObject([
      [{ "carillon.attempt": 1, "carillon.outcome": "retry", "error.type": "Error" }, SpanStatusCode.ERROR],
      [{ "carillon.attempt": 2, "carillon.outcome": "delivered" }, SpanStatusCode.UNSET],
    ])
    expect(ofSubscriber(attempts, "mail")[0]?.events[0]).toMatchObject({ name: "exception" })
    expect(parentOf(span("emit mail.sent"))).toBe("deliver order.placed")
    expect(parentOf(span("run ship"))).toBe("deliver order.placed")
    expect([span("step pack"), span("step label")].map(parentOf)).toEqual(["run ship", "run ship"])
    expect(parentOf(span("POST"))).toBe("step label")
    expect(parentOf(span("GET"))).toBe("deliver order.placed")
    const sent = [span("POST"), span("GET")].map((each) => each.spanContext())
    expect(heard.toSorted()).toEqual(
      sent.map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`).toSorted(),
    )
  })

  it("says of an emit and of an attempt what OpenTelemetry has words for", async () => {
    setUpTracing()
    const carillon = await shop.carillon()
    carillon.events.subscribe("order.placed", () => {}, { subscriberId: "mail" })

    const [receipt] = await carillon.emit({ name: "order.placed" })
    await carillon.emit([{ name: "order.paid" }, { name: "order.sent" }])
    await carillon.drain()

    expect(span("emit order.placed").attributes).toEqual({
      "messaging.system": "carillon",
      "messaging.operation.name": "emit",
      "messaging.operation.type": "send",
      "messaging.destination.name": "order.placed",
      "messaging.message.id": receipt?.id,
    })
    expect(span("emit").attributes).toMatchObject({ "messaging.batch.message_count": 2 })
    expect(span("deliver order.placed").attributes).toMatchObject({
      "messaging.operation.type": "process",
      "messaging.destination.subscription.name": "mail@order.placed",
      "messaging.consumer.group.name": "shop",
      "messaging.message.id": receipt?.id,
      "carillon.delivery.id": expect.any(String),
    })
  })

  it("goes on in the same trace where another process takes the event", async () => {
    setUpTracing()
    const asleep = await shop.carillon({ start: false })
    asleep.events.subscribe("order.placed", () => {}, { subscriberId: "mail" })
    await inRequest(() => asleep.emit({ name: "order.placed" }))
    await asleep.stop()

    const awake = await shop.carillon({ start: false })
    const seen: unknown[] = []
    awake.events.subscribe("order.placed", (event) => void seen.push(event.traceparent), {
      subscriberId: "mail",
    })
    await awake.start()
    await awake.drain()

    const { traceId, spanId } = span("emit order.placed").spanContext()
    expect(seen).toEqual([`00-${traceId}-${spanId}-01`])
    expect(parentOf(span("deliver order.placed"))).toBe("emit order.placed")
    expect(span("deliver order.placed").parentSpanContext?.isRemote).toBe(true)
  })

  it("goes on in the same trace where another process takes up a run, and where it is undone", async () => {
    setUpTracing()
    const reserve = createStep(
      "reserve",
      async () => new StepResponse("reserved", "reserved"),
      async () => {},
    )
    const approve = createStep({ name: "approve", async: true }, async () => {})
    const charge = createStep("charge", async () => {
      throw new Error("The card was declined.")
    })
    const order = createWorkflow("order", () => {
      reserve()
      approve()
      charge()
    })
    const first = await shop.carillon()
    const { transaction } = await inRequest(() => first.workflows.run(order, { throwOnError: false }))
    await first.stop()
    const second = await shop.carillon()

    await second.workflows.setStepSuccess({
      idempotencyKey: {
        workflowId: "order",
        transactionId: transaction.transactionId,
        stepId: "approve",
        action: "invoke",
      },
      stepResponse: {},
      options: { throwOnError: false },
    })
    await second.drain()

    expect(traceIds().size).toBe(1)
    const [begun, ...later] = spans("run order")
    expect(parentOf(begun as ReadableSpan)).toBe("POST /orders")
    expect(begun?.attributes).toMatchObject({ "carillon.run.resumed": false, "carillon.outcome": "parked" })
    expect(later.map((each) => each.parentSpanContext?.spanId)).toEqual(
      later.map(() => begun?.spanContext().spanId),
    )
    expect(later.at(-1)?.attributes).toMatchObject({
      "carillon.run.resumed": true,
      "carillon.outcome": "reverted",
    })
    const undone = span("compensate reserve")
    expect([span("step charge"), undone].map(parentOf)).toEqual(["run order", "run order"])
    expect(span("step charge").status.code).toBe(SpanStatusCode.ERROR)
    expect(undone.attributes).toMatchObject({
      "carillon.workflow": "order",
      "carillon.step.phase": "compensate",
    })
  })

  describe("a trace that the emit is given", () => {
    const given = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`

    it("wins over whoever emits, and is gone on from where nobody else is traced", async () => {
      setUpTracing()
      const carillon = await shop.carillon()
      carillon.events.subscribe("order.placed", () => {}, { subscriberId: "mail" })

      await carillon.emit({ name: "order.placed", traceparent: given })
      await carillon.drain()

      for (const name of ["emit order.placed", "deliver order.placed"])
        expect(span(name).parentSpanContext).toMatchObject({
          traceId: "a".repeat(32),
          spanId: "b".repeat(16),
        })
    })

    it("is kept, with no span at all, where OpenTelemetry is not set up", async () => {
      const carillon = await shop.carillon()
      const seen: unknown[] = []
      carillon.events.subscribe("order.*", (event) => void seen.push(event.traceparent), {
        subscriberId: "mail",
      })

      await carillon.emit([{ name: "order.placed", traceparent: given }, { name: "order.paid" }])
      await carillon.drain()

      expect(seen).toEqual([given, null])
      expect(exporter.getFinishedSpans()).toEqual([])
    })
  })

  it("hears of a provider that is set up after it was created, and of one that is gone", async () => {
    const carillon = await shop.carillon()
    carillon.events.subscribe("order.placed", () => {}, { subscriberId: "mail" })
    await carillon.emit({ name: "order.placed" })
    await carillon.drain()
    expect(exporter.getFinishedSpans()).toEqual([])

    setUpTracing()
    await carillon.emit({ name: "order.placed" })
    await carillon.drain()
    expect(parentOf(span("deliver order.placed"))).toBe("emit order.placed")

    takeDownTracing()
    await carillon.emit({ name: "order.placed" })
    await carillon.drain()
    expect(spans("emit order.placed")).toHaveLength(1)
  })
})

function ofSubscriber(attempts: readonly ReadableSpan[], subscriber: string): ReadableSpan[] {
  return attempts.filter((each) =>
    String(each.attributes["messaging.destination.subscription.name"]).startsWith(`${subscriber}@`),
  )
}
