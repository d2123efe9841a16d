import type { ServerResponse } from "node:http"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { AwsWire, type WireAnswer } from "../../../test/support/aws-wire.ts"
import { type NotificationParts, notificationOf } from "../../../test/support/notification.ts"
import { networkPolicy } from "../http/network.ts"
import type { Notifier, NotifierResult } from "../notifier.ts"
import { type EventBridgeOptions, eventBridgeNotifier } from "./eventbridge.ts"

let wire: AwsWire
const notifiers: Notifier[] = []

beforeEach(async () => {
  wire = await AwsWire.open()
})
afterEach(async () => {
  vi.unstubAllEnvs()
  for (const notifier of notifiers.splice(0)) await notifier.close?.()
  await wire[Symbol.asyncDispose]()
})

describe("EventBridge gets", () => {
  it("one entry with the event's name and time, on the recipient's bus", async () => {
    wire.answers(TAKEN)

    const result = await notify({ subscription: { options: options({ source: "shop.example" }) } })

    const body = {
      Entries: [
        {
          Source: "shop.example",
          DetailType: "sales.order.created",
          Detail: '{"data":{"increment_id":"000000001","customer_email":"zoë@shop.example"}}',
          Resources: [],
          Time: 1_772_359_200.5,
          EventBusName: "orders",
        },
      ],
    }
    expect(wire.requests.map((request) => request.body)).toEqual([body])
    expect(result).toMatchObject({ success: true, subscriptionId: "sub_01" })
    expect(JSON.parse(result.responseData)).toEqual({ FailedEntryCount: 0, Entries: [{ EventId: "e-1" }] })
    expect(result.details).toEqual({
      notifier: "eventbridge",
      recipient: "orders",
      status: 200,
      request: { headers: {}, bytes: expect.any(Number) },
      response: { headers: { "x-amzn-requestid": "r-1" }, body: result.responseData, isCut: false },
    })
  })

  it("it signed with the subscription's credentials, for its region", async () => {
    wire.answers(TAKEN)

    await notify({ subscription: { options: options({ region: "ap-southeast-2" }) } })

    const { authorization, "x-amz-target": target } = wire.requests[0]?.headers ?? {}
    expect(authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIASHOP\/\d{8}\/ap-southeast-2\/events\/aws4_request/,
    )
    expect(target).toBe("AWSEvents.PutEvents")
  })

  it("a CloudEvent where the subscription wants one", async () => {
    wire.answers(TAKEN)

    await notify({ subscription: { form: "cloudevents", options: options() } })

    expect(JSON.parse(entries()[0]?.Detail ?? "")).toMatchObject({
      specversion: "1.0",
      id: "evt_1001",
      type: "sales.order.created",
      data: { increment_id: "000000001" },
    })
  })

  it("a bus by its ARN, in that bus's region", async () => {
    wire.answers(TAKEN)
    const recipient = "arn:aws:events:eu-central-1:123456789012:event-bus/orders"

    const { region: _, ...others } = options()
    await notify({ subscription: { recipient, options: others } })

    expect(entries()[0]?.EventBusName).toBe(recipient)
    expect(wire.requests[0]?.headers.authorization).toContain("/eu-central-1/events/")
  })
})

