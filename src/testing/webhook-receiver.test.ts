import { afterEach, describe, expect, it } from "vitest"
import { type WebhookReceiver, webhookReceiver } from "./webhook-receiver.ts"

let receiver: WebhookReceiver

afterEach(() => receiver.close())

const post = (path: string, body: string | Buffer) =>
  fetch(`${receiver.url}${path}`, { method: "POST", body })

describe("webhookReceiver", () => {
  it("keeps bodies to the byte, headers and paths", async () => {
    receiver = await webhookReceiver()
    const body = Buffer.from([0x7b, 0x7d, 0x0a, 0xff])

    const response = await fetch(`${receiver.url}/orders?shop=1`, {
      method: "POST",
      body,
      headers: { "webhook-id": "evt_1" },
    })

    const [request] = await receiver.waitFor(1)
    expect(response.status).toBe(200)
    expect(request?.body.equals(body)).toBe(true)
    expect(request).toMatchObject({
      method: "POST",
      path: "/orders?shop=1",
      headers: { "webhook-id": "evt_1" },
    })
  })

  it("answers as told: the next ones in turn, then by a function", async () => {
    receiver = await webhookReceiver({ answer: (_request, count) => ({ status: 202, body: `no. ${count}` }) })
    receiver.answerNext(503, "cut", { status: 429, headers: { "retry-after": "7" } })

    expect((await post("/", "{}")).status).toBe(503)
    await expect(post("/", "{}")).rejects.toThrow("fetch failed")
    expect((await post("/", "{}")).headers.get("retry-after")).toBe("7")
    expect(await (await post("/", '{"id":1}')).text()).toBe("no. 4")
    expect(receiver.requests[3]?.json()).toEqual({ id: 1 })
  })

  it("says which requests came when others were waited for", async () => {
    receiver = await webhookReceiver()
    await post("/brands", "{}")

    await expect(receiver.waitFor(2, { timeoutMs: 20 })).rejects.toThrow(
      "Expected 2 requests within 20 ms, got 1:\n  POST /brands",
    )
  })

  it("closes while a request hangs", async () => {
    receiver = await webhookReceiver({ answer: "hang" })
    const hanging = post("/", "{}").catch((error: Error) => error.message)
    await receiver.waitFor(1)

    await receiver.close()

    expect(await hanging).toBe("fetch failed")
  })
})
