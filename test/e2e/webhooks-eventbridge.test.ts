import {
  CreateEventBusCommand,
  EventBridgeClient,
  PutRuleCommand,
  PutTargetsCommand,
} from "@aws-sdk/client-eventbridge"
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs"
import { type Carillon, type CarillonOptions, createCarillon } from "carillon"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { AwsWire, type WireAnswer } from "../support/aws-wire.ts"
import { describeEngines } from "../support/describe.ts"
import { describeMoto, startMoto } from "../support/moto.ts"
import { type Place, placeOn } from "../support/place.ts"

const credentials = { accessKeyId: "AKIASHOP", secretAccessKey: "a-secret-of-the-shop" }
const order = { name: "sales.order.created", data: { increment_id: "000000001" } }

await describeEngines((engine) => {
  describe("a subscription to EventBridge", () => {
    it("is tried again when an entry or the whole request is throttled, and tells why of each attempt", async () => {
      const { carillon, wire } = await setup()
      wire.answers(refused("ThrottlingException"), throttled(), TAKEN)
      const { id } = await create(carillon, wire)

      const [receipt] = await carillon.emit(order)

      await poll(async () => (await deliveryOf(carillon, id))?.state).toBe("delivered")
      const { deliveries } = await carillon.trace(receipt?.id ?? "")
      expect(deliveries[0]?.attempts).toMatchObject([
        {
          outcome: "retry",
          error: refusal("ThrottlingException"),
          details: { notifier: "eventbridge", status: 200 },
        },
        { outcome: "retry", error: refusal("ThrottlingException"), details: { status: 400 } },
        {
          outcome: "delivered",
          details: { status: 200, response: { headers: { "x-amzn-requestid": "r-1" } } },
        },
      ])
      expect(wire.requests).toHaveLength(3)
    })

    it("does not try an event again that the bus would refuse again", async () => {
      const { carillon, wire } = await setup()
      wire.answers(refused("MalformedDetail"))
      const { id } = await create(carillon, wire)

      await carillon.emit(order)

      await poll(async () => (await deliveryOf(carillon, id))?.state).toBe("dead")
      expect(await deliveryOf(carillon, id)).toMatchObject({
        attempts: [{ error: refusal("MalformedDetail") }],
      })
      expect(wire.requests).toHaveLength(1)
    })

    it("keeps its secret key sealed, and says it to nobody", async () => {
      const { carillon, wire, place } = await setup()
      const { id } = await create(carillon, wire)

      const webhook = await carillon.webhooks.get(id)
      const rows = await place.sql(`SELECT * FROM ${place.table("records")}`)

      expect(webhook).toMatchObject({
        notifier: "eventbridge",
        recipient: "orders",
        options: { region: "eu-west-1", source: "shop.example" },
        credentials: ["accessKeyId", "secretAccessKey"],
      })
      expect(JSON.stringify(webhook)).not.toContain(credentials.secretAccessKey)
      expect(JSON.stringify(rows)).toContain("orders")
      expect(JSON.stringify(rows)).not.toContain(credentials.secretAccessKey)
    })

    it("is refused for a rule's ARN, and for an endpoint that webhooks may not reach", async () => {
      const { carillon, wire } = await setup({ webhooks: {} })

      await expect(create(carillon, wire)).rejects.toThrow("`options.endpoint` to begin with https://")
      const recipient = "arn:aws:events:eu-west-1:123456789012:rule/orders"
      await expect(create(carillon, wire, { recipient })).rejects.toThrow("rule")
    })
  })

  async function setup(options: CarillonOptions = {}) {
    const wire = await AwsWire.open()
    onTestFinished(() => wire[Symbol.asyncDispose]())
    const place: Place = await placeOn(engine, "webhooks_eventbridge")
    onTestFinished(() => place.remove())
    const carillon = await startedOn(place.database, options)
    return { carillon, wire, place }
  }
})

