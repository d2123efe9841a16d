import { HTTP } from "cloudevents"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { formOf, webhookId } from "./forms.ts"
import type { BodyForm, Notification, NotifiedEvent } from "./notifier.ts"
import { newSecret } from "./secrets.ts"
import { legacySignature } from "./signing.ts"
import { verifyWebhook } from "./verify.ts"

const secret = newSecret()
const now = Date.parse("2026-03-01T12:00:05.900Z")

const event: NotifiedEvent = {
  id: "evt_01JNQ0000000000000000000000000",
  name: "order.placed",
  at: new Date("2026-03-01T12:00:00.250Z"),
  scope: { account: "shop", workspace: "master" },
  key: "ord_1001",
  sender: null,
  metadata: {},
  causationId: null,
  correlationId: null,
  traceparent: null,
}

type Change = Partial<Omit<Notification, "event">> & {
  readonly form?: BodyForm
  readonly event?: Partial<NotifiedEvent>
  readonly secrets?: readonly string[]
}

function notification({
  form = "standard",
  secrets = [secret],
  event: other,
  ...more
}: Change = {}): Notification {
  const held = secrets.map((each) => ({ secret: each, createdAt: 0, expiresAt: null }))
  const subscription = { id: "sub_1", no: 1, recipient: "", form, secrets: held, headers: {}, options: {} }
  return {
    subscription,
    event: { ...event, ...other },
    data: { id: "ord_1001", total: 40 },
    deliveryId: "dlv_1",
    attempt: 1,
    isTest: false,
    signal: new AbortController().signal,
    timeoutMs: 15_000,
    now,
    ...more,
  }
}

const textOf = (change: Change): string => Buffer.from(formOf(notification(change)).body).toString()

const forms: readonly BodyForm[] = ["legacy", "standard", "cloudevents", "cloudevents-binary"]

describe.each(forms)("a webhook in the form %s", (form) => {
  it("is signed over exactly its bytes, with the time of the attempt", async () => {
    const { headers, body } = formOf(notification({ form }))

    const { id, timestamp } = await verifyWebhook({ headers, body, secret, now })

    expect({ id, timestamp }).toEqual({ id: event.id, timestamp: new Date("2026-03-01T12:00:05Z") })
  })

  it("says which event it is and which attempt, and whether it is a test", () => {
    const { headers } = formOf(notification({ form, attempt: 3 }))
    const test = formOf(notification({ form, isTest: true }))

    expect(headers).toMatchObject({ "webhook-event": "order.placed", "webhook-attempt": "3" })
    expect(headers).not.toHaveProperty("webhook-test")
    expect(test.headers).toMatchObject({ "webhook-test": "true" })
  })

  it("is the same whether its data stands there as JSON already or not", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (data) => {
        const [written, ready] = [
          { form, data },
          { form, data, dataJson: JSON.stringify(data) },
        ]
        expect(formOf(notification(ready))).toEqual(formOf(notification(written)))
      }),
    )
  })

  it("can be made of any event, in headers that HTTP can carry", async () => {
    const anything = fc.string({ unit: "binary", minLength: 1, maxLength: 30 })
    const events = fc.record({ id: anything, name: anything, key: anything, sender: anything })
    await fc.assert(
      fc.asyncProperty(events, fc.jsonValue(), async (other, data) => {
        const { headers, body } = formOf(notification({ form, event: other, data }))
        expect(Object.values(headers).every((value) => /^[\x21-\x7e]+( [\x21-\x7e]+)*$/.test(value))).toBe(
          true,
        )
        expect((await verifyWebhook({ headers, body, secret, now })).id).not.toContain(".")
      }),
    )
  })

  it("refuses data that is not JSON", () => {
    const circle: { self?: unknown } = {}
    circle.self = circle

    for (const data of [circle, { total: 40n }])
      expect(() => formOf(notification({ form, data }))).toThrow(
        expect.objectContaining({ code: "CARILLON_UNSERIALISABLE" }),
      )
  })

  it("is not made without a secret", () => {
    expect(() => formOf(notification({ form, secrets: [] }))).toThrow(
      /^Expected a (secret|verification token)/,
    )
  })
})

describe("the standard form", () => {
  it("says the type, when it happened, and the data", () => {
    expect(textOf({})).toBe(
      '{"type":"order.placed","timestamp":"2026-03-01T12:00:00.250Z","data":{"id":"ord_1001","total":40}}',
    )
    expect(formOf(notification()).contentType).toBe("application/json")
  })

  it("has data of null where there is none, and says in what is signed that it is a test", () => {
    expect(textOf({ data: undefined })).toMatch(/"data":null}$/)
    expect(textOf({ isTest: true })).toMatch(/"test":true}$/)
  })
})