describe("an attempt fails", () => {
  it("with the entry that was refused, though the answer's status is 200", async () => {
    wire.answers(entryRefused("ThrottlingException", "Rate exceeded"))

    const result = await notify()

    expect(result).toMatchObject({ success: false, isRetryable: true, fault: "recipient" })
    expect(JSON.parse(result.responseData)).toEqual({
      ErrorCode: "ThrottlingException",
      ErrorMessage: "Rate exceeded",
    })
  })

  it.each([
    ["InternalFailure", "recipient", true],
    ["InternalException", "recipient", true],
    ["NotAuthorizedForDetailTypeException", "recipient", true],
    ["MalformedDetail", "event", false],
    ["InvalidArgument", "event", false],
  ])("with a refused entry of code %s by the %s, to be tried again: %s", async (code, fault, isRetryable) => {
    wire.answers(entryRefused(code, "no"))

    expect(await notify()).toMatchObject({ success: false, fault, isRetryable })
  })

  it.each<[string, WireAnswer, Partial<NotifierResult>, RegExp]>([
    [
      "when it is throttled",
      { status: 400, body: { __type: "ThrottlingException", message: "Rate exceeded" } },
      { isRetryable: true, fault: "recipient" },
      /^\{"ErrorCode":"ThrottlingException","ErrorMessage":"Rate exceeded"\}$/,
    ],
    [
      "for good when the request is not valid",
      { status: 400, body: { __type: "ValidationException", message: "Entries too long" } },
      { isRetryable: false, fault: "event" },
      /"ValidationException".*Entries too long/,
    ],
    [
      "when there is no such bus, which somebody may make",
      {
        status: 400,
        body: { __type: "ResourceNotFoundException", message: "Event bus orders does not exist." },
      },
      { isRetryable: true, fault: "recipient" },
      /"ResourceNotFoundException".*Event bus orders does not exist/,
    ],
    [
      "when it may not be written to, which somebody may allow",
      { status: 403, body: { __type: "AccessDeniedException", message: "not authorized" } },
      { isRetryable: true, fault: "recipient" },
      /AccessDeniedException/,
    ],
    [
      "when the service is broken",
      { status: 500, body: { __type: "InternalException", message: "oops" } },
      { isRetryable: true, fault: "recipient" },
      /InternalException/,
    ],
    [
      "when something else answers",
      { status: 502, body: "<html>Bad gateway</html>" },
      { isRetryable: true, fault: "recipient" },
      /"Http502"/,
    ],
    [
      "when a redirect answers, which is not followed",
      { status: 302, headers: { location: "/elsewhere" } },
      { isRetryable: true, fault: "recipient" },
      /"Http302"/,
    ],
    [
      "when an empty page answers with 200",
      { status: 200, body: "" },
      { isRetryable: true, fault: "recipient" },
      /NoAnswer/,
    ],
    [
      "when the connection is cut",
      { act: (response) => response.destroy() },
      { isRetryable: true, fault: "recipient" },
      /"ECONNRESET".*it cut the connection/,
    ],
    [
      "when the answer never ends",
      { act: pour },
      { isRetryable: true, fault: "recipient" },
      /at most 262144 bytes/,
    ],
  ])("%s", async (_, answer, expected, text) => {
    wire.answers(answer)

    const result = await notify()

    expect(result).toMatchObject({ success: false, ...expected })
    expect(result.responseData).toMatch(text)
    expect(wire.requests).toHaveLength(1) // the SDK sent nothing again by itself
  })

  it("until the time that the service asks for", async () => {
    const body = { __type: "ThrottlingException", message: "Rate exceeded" }
    wire.answers({ status: 400, headers: { "retry-after": "7" }, body })

    expect(await notify()).toMatchObject({ retryAfter: new Date("2026-03-01T10:00:14Z") })
  })

  it("when nobody answers, by its signal, and leaves no connection", async () => {
    const asked = Promise.withResolvers<void>()
    wire.answers({ act: () => asked.resolve() })
    const end = new AbortController()
    const attempt = notify({ signal: end.signal })
    await asked.promise

    end.abort(new Error("The time is over"))

    await expect(attempt).rejects.toThrow("The time is over")
    await poll(() => wire.connections).toBe(0)
  })

  it("when its time is over, which it tells, and leaves no connection", async () => {
    wire.answers({ act: () => {} })

    const result = await notify({ timeoutMs: 200 })

    expect(result).toMatchObject({ success: false, fault: "recipient", details: { status: null } })
    expect(result.isRetryable).toBe(true)
    expect(result.responseData).toContain("to answer within 200 ms, it did not")
    await poll(() => wire.connections).toBe(0)
  })

  it("when an answer begins and does not end, by its signal", async () => {
    const end = new AbortController()
    wire.answers({
      act: (response) => {
        response.write('{"Failed')
        setImmediate(() => end.abort(new Error("The time is over")))
      },
    })

    await expect(notify({ signal: end.signal })).rejects.toThrow("The time is over")
  })

  it("without a word of the address that a name led to", async () => {
    const { port } = new URL(wire.url)
    await wire[Symbol.asyncDispose]()
    wire = await AwsWire.open()

    const result = await notify({
      subscription: { options: options({ endpoint: `http://localhost:${port}` }) },
    })

    expect(result).toMatchObject({ success: false, isRetryable: true, fault: "recipient" })
    expect(result.responseData).toBe(
      '{"ErrorCode":"ECONNREFUSED","ErrorMessage":"Expected the recipient to take the connection, it refused it (ECONNREFUSED). Nothing was sent."}',
    )
    expect(result.details).toMatchObject({ status: null, request: null, response: null })
  })

  it("before anything is sent when the entry is larger than the service takes", async () => {
    const notifier = made({ mostBytes: 200 })

    const result = await notifier.notify(order({ data: { note: "é".repeat(100) } }))

    expect(result).toMatchObject({ success: false, isRetryable: false, fault: "event" })
    expect(result.responseData).toMatch(/Expected at most 200 bytes, got \d+/)
    expect(wire.requests).toEqual([])
  })

  it("without using an attempt up when this process finds no credentials", async () => {
    vi.stubEnv("AWS_PROFILE", "none-of-these")
    vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true")
    for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]) vi.stubEnv(name, undefined)
    const { credentials: _, ...others } = options()

    const result = await notify({ subscription: { options: others } })

    expect(result).toMatchObject({ success: false, fault: "sender" })
    expect(result.responseData).toContain("CredentialsProviderError")
  })
})

