import { once } from "node:events"
import { request as nodeRequest } from "node:http"
import { connect } from "node:net"
import { describe, expect, it, vi } from "vitest"
import { type ApiServer, apiServerOn } from "../support/api-server.ts"
import { cleanUp } from "../support/app-process.ts"
import { describeEngines } from "../support/describe.ts"

const statusOf = async (answer: Promise<Response>): Promise<number> => (await answer).status

/** A client that says byte by byte what it likes; resolves to all that it heard. */
async function speak(port: number, text: string): Promise<string> {
  const socket = connect(port, "127.0.0.1")
  cleanUp(() => socket.destroy())
  let heard = ""
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    heard += chunk
  })
  socket.on("error", () => {})
  await once(socket, "connect")
  socket.write(text)
  await once(socket, "close")
  return heard
}

await describeEngines((engine) => {
  describe("emitting over HTTP", () => {
    it("keeps one event, or many, and says under which ids", async () => {
      const { carillon, ask } = await apiServerOn(engine)

      const one = await ask("POST", "/api/events", {
        name: "order.placed",
        data: { total: 120 },
        key: "ord_1001",
      })
      const many = await ask("POST", "/api/events", [
        { name: "order.placed", id: "ord_1002" },
        { name: "order.shipped", delay: 1_000 },
      ])

      expect(one.status).toBe(201)
      const { events } = (await one.json()) as { events: { id: string; existing: boolean }[] }
      expect(await carillon.event(events[0]?.id as string)).toMatchObject({
        name: "order.placed",
        data: { total: 120 },
        key: "ord_1001",
      })
      expect(await many.json()).toMatchObject({ events: [{ id: "ord_1002", existing: false }, {}] })
    })

    it("is one emit however often it is asked for under one Idempotency-Key", async () => {
      const { carillon, ask } = await apiServerOn(engine)
      const orders = [{ name: "order.placed", data: { total: 120 } }, { name: "order.placed" }]
      const key = { "idempotency-key": "checkout-1001" }
      const emit = (body: unknown, traceparent = TRACE) =>
        ask("POST", "/api/events", body, { ...key, traceparent })

      const answers = await Promise.all([
        emit(orders),
        emit(orders),
        emit(orders, TRACE.replace("0af", "1af")),
      ])
      const other = await emit([{ name: "order.placed", data: { total: 1 } }])

      const ids = await Promise.all(
        answers.map(async (each) =>
          ((await each.json()) as { events: { id: string }[] }).events.map(({ id }) => id),
        ),
      )
      expect(new Set(ids.map(String)).size).toBe(1)
      expect(other.status).toBe(409)
      expect((await carillon.listEvents()).items).toHaveLength(2)
    })

    it("writes nothing where one of many is refused, and says which and why", async () => {
      const { carillon, ask } = await apiServerOn(engine)

      const answer = await ask("POST", "/api/events", [{ name: "order.placed" }, { name: "" }])

      expect([answer.status, answer.headers.get("content-type")]).toEqual([400, "application/problem+json"])
      expect(await answer.json()).toMatchObject({ status: 400, errors: [{ path: "1.name" }] })
      expect((await carillon.listEvents()).items).toEqual([])
    })

    it("takes the trace of the request along", async () => {
      const { carillon, ask } = await apiServerOn(engine)

      await ask("POST", "/api/events", { name: "order.placed", id: "ord_1001" }, { traceparent: TRACE })
      await ask("POST", "/api/events", { name: "order.placed", id: "ord_1002" }, { traceparent: "not one" })

      expect((await carillon.event("ord_1001")).traceparent).toBe(TRACE)
      expect((await carillon.event("ord_1002")).traceparent).toBeNull()
    })

    it("refuses what cannot be an event, and says why", async () => {
      const { carillon, ask } = await apiServerOn(engine)

      for (const [what, status, body, headers] of NO_EVENTS) {
        const answer = await ask("POST", "/api/events", body, headers)
        expect([answer.status, answer.headers.get("content-type")], what).toEqual([
          status,
          "application/problem+json",
        ])
      }

      expect((await carillon.listEvents()).items).toEqual([])
    })
  })

  describe("an event over HTTP", () => {
    it("is shown with what became of it", async () => {
      const { carillon, ask } = await apiServerOn(engine)
      carillon.events.subscribe("order.placed", async () => {}, { subscriberId: "mail" })
      await carillon.start()
      await carillon.emit({ name: "order.placed", id: "ord_1001", data: { total: 120 } })
      await carillon.drain()

      const event = await ask("GET", "/api/events/ord_1001")
      const trace = await ask("GET", "/api/events/ord_1001/trace")
      const list = await ask("GET", "/api/events?name=order.placed&limit=1")

      expect(await event.json()).toMatchObject({ id: "ord_1001", data: { total: 120 } })
      expect(await trace.json()).toMatchObject({
        event: { id: "ord_1001" },
        deliveries: [{ subscription: "mail@order.placed", state: "delivered" }],
      })
      expect(await list.json()).toMatchObject({ items: [{ id: "ord_1001" }] })
    })

    it("is asked for by parameters that are said once", async () => {
      const { ask } = await apiServerOn(engine)

      const answer = await ask("GET", "/api/events?limit=1&limit=2")

      expect(answer.status).toBe(400)
      expect(await answer.json()).toMatchObject({ detail: "Expected `limit` once, got it more often." })
    })

    it("is nothing, and no fault of ours, where no event can be", async () => {
      const { ask } = await apiServerOn(engine)

      for (const path of NOWHERE) {
        const { status, headers } = await ask("GET", path)
        expect([400, 404], path).toContain(status)
        expect(headers.get("content-type"), path).toBe("application/problem+json")
      }
    })
  })

  describe("the server", () => {
    it("lets nobody in without a credential, before anything of theirs is read", async () => {
      const { url, port } = await apiServerOn(engine)

      const none = await fetch(`${url}/api/events`)
      const wrong = await fetch(`${url}/api/events`, { headers: { authorization: "Bearer crl_x_y" } })
      const heard = await speak(
        port,
        "POST /api/events HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\nconnection: close\r\n\r\n{",
      )

      expect([none.status, wrong.status, none.headers.get("www-authenticate")]).toEqual([401, 401, "Bearer"])
      expect(heard).toMatch(/^HTTP\/1\.1 401 /)
    })

    it("tells how it does, and of metrics to whom they concern", async () => {
      const { url, ask, token } = await apiServerOn(engine)
      const as = async (role: string, scopes: "all" | string[]) => ({
        authorization: `Bearer ${await token(role, scopes)}`,
      })

      expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: "ok" })
      expect(await (await fetch(`${url}/ready`)).json()).toEqual({ status: "ready" })
      expect(await statusOf(fetch(`${url}/metrics`))).toBe(401)
      expect(await statusOf(ask("GET", "/metrics", undefined, await as("emitter", "all")))).toBe(403)
      expect(await statusOf(ask("GET", "/metrics", undefined, await as("viewer", ["acme/master"])))).toBe(403)
      const metrics = await ask("GET", "/metrics", undefined, await as("viewer", "all"))
      expect(metrics.headers.get("content-type")).toMatch(/^text\/plain/)
      expect(await metrics.text()).toContain("carillon_up 1")
    })

    it("shows metrics to everybody where that is said", async () => {
      const { url } = await apiServerOn(engine, { server: { metrics: "open" } })

      expect(await statusOf(fetch(`${url}/metrics`))).toBe(200)
    })

    it("logs users in, and takes what it gave them", async () => {
      const { carillon, ask, url } = await apiServerOn(engine)
      await carillon.users.create({ email: "admin@shop.example", password: "correct horse" })
      const logIn = (password: string) =>
        ask("POST", "/auth/user/emailpass", { email: "admin@shop.example", password }, { authorization: "" })

      const { token } = (await (await logIn("correct horse")).json()) as { token: string }

      expect(await statusOf(logIn("wrong horse"))).toBe(401)
      expect(
        await statusOf(fetch(`${url}/api/events`, { headers: { authorization: `Bearer ${token}` } })),
      ).toBe(200)
    })

    it("answers every request with a name, and each refusal in one form", async () => {
      const { ask } = await apiServerOn(engine)

      const given = await ask("GET", "/api/events/nothing", undefined, { "x-request-id": "req-1001" })
      const made = await ask("GET", "/api", undefined, { "x-request-id": "<script>" })

      expect(given.headers.get("x-request-id")).toBe("req-1001")
      expect(made.headers.get("x-request-id")).toMatch(/^[\da-f-]{36}$/)
      expect(await given.json()).toEqual({
        type: "urn:carillon:problem:not-found",
        title: "Not Found",
        status: 404,
        detail: expect.stringContaining("`nothing`"),
        code: "CARILLON_NOT_FOUND",
      })
    })

    it("is safe to look at: no frames, no scripts, no pages of others, and TLS only behind TLS", async () => {
      const plain = await apiServerOn(engine)
      const proxied = await apiServerOn(engine, { server: { proxies: 1, cors: ["https://shop.example"] } })
      const from = { origin: "https://evil.example" }
      const ours = { origin: "https://shop.example", "x-forwarded-proto": "https" }

      const { headers } = await plain.ask("GET", "/api/events", undefined, {
        ...from,
        "x-forwarded-proto": "https",
      })
      const allowed = (await proxied.ask("GET", "/api/events", undefined, ours)).headers

      expect(headers.get("access-control-allow-origin")).toBeNull()
      expect(headers.get("strict-transport-security")).toBeNull()
      expect(headers.get("content-security-policy")).toContain("default-src 'none'")
      expect(headers.get("x-content-type-options")).toBe("nosniff")
      expect(headers.get("cache-control")).toBe("no-store")
      expect(allowed.get("access-control-allow-origin")).toBe("https://shop.example")
      expect(allowed.get("strict-transport-security")).toMatch(/^max-age=/)
    })

    it("knows HEAD, OPTIONS, trailing slashes, and what is allowed", async () => {
      const { ask } = await apiServerOn(engine)

      const head = await ask("HEAD", "/api/events")
      const options = await ask("OPTIONS", "/api/events")
      const other = await ask("DELETE", "/api/events")

      expect([head.status, await head.text()]).toEqual([200, ""])
      expect([options.status, options.headers.get("allow")]).toEqual([204, "GET, HEAD, OPTIONS, POST"])
      expect([other.status, other.headers.get("allow")]).toEqual([405, "GET, HEAD, OPTIONS, POST"])
      expect(await statusOf(ask("GET", "/api/events/"))).toBe(200)
    })

    it("logs a line for each request, with nothing in it that is secret", async () => {
      const lines: unknown[][] = []
      const info = (...parts: unknown[]): void => void lines.push(parts)
      const quiet = (): void => {}
      const logger = { info, debug: quiet, warn: info, error: info }
      const { ask } = await apiServerOn(engine, { server: { logger } })

      await ask("POST", "/api/events?token=secret-query", { name: "order.placed", data: "secret-data" })
      await ask("GET", "/api/events?name=secret-name", undefined, {
        referer: "https://shop.example/?q=secret-page",
      })

      expect(lines).toHaveLength(2)
      expect(lines[1]).toEqual([
        {
          http: expect.objectContaining({
            method: "GET",
            path: "/api/events",
            status: 200,
            requestId: expect.any(String),
          }),
        },
        expect.stringMatching(/^GET \/api\/events ← https:\/\/shop\.example\/ \(200\) - /),
      ])
      expect(JSON.stringify(lines)).not.toMatch(/secret|crl_/)
    })

    it("has a bound on requests, and on bodies in memory; who comes later is told to come again", async () => {
      const slow = await apiServerOn(engine, { server: { bodiesLimit: 1_000 } })

      const large = await slow.ask("POST", "/api/events", { name: "order.placed", data: "x".repeat(2_000) })
      const small = await slow.ask("POST", "/api/events", { name: "order.placed" })

      expect([large.status, large.headers.get("retry-after"), small.status]).toEqual([503, "1", 201])
    })

    it("turns away more requests than it can answer at one time", async () => {
      const api = await apiServerOn(engine, { server: { maxRequests: 1 } })
      const waiting = await halfSent(api)

      const second = await api.ask("GET", "/health")
      waiting.end("}")
      await once(waiting, "response")

      expect(second.status).toBe(503)
      expect(await statusOf(api.ask("GET", "/health"))).toBe(200)
    })

    it("keeps places for others, however many requests one credential holds open", async () => {
      const warn = vi.fn()
      const error = vi.fn()
      const quiet = (): void => {}
      const logger = { debug: quiet, info: quiet, warn, error }
      const api = await apiServerOn(engine, { server: { maxRequests: 2, logger } })
      const mine = { authorization: `Bearer ${await api.token("admin")}` }
      const others = { authorization: `Bearer ${await api.token("emitter")}` }
      const waiting = await halfSent(api, mine)

      const own = await api.ask("GET", "/api/me", undefined, mine)
      await api.ask("GET", "/api/me", undefined, mine)
      const other = await api.ask("GET", "/api/me", undefined, others)
      waiting.end("}")
      await once(waiting, "response")

      expect([own.status, own.headers.get("retry-after"), other.status]).toEqual([503, "1", 200])
      expect(await statusOf(api.ask("GET", "/api/me", undefined, mine))).toBe(200)
      expect([warn.mock.calls.length, error.mock.calls.length]).toEqual([1, 0])
    })

    it("keeps room for the bodies of others, however much one credential holds back", async () => {
      const api = await apiServerOn(engine, { server: { bodyLimit: 500, bodiesLimit: 1_000 } })
      const mine = { authorization: `Bearer ${await api.token("admin")}` }
      const others = { authorization: `Bearer ${await api.token("emitter")}` }
      const order = { name: "order.placed", data: "x".repeat(300) }
      const waiting = await halfSent(api, { ...mine, dataBytes: 400 })

      const own = await api.ask("POST", "/api/events", order, mine)
      const other = await api.ask("POST", "/api/events", order, others)
      waiting.destroy()

      expect([own.status, other.status]).toEqual([503, 201])
    })

    it("lets nobody hold it by sending slowly", async () => {
      const api = await apiServerOn(engine, { requestTimeoutMs: 300 })

      const [headers, body] = await Promise.all([
        speak(api.port, "GET /api/events HTTP/1.1\r\nhost: shop\r\n"),
        speak(
          api.port,
          `POST /api/events HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\nauthorization: Bearer ${await api.token("admin")}\r\ncontent-length: 100\r\n\r\n{`,
        ),
      ])

      expect(headers).toMatch(/^HTTP\/1\.1 408 .*application\/problem\+json.*"status":408/s)
      expect(body).toMatch(/^HTTP\/1\.1 408 |^$/)
      expect(await statusOf(api.ask("GET", "/health"))).toBe(200)
    })

    it("gives those inside their answers before it ends", async () => {
      const api = await apiServerOn(engine)
      const waiting = await halfSent(api)
      const answered = once(waiting, "response")

      const closed = Promise.all([api.server.close(5_000), api.listener.close(5_000)])
      waiting.end("}")
      const [response] = await answered

      expect(response.statusCode).toBe(201)
      expect(response.headers.connection).toBe("close")
      response.resume()
      await closed
      expect((await api.carillon.listEvents()).items).toHaveLength(1)
    })

    it("describes itself, and has a page for people that needs no other host", async () => {
      const { url } = await apiServerOn(engine)
      const get = (path: string) => fetch(`${url}${path}`)

      const document = (await (await get("/api/openapi.json")).json()) as { openapi: string; paths: object }
      const page = await get("/api/docs")
      const html = await page.text()
      const parts = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, part]) => part as string)

      expect(document.openapi).toBe("3.1.0")
      expect(Object.keys(document.paths)).toContain("/api/events/{id}/trace")
      expect(page.headers.get("content-security-policy")).not.toMatch(/https?:|\*/)
      expect(parts.filter((part) => !part.startsWith("/api/docs/") && part !== "data:,")).toEqual([])
      for (const part of parts.filter((each) => each.startsWith("/")))
        expect((await get(part)).status).toBe(200)
      expect(await (await get("/api/docs/LICENSE")).text()).toContain("Apache License")
    })
  })
})