describe("the legacy form", () => {
  it("is the data and nothing else, signed by the newest token", () => {
    const { body, contentType, headers } = formOf(notification({ form: "legacy", secrets: ["new", "old"] }))

    expect(Buffer.from(body).toString()).toBe('{"data":{"id":"ord_1001","total":40}}')
    expect(contentType).toBe("application/json")
    expect(headers["x-magento-signature"]).toBe(legacySignature(body, "new"))
    expect(headers["webhook-signature"]?.split(" ")).toHaveLength(2)
    expect(textOf({ form: "legacy", data: undefined })).toBe('{"data":null}')
  })
})

describe("the form of CloudEvents", () => {
  const told = {
    specversion: "1.0",
    id: event.id,
    source: "urn:carillon:shop:master",
    type: "order.placed",
    time: "2026-03-01T12:00:00.250Z",
    subject: "ord_1001",
    carillonscope: "shop/master",
    datacontenttype: "application/json",
    data: { id: "ord_1001", total: 40 },
  }

  /** As a receiver with the SDK of CloudEvents reads it. */
  const read = (change: Change): unknown => {
    const { headers, body, contentType } = formOf(notification(change))
    const received = {
      headers: { ...headers, "content-type": contentType },
      body: Buffer.from(body).toString(),
    }
    return JSON.parse(JSON.stringify(HTTP.toEvent(received)))
  }

  // Their SDK leaves what is percent-encoded as it is; our own server reads it back.
  it.each(["cloudevents", "cloudevents-binary"] as const)("%s is read by their SDK", (form) => {
    expect(read({ form })).toEqual(told)
    const related = { causationId: "evt_00", correlationId: "checkout-7", traceparent: "00-a-b-01" }
    const also = { causationid: "evt_00", correlationid: "checkout-7", traceparent: "00-a-b-01" }
    expect(read({ form, event: related })).toEqual({ ...told, ...also })
    expect(read({ form, data: undefined })).toMatchObject({ id: event.id, type: "order.placed" })
    expect(read({ form, isTest: true })).toMatchObject({
      webhooktest: form === "cloudevents" ? true : "true",
    })
  })

  it("structured has it all in the body, of the type of CloudEvents", () => {
    const { body, contentType } = formOf(notification({ form: "cloudevents" }))

    expect(JSON.parse(Buffer.from(body).toString())).toEqual(told)
    expect(contentType).toBe("application/cloudevents+json")
  })

  it("binary has the attributes in headers, percent-encoded, and the data as it is", () => {
    const other = { key: 'order "7" ë', sender: "shop/billing" }
    const { headers, body, contentType } = formOf(notification({ form: "cloudevents-binary", event: other }))

    expect(headers).toMatchObject({
      "ce-specversion": "1.0",
      "ce-type": "order.placed",
      "ce-source": "shop/billing",
      "ce-subject": "order%20%227%22%20%C3%AB",
    })
    expect(contentType).toBe("application/json")
    expect(Buffer.from(body).toString()).toBe('{"id":"ord_1001","total":40}')
  })

  it("goes as it came, with bytes as bytes", () => {
    const cloudevents = {
      id: "1",
      datacontenttype: "image/png",
      data_base64: true,
      dataschema: "/schemas/logo",
    }
    const given = { event: { metadata: { cloudevents }, sender: "/shop" }, data: "AAEC" }

    const binary = formOf(notification({ form: "cloudevents-binary", ...given }))

    expect(JSON.parse(textOf({ form: "cloudevents", ...given }))).toMatchObject({
      id: "1",
      source: "/shop",
      dataschema: "/schemas/logo",
      data_base64: "AAEC",
    })
    expect([...binary.body]).toEqual([0, 1, 2])
    expect(binary.contentType).toBe("image/png")
    expect(binary.headers).toMatchObject({ "ce-id": "1", "webhook-id": event.id })
  })
})

describe("the id of a webhook", () => {
  it("is the event's, percent-encoded only where a header or the signature could not hold it", () => {
    expect(webhookId(event.id)).toBe(event.id)
    expect(webhookId("checkout:7_a-b~c")).toBe("checkout:7_a-b~c")
    expect(webhookId("ord.1001/ë\n")).toBe("ord%2E1001%2F%C3%AB%0A")
  })

  it("can be turned back, so that no two events have the same", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1 }), (id) => {
        fc.pre(id.isWellFormed())
        expect(decodeURIComponent(webhookId(id))).toBe(id)
      }),
    )
  })
})
