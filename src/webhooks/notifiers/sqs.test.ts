import {
  CreateQueueCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs"
import fc from "fast-check"
import { type FauxqsServer, startFauxqs } from "fauxqs"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { AwsWire } from "../../../test/support/aws-wire.ts"
import { type NotificationParts, notificationOf } from "../../../test/support/notification.ts"
import { networkPolicy } from "../http/network.ts"
import type { Notifier, NotifierResult } from "../notifier.ts"
import { type SqsOptions, sqsNotifier } from "./sqs.ts"

const AT_AMAZON = "https://sqs.eu-central-1.amazonaws.com/123456789012/orders"
let server: FauxqsServer
let client: SQSClient
let queues = 0
const notifiers: Notifier[] = []

beforeAll(async () => {
  server = await startFauxqs({ port: 0, logger: false })
  client = new SQSClient({ endpoint: server.address, region: "us-east-1", credentials: { ...KEYS } })
})
afterEach(async () => {
  for (const notifier of notifiers.splice(0)) await notifier.close?.()
})
afterAll(async () => {
  client.destroy()
  await server.stop()
})

describe("a queue gets", () => {
  it("the body as a message, and what would be headers as its attributes", async () => {
    const queue = await newQueue()

    const result = await notify(queue, { subscription: { headers: { "x-shop": "berlin" } } })

    const [message] = await received(queue)
    expect(message?.Body).toBe('{"data":{"increment_id":"000000001","customer_email":"zoë@shop.example"}}')
    expect(attributesOf(message)).toMatchObject({
      "content-type": "application/json",
      "webhook-id": "evt_1001",
      "webhook-attempt": "1",
      "x-magento-signature": expect.stringMatching(/^[0-9a-f]{64}$/),
      "x-shop": "berlin",
    })
    expect(result).toMatchObject({
      success: true,
      details: { notifier: "sqs", recipient: queue, status: 200 },
    })
    expect(JSON.parse(result.responseData)).toMatchObject({ MessageId: message?.MessageId })
  })

  it("all that a test in the legacy form brings, with as many headers as may be", async () => {
    const queue = await newQueue()

    const result = await notify(queue, {
      isTest: true,
      subscription: { headers: { "x-shop": "berlin", "x-country": "DE" } },
    })

    expect(result.success).toBe(true)
    const [message] = await received(queue)
    expect(Object.keys(attributesOf(message))).toHaveLength(10)
  })

  it("the events of one key in their order, and those of none by themselves", async () => {
    const queue = await newQueue("fifo")

    for (const [id, key] of [
      ["evt_1", "ord_1"],
      ["evt_2", "ord_1"],
      ["evt_3", "ord_2"],
      ["evt_4", null],
    ] as const)
      await notify(queue, { event: { id, key } })

    const messages = await received(queue)
    const idsOf = (key: string) => messages.filter((message) => groupOf(message) === key).map(dedupOf)
    expect([idsOf("ord_1"), idsOf("ord_2"), idsOf("evt_4")]).toEqual([
      ["evt_1", "evt_2"],
      ["evt_3"],
      ["evt_4"],
    ])
  })

  it("the same event twice as one message, where it goes first in, first out", async () => {
    const queue = await newQueue("fifo")

    const attempts = [1, 2].map((attempt) => notify(queue, { attempt, event: { key: "ord_1" } }))

    for (const result of await Promise.all(attempts)) expect(result.success).toBe(true)
    expect(await received(queue)).toHaveLength(1)
  })

  it("keys and ids that SQS would not take, as groups of their own", async () => {
    const queue = await newQueue("fifo")
    const odd = ["Bestellung 1", "é".repeat(200), "x".repeat(255)]

    for (const key of odd)
      expect(await notify(queue, { event: { id: `${key}!`, key } })).toMatchObject({ success: true })

    const messages = await received(queue)
    expect(new Set(messages.map(groupOf)).size).toBe(odd.length)
  })
})

describe("an attempt to reach a queue fails", () => {
  it("when there is none of that name, which somebody may make", async () => {
    const result = await notify(`${server.address}/000000000000/nowhere`)

    expect(result).toMatchObject({ success: false, isRetryable: true, fault: "recipient" })
    expect(JSON.parse(result.responseData)).toMatchObject({
      ErrorCode: expect.stringContaining("QueueDoesNotExist"),
      ErrorMessage: expect.stringMatching(/queue/i),
    })
  })

  it("before anything is sent, when the message is larger than SQS takes", async () => {
    const queue = await newQueue()

    const result = await made({ mostBytes: 300 }).notify(order(queue, { data: { note: "é".repeat(100) } }))

    expect(result).toMatchObject({ success: false, isRetryable: false, fault: "event" })
    expect(await received(queue)).toEqual([])
  })

  it("when it is throttled, once, and until the service wants it again", async () => {
    await using wire = await AwsWire.open()
    const body = { __type: "com.amazonaws.sqs#RequestThrottled", message: "slow down" }
    wire.answers({ status: 400, headers: { "retry-after": "3" }, body })

    const result = await notify(`${wire.url}/000000000000/orders`)

    expect(result).toMatchObject({
      success: false,
      isRetryable: true,
      fault: "recipient",
      retryAfter: new Date("2026-03-01T10:00:10Z"),
    })
    expect(result.responseData).toContain("RequestThrottled")
    expect(wire.requests).toHaveLength(1)
  })

  it("when another host than Amazon's leads inside, though its name does not say so", async () => {
    await using wire = await AwsWire.open()
    const { port } = new URL(wire.url)
    const notifier = made({ network: networkPolicy({ schemes: ["http"], ports: null }) })

    const result = await notifier.notify(order(`http://localhost:${port}/000000000000/orders`))

    expect(result.responseData).toContain("public address")
    expect(wire.requests).toEqual([])
  })
})

describe("a subscription to a queue", () => {
  it.each([
    AT_AMAZON,
    "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/orders.fifo",
    "https://queues.shop.example/000000000000/orders",
  ])("is made for %s", async (recipient) => {
    await expect(checked({ recipient })).resolves.toBeUndefined()
  })

  it.each([
    ["a name", { recipient: "orders" }, /the URL of a queue/],
    ["an ARN", { recipient: "arn:aws:sqs:eu-central-1:123456789012:orders" }, /the URL of a queue/],
    ["a page", { recipient: "https://shop.example/" }, /the URL of a queue/],
    ["an address inside", { recipient: "https://10.0.0.1/000000000000/orders" }, /public address/],
    ["a password", { recipient: "https://a:b@queues.shop.example/0/orders" }, /no user and password/],
    [
      "a name like Amazon's that leads elsewhere",
      { recipient: "http://sqs.eu-central-1.amazonaws.com/123456789012/orders" },
      /https:/,
    ],
    ["CloudEvents in headers", { form: "cloudevents-binary" }, /ten attributes/],
    ["three headers", { headers: { "x-a": "1", "x-b": "1", "x-c": "1" } }, /at most 2 headers/],
    ["a header that is no attribute", { headers: { "x.a": "1" } }, /Got `x.a`/],
    ["an unknown option", { options: { queue: "orders" } }, /region, endpoint, got `queue`/],
  ])("is refused for %s", async (_, wish, words) => {
    await expect(checked(wish)).rejects.toThrow(words)
  })

  it("is at Amazon's, and under no network rule, only where the host is one of Amazon's", async () => {
    const notifier = made({ network: networkPolicy({ ports: [] }) }) // nothing else passes
    const hosts = fc.stringMatching(/^[a-z0-9.@/:#?\\-]{0,12}$/)
    const tails = fc.constantFrom("", ".evil.example", "@evil.example", "#", "?", "/..", ":22")
    await fc.assert(
      fc.asyncProperty(hosts, tails, async (region, tail) => {
        const recipient = `https://sqs.${region}.amazonaws.com${tail}/123456789012/orders`
        const wish = { recipient, form: "legacy", headers: {}, options: {} } as const
        const isTaken = await (async () => notifier.check?.(wish))().then(
          () => true,
          () => false,
        )
        if (isTaken) expect(new URL(recipient).hostname).toMatch(/^sqs\.[a-z0-9-]+\.amazonaws\.com$/)
      }),
    )
    await expect(
      notifier.check?.({ recipient: AT_AMAZON, form: "legacy", headers: {}, options: {} }),
    ).resolves.toBeUndefined()
  })
})

const KEYS = { accessKeyId: "AKIASHOP", secretAccessKey: "a-secret-of-the-shop" }

/** Its URL as it is reached here: the server would name another host. */
async function newQueue(kind: "standard" | "fifo" = "standard"): Promise<string> {
  const name = `orders-${++queues}${kind === "fifo" ? ".fifo" : ""}`
  const Attributes = kind === "fifo" ? { FifoQueue: "true" } : undefined
  await client.send(new CreateQueueCommand({ QueueName: name, Attributes }))
  return `${server.address}/000000000000/${name}`
}

async function received(QueueUrl: string): Promise<Message[]> {
  const all: Message[] = []
  for (;;) {
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: 10,
        MessageAttributeNames: ["All"],
        MessageSystemAttributeNames: ["All"],
      }),
    )
    if (Messages.length === 0) return all
    all.push(...Messages)
    for (const { ReceiptHandle } of Messages)
      await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }))
  }
}

function attributesOf(message: Message | undefined): Record<string, string | undefined> {
  const all = Object.entries(message?.MessageAttributes ?? {})
  return Object.fromEntries(all.map(([name, { StringValue }]) => [name, StringValue]))
}

function groupOf({ Attributes }: Message): string | undefined {
  return Attributes?.MessageGroupId
}

function dedupOf({ Attributes }: Message): string | undefined {
  return Attributes?.MessageDeduplicationId
}

function made(given: Partial<SqsOptions> = {}): Notifier {
  const notifier = sqsNotifier({ network: networkPolicy({ allow: ["loopback"] }), ...given })
  notifiers.push(notifier)
  return notifier
}

function notify(queue: string, parts: NotificationParts = {}): Promise<NotifierResult> {
  return made().notify(order(queue, parts))
}

function order(recipient: string, parts: NotificationParts = {}) {
  const options = { region: "us-east-1", credentials: KEYS }
  return notificationOf({ ...parts, subscription: { recipient, options, ...parts.subscription } })
}

async function checked(wish: object): Promise<void> {
  const notifier = made({ network: networkPolicy() })
  await notifier.check?.({ recipient: AT_AMAZON, form: "legacy", headers: {}, options: {}, ...wish })
}