type Refused = readonly [what: string, status: number, body: unknown, headers: Record<string, string>]

const NO_EVENTS: readonly Refused[] = [
  ["a body of another kind", 415, "order.placed", { "content-type": "text/plain" }],
  ["no body", 400, undefined, {}],
  ["a packed body", 415, { name: "order.placed" }, { "content-encoding": "gzip" }],
  ["what is no JSON", 400, "{", {}],
  ["a field that no event has", 400, { name: "order.placed", nmae: "x" }, {}],
  ["keys that reach a prototype", 400, '{"name":"order.placed","data":{"__proto__":{"a":1}}}', {}],
  ["a name of Carillon's own", 400, { name: "carillon.delivery.dead" }, {}],
  ["a sender that Carillon is alone", 400, { name: "order.placed", sender: "carillon" }, {}],
  [
    "text that is not in UTF-8",
    415,
    { name: "order.placed" },
    { "content-type": "application/json; charset=utf-16" },
  ],
  [
    "CloudEvents that are not in UTF-8",
    415,
    { specversion: "1.0", id: "1", source: "/shop", type: "order.placed" },
    { "content-type": "application/cloudevents+json; charset=iso-8859-1" },
  ],
  ["an id with a NUL", 400, { name: "order.placed", id: "ord\0" }, {}],
  ["half a character in an id", 400, '{"name":"order.placed","id":"\\ud800"}', {}],
  ["an event that is too large", 413, { name: "order.placed", data: "x".repeat(300_000) }, {}],
  ["a body that is too large", 413, { name: "order.placed", data: "x".repeat(5_000_000) }, {}],
  ["too many events", 400, Array.from({ length: 1_001 }, () => ({ name: "order.placed" })), {}],
  ["a scope that is none", 400, { name: "order.placed", scope: "a/b/c" }, {}],
  [
    "an Idempotency-Key that is too long",
    400,
    { name: "order.placed" },
    { "idempotency-key": "x".repeat(300) },
  ],
]

