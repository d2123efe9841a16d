import { CloudEvent, type CloudEventV1, HTTP, type Message } from "cloudevents"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type ApiServer, apiServerOn } from "../support/api-server.ts"
import { describeEngines } from "../support/describe.ts"

const order = {
  id: "1001",
  source: "https://shop.example/orders",
  type: "order.placed",
  subject: "ord_1001",
  time: "2026-03-01T09:30:00.000Z",
  data: { total: 120 },
}

await describeEngines((engine) => {
  const send = async (
    { ask }: ApiServer,
    { headers, body }: Message,
  ): Promise<{ status: number; id: string }> => {
    const response = await ask("POST", "/api/events", body as string, headers as Record<string, string>)
    const answer = (await response.json()) as { events?: { id: string }[]; detail?: string }
    return { status: response.status, id: answer.events?.[0]?.id ?? answer.detail ?? "" }
  }

  const received = async (
    { ask }: ApiServer,
    path: string,
    accept = "*/*",
  ): Promise<CloudEventV1<unknown>> => {
    const response = await ask("GET", path, undefined, { accept })
    const headers = Object.fromEntries(response.headers)
    return HTTP.toEvent({ headers, body: await response.text() }) as CloudEventV1<unknown>
  }

  describe("a CloudEvent", () => {
    it.each(["structured", "binary"] as const)("comes in the %s form, and is an event", async (form) => {
      const api = await apiServerOn(engine)

      const { status, id } = await send(api, HTTP[form](new CloudEvent({ ...order, traceparent: TRACE })))

      expect(status).toBe(201)
      expect(await api.carillon.event(id)).toMatchObject({
        name: "order.placed",
        data: { total: 120 },
        sender: "https://shop.example/orders",
        key: "ord_1001",
        traceparent: TRACE,
        metadata: { cloudevents: { id: "1001", time: "2026-03-01T09:30:00.000Z" } },
      })
    })

    it("goes out as it came, in every form", async () => {
      const api = await apiServerOn(engine)
      const sent = new CloudEvent({
        ...order,
        comexampletenant: "acme",
        dataschema: "https://shop.example/schema",
      })
      const { id } = await send(api, HTTP.structured(sent))

      const structured = await received(api, `/api/events/${id}`, "application/cloudevents+json")
      const binary = await received(api, `/api/events/${id}?cloudevent=binary`)
      const [batched] = (await received(
        api,
        "/api/events",
        "application/cloudevents-batch+json",
      )) as unknown as CloudEventV1<unknown>[]

      for (const each of [structured, binary, batched])
        expect(new CloudEvent(each as CloudEventV1<unknown>, true).toJSON()).toEqual({
          ...sent.toJSON(),
          datacontenttype: "application/json",
        })
    })

    it("is one event however often and in whichever form it is sent, and another for another source", async () => {
      const api = await apiServerOn(engine)
      const other = new CloudEvent({ ...order, source: "https://other.example", data: { total: 1 } })

      const first = await send(api, HTTP.structured(new CloudEvent(order)))
      const again = await send(api, HTTP.structured(new CloudEvent(order)))
      const others = await send(api, HTTP.structured(other))
      const changed = await send(api, HTTP.structured(new CloudEvent({ ...order, data: { total: 2 } })))

      expect(again).toEqual(first)
      expect(others.status).toBe(201)
      expect(others.id).not.toBe(first.id)
      expect(changed.status).toBe(409)
      expect((await api.carillon.listEvents()).items).toHaveLength(2)
    })

    it("comes in a batch, of which all are written or none", async () => {
      const api = await apiServerOn(engine)
      const batch = (...events: object[]): Message => ({
        headers: { "content-type": "application/cloudevents-batch+json" },
        body: JSON.stringify(events.map((each) => ({ specversion: "1.0", ...order, ...each }))),
      })

      const good = await send(api, batch({ id: "1" }, { id: "2" }))
      const bad = await send(api, batch({ id: "3" }, { id: "4", source: "" }))

      expect([good.status, bad.status]).toEqual([201, 400])
      expect((await api.carillon.listEvents()).items).toHaveLength(2)
    })

    it("keeps bytes as base64, text as text, and what has no data without", async () => {
      const api = await apiServerOn(engine)
      const binary = (id: string, type: string | null, body: string): Message => ({
        headers: {
          "ce-specversion": "1.0",
          "ce-id": id,
          "ce-source": "/scanner",
          "ce-type": "label.read",
          "ce-place": "M%C3%BCnchen %22Ost%22",
          ...(type === null ? {} : { "content-type": type }),
        },
        body,
      })
      const bytes = await send(api, binary("1", "image/png", "PNG"))
      const text = await send(api, binary("2", "text/plain; charset=utf-8", "ord_1001"))

      expect(await api.carillon.event(bytes.id)).toMatchObject({
        data: "UE5H",
        metadata: { cloudevents: { data_base64: true, place: 'München "Ost"' } },
      })
      expect((await api.carillon.event(text.id)).data).toBe("ord_1001")
      const answer = await api.ask("GET", `/api/events/${bytes.id}?cloudevent=binary`)
      expect(answer.headers.get("content-type")).toBe("image/png")
      expect(answer.headers.get("ce-place")).toBe("M%C3%BCnchen%20%22Ost%22")
      expect(await answer.text()).toBe("PNG")
    })

    it.each([
      ["of another version", { specversion: "0.3" }],
      ["with an attribute of another name", { "com-example": "acme" }],
      ["with an attribute that is an object", { comexample: { tenant: "acme" } }],
      ["with two kinds of data", { data_base64: "UE5H" }],
      ["without a type", { type: undefined }],
      ["with a time that is none", { time: "yesterday" }],
    ])("is refused %s", async (_, wrong) => {
      const api = await apiServerOn(engine)
      const body = JSON.stringify({ specversion: "1.0", ...order, ...wrong })

      const { status } = await send(api, {
        headers: { "content-type": "application/cloudevents+json" },
        body,
      })

      expect(status).toBe(400)
    })

    it("lies in the scope of the credential, and never in another's", async () => {
      const api = await apiServerOn(engine)
      const authorization = `Bearer ${await api.token("admin", ["acme/master"])}`
      const { headers, body } = HTTP.structured(new CloudEvent(order))
      const foreign = HTTP.structured(new CloudEvent({ ...order, carillonscope: "globex/master" }))

      const own = await send(api, { headers: { ...headers, authorization }, body })
      const others = await send(api, { ...foreign, headers: { ...foreign.headers, authorization } })

      expect((await api.carillon.event(own.id)).scope.account).toBe("acme")
      expect(others.status).toBe(403)
    })
  })

  it("brings any CloudEvent back as it was", async () => {
    const api = await apiServerOn(engine)
    const text = fc.string({ minLength: 1, maxLength: 40, unit: "grapheme-ascii" })
    const events = fc.record(
      {
        id: text,
        source: fc.webUrl(),
        type: fc.constantFrom("order.placed", "order.shipped"),
        subject: text,
        data: fc.jsonValue().filter((value) => !hasTrap(value)),
        comexampletext: text,
        comexamplenumber: fc.integer({ min: 1, max: 1_000 }),
        comexampleflag: fc.constant(true),
      },
      { requiredKeys: ["id", "source", "type", "data"] },
    )
    let no = 0

    await fc.assert(
      fc.asyncProperty(events, async (each) => {
        const sent = new CloudEvent({ ...each, id: `${each.id}${no++}`, time: order.time })
        const { id, status } = await send(api, HTTP.structured(sent))
        expect([status, id]).toEqual([201, id])

        const answer = await api.ask("GET", `/api/events/${id}?cloudevent=structured`)

        const { datacontenttype: _, ...back } = (await answer.json()) as Record<string, unknown>
        expect(back).toEqual(JSON.parse(JSON.stringify(sent)))
      }),
      { numRuns: 60 },
    )
  })
})

const TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

function hasTrap(value: unknown): boolean {
  return /"__proto__"|"constructor"/.test(JSON.stringify(value) ?? "")
}