describeMoto("an event bus", () => {
  let moto: Awaited<ReturnType<typeof startMoto>>
  let events: EventBridgeClient
  let queues: SQSClient

  beforeAll(async () => {
    moto = await startMoto()
    const access = { endpoint: moto.url, region: "eu-west-1", credentials: { ...credentials } }
    events = new EventBridgeClient(access)
    queues = new SQSClient(access)
  }, 120_000)
  afterAll(async () => {
    events?.destroy()
    queues?.destroy()
    await moto?.stop()
  })

  it("gets what its rules hear, and brings it where they say", async () => {
    const { EventBusArn = "" } = await events.send(new CreateEventBusCommand({ Name: "orders" }))
    const { QueueUrl = "" } = await queues.send(new CreateQueueCommand({ QueueName: "erp" }))
    const pattern = JSON.stringify({ "detail-type": ["sales.order.created"] })
    await events.send(new PutRuleCommand({ Name: "erp", EventBusName: "orders", EventPattern: pattern }))
    const target = { Id: "erp", Arn: "arn:aws:sqs:eu-west-1:123456789012:erp" }
    await events.send(new PutTargetsCommand({ Rule: "erp", EventBusName: "orders", Targets: [target] }))
    const carillon = await startedOn(":memory:")
    for (const recipient of ["orders", EventBusArn])
      await create(carillon, { url: moto.url }, { recipient, events: "sales.order.*" })

    await carillon.emit([order, { ...order, name: "sales.order.paid" }])
    await poll(async () => (await deliveredIn(carillon)).length).toBe(4)

    const { Messages = [] } = await queues.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }),
    )
    const told = Messages.map(({ Body = "" }) => JSON.parse(Body) as Readonly<Record<string, unknown>>)
    expect(told).toHaveLength(2)
    for (const each of told)
      expect(each).toMatchObject({
        source: "shop.example",
        "detail-type": "sales.order.created",
        detail: { data: order.data },
        resources: [],
      })
  })

  it("that is not there is told in the attempt, and waited for", async () => {
    const carillon = await startedOn(":memory:")
    const { id } = await create(carillon, { url: moto.url }, { recipient: "nowhere" })

    await carillon.emit(order)

    await poll(async () => (await deliveryOf(carillon, id))?.attempts.length).toBeGreaterThan(0)
    const delivery = await deliveryOf(carillon, id)
    expect(delivery?.state).not.toBe("dead")
    expect(delivery?.attempts[0]?.error).toMatch(/ResourceNotFoundException.*nowhere/)
  })
})

const TAKEN: WireAnswer = {
  headers: { "x-amzn-requestid": "r-1" },
  body: { FailedEntryCount: 0, Entries: [{ EventId: "e-1" }] },
}

function refused(ErrorCode: string): WireAnswer {
  return { body: { FailedEntryCount: 1, Entries: [{ ErrorCode, ErrorMessage: "no" }] } }
}

function throttled(): WireAnswer {
  return { status: 400, body: { __type: "ThrottlingException", message: "no" } }
}

function refusal(ErrorCode: string): string {
  return JSON.stringify({ ErrorCode, ErrorMessage: "no" })
}

async function startedOn(database: string, options: CarillonOptions = {}): Promise<Carillon> {
  const carillon = await createCarillon({
    database,
    logger: false,
    group: "shop",
    secret: "a-secret-of-at-least-thirty-two-characters",
    random: () => 0,
    pollMs: 50,
    webhooks: { network: { allow: ["loopback"] } },
    ...options,
  })
  onTestFinished(() => carillon.stop())
  await carillon.start()
  return carillon
}

function create(carillon: Carillon, { url }: { readonly url: string }, more: object = {}) {
  return carillon.webhooks.create({
    events: "sales.order.created",
    recipient: "orders",
    notifier: "event_bridge",
    form: "legacy",
    options: { region: "eu-west-1", source: "shop.example", endpoint: url },
    credentials,
    policy: { delays: [20, 20, 20] },
    ...more,
  })
}

async function deliveryOf(carillon: Carillon, subscription: string) {
  return (await carillon.listDeliveries({ subscription })).items[0]
}

async function deliveredIn(carillon: Carillon) {
  return (await carillon.listDeliveries({ state: "delivered" })).items
}

/** Asks for as long as a busy machine may take. */
function poll<T>(ask: () => T) {
  return expect.poll(ask, { timeout: 50_000 })
}