const NOWHERE = [
  "/api/events/%00",
  "/api/events/ord%00_1001",
  "/api/events/%ed%a0%80",
  "/api/events/%zz",
  "/api/events/__proto__",
  "/api/events/constructor/trace",
  "/api/events/%2e%2e%2f%2e%2e%2fadmin",
  `/api/events/${"x".repeat(700)}`,
  "/api/events?limit=1&limit=2",
  "/api/events?__proto__=1",
  "/api/events?cursor=abc",
  "/api/events?from=yesterday",
  "/api/events?unknown=1",
  "/api/events?name=%00",
  "/api/events?scope=%2Fx",
  "//api/events",
  "/api//events",
  "/api/nothing",
]

const TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

/** An emit whose last byte has still to be sent. */
async function halfSent(
  { port, token, server }: ApiServer,
  { authorization, dataBytes = 0 }: { authorization?: string; dataBytes?: number } = {},
) {
  const headers = {
    authorization: authorization ?? `Bearer ${await token("admin")}`,
    "content-type": "application/json",
  }
  const request = nodeRequest({
    port,
    host: "127.0.0.1",
    method: "POST",
    path: "/api/events",
    headers,
  })
  cleanUp(() => request.destroy())
  request.on("error", () => {})
  request.write(`{"name":"order.placed","data":"${"x".repeat(dataBytes)}"`)
  await expect.poll(() => server.isReady()).toBe(true)
  await new Promise((resolve) => setTimeout(resolve, 100)) // so that it is inside: nothing tells when
  return request
}