describe("a client of the SDK", () => {
  it("is made once for its credentials, and another for others", async () => {
    wire.answers(TAKEN)
    const notifier = made()

    for (const accessKeyId of ["AKIASHOP", "AKIASHOP", "AKIAOTHER"])
      await notifier.notify(order({ subscription: { options: options({ accessKeyId }) } }))

    expect(await wire.connections).toBe(2)
    await notifier.close?.()
    await poll(() => wire.connections).toBe(0)
  })

  it("finds credentials in the environment where a subscription has none", async () => {
    wire.answers(TAKEN)
    vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIAENV")
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "a-secret-of-the-process")
    const { credentials: _, ...others } = options()

    await notify({ subscription: { options: others } })

    expect(wire.requests[0]?.headers.authorization).toContain("Credential=AKIAENV/")
  })
})

describe("a subscription to EventBridge is refused", () => {
  it.each([
    ["a rule's ARN", { recipient: "arn:aws:events:eu-west-1:123456789012:rule/orders" }, /ARN of a rule/],
    [
      "another service's ARN",
      { recipient: "arn:aws:sqs:eu-west-1:123456789012:orders" },
      /a bus of EventBridge/,
    ],
    ["a URL", { recipient: "https://shop.example/" }, /a bus of EventBridge/],
    ["no bus", { recipient: "" }, /a bus of EventBridge/],
    ["a form with headers", { form: "cloudevents-binary" }, /no place for headers/],
    ["headers", { headers: { "x-shop": "1" } }, /no place for headers/],
    ["an unknown option", { options: { bus: "orders" } }, /region, endpoint, source, got `bus`/],
    ["a region that is a host", { options: { region: "evil.example/" } }, /`options.region`/],
    ["a source of Amazon's own", { options: { source: "aws.ec2" } }, /`options.source`/],
    ["half of its credentials", { options: { credentials: { accessKeyId: "A" } } }, /both/],
    ["unknown credentials", { options: { credentials: { token: "T" } } }, /got `token`/],
    [
      "an endpoint inside",
      { options: { endpoint: "https://169.254.169.254/" } },
      /`options.endpoint` to be a public address/,
    ],
    ["an endpoint that is none", { options: { endpoint: "events.eu-west-1" } }, /`options.endpoint`/],
    [
      "a region that is not its bus's",
      { recipient: "arn:aws:events:eu-west-1:123456789012:event-bus/o", options: { region: "us-east-1" } },
      /that of the bus, `eu-west-1`/,
    ],
  ])("for %s", async (_, wish, words) => {
    const notifier = made({ network: networkPolicy() })

    await expect(checked(notifier, wish)).rejects.toThrow(words)
  })

  it("without credentials of its own where this process's are not lent", async () => {
    const notifier = made({ defaultCredentials: false })

    await expect(checked(notifier, {})).rejects.toThrow("do not write with this process's own")
    await expect(checked(notifier, { options: options() })).resolves.toBeUndefined()
  })

  it("by no name that leads inside, when it is called either", async () => {
    const { port } = new URL(wire.url)
    const endpoint = `http://localhost:${port}`
    const notifier = made({ network: networkPolicy({ schemes: ["http"], ports: null }) })

    const result = await notifier.notify(order({ subscription: { options: options({ endpoint }) } }))

    expect(result).toMatchObject({ success: false })
    expect(result.responseData).toContain("public address")
    expect(wire.requests).toEqual([])
  })
})

const TAKEN: WireAnswer = {
  headers: { "x-amzn-requestid": "r-1" },
  body: { FailedEntryCount: 0, Entries: [{ EventId: "e-1" }] },
}

function entryRefused(ErrorCode: string, ErrorMessage: string): WireAnswer {
  return { body: { FailedEntryCount: 1, Entries: [{ ErrorCode, ErrorMessage }] } }
}

/** Writes until nobody reads. */
function pour(response: ServerResponse): void {
  const more = (): void => {
    while (!response.destroyed && response.write("x".repeat(65_536)));
  }
  response.on("drain", more)
  more()
}

function entries(): readonly Readonly<Record<string, string>>[] {
  return wire.requests.flatMap(({ body }) => body.Entries as [])
}

function made(given: Partial<EventBridgeOptions> = {}): Notifier {
  const notifier = eventBridgeNotifier({ network: networkPolicy({ allow: ["loopback"] }), ...given })
  notifiers.push(notifier)
  return notifier
}

function notify(parts: NotificationParts = {}): Promise<NotifierResult> {
  return made().notify(order(parts))
}

function order(parts: NotificationParts) {
  return notificationOf({ ...parts, subscription: { options: options(), ...parts.subscription } })
}

function options({ accessKeyId = "AKIASHOP", ...given }: Readonly<Record<string, string>> = {}) {
  const credentials = { accessKeyId, secretAccessKey: "a-secret-of-the-shop" }
  return { region: "eu-west-1", endpoint: wire.url, credentials, ...given }
}

async function checked(notifier: Notifier, wish: object): Promise<void> {
  await notifier.check?.({ recipient: "orders", form: "legacy", headers: {}, options: {}, ...wish })
}

/** Asks for as long as a busy machine may take. */
function poll<T>(ask: () => T) {
  return expect.poll(ask, { timeout: 50_000 })
}
