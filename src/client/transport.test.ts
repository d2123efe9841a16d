import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import { CarillonError, UnreachableError } from "../core/errors.ts"
import { ApiError } from "./api-error.ts"
import { type ClientOptions, createClient } from "./create-client.ts"

type Answer = (outgoing: ServerResponse, incoming: IncomingMessage) => void

const TOKEN = "crl_abc_topsecret"
const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

/** A server that answers each request with the next line of its script, and repeats the last. */
async function setup(script: readonly Answer[], options: Partial<ClientOptions> = {}) {
  const asked: { method: string; url: string; at: number; headers: IncomingMessage["headers"] }[] = []
  const server = createServer((incoming, outgoing) => {
    const { method = "", url = "", headers } = incoming
    asked.push({ method, url, at: performance.now(), headers })
    incoming.resume()
    const answer = script[Math.min(asked.length, script.length) - 1]
    incoming.once("end", () => answer?.(outgoing, incoming))
  })
  await once(server.listen(0, "127.0.0.1"), "listening")
  closing.push(async () => {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { asked, url, client: createClient({ url, token: TOKEN, ...options }) }
}

const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
  (outgoing) =>
    outgoing.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body))
const html =
  (status: number, headers: Record<string, string> = {}): Answer =>
  (outgoing) =>
    outgoing
      .writeHead(status, { "content-type": "text/html; charset=utf-8", ...headers })
      .end("<h1>Sorry</h1>")
const reset: Answer = (_, incoming) => incoming.socket.destroy()
const silent: Answer = () => {}
const cut: Answer = (outgoing, incoming) => {
  outgoing.writeHead(200, { "content-type": "application/json", "content-length": "100" }).write('{"items":[')
  setTimeout(() => incoming.socket.destroy(), 5)
}
const dripping: Answer = (outgoing) => {
  outgoing.writeHead(200, { "content-type": "application/json" })
  const drip = setInterval(() => outgoing.write(" "), 10)
  outgoing.once("close", () => clearInterval(drip))
}
const receipts = json(201, { events: [{ id: "ord_1001", existing: false }] })
const page = json(200, { items: [], cursor: null })
const order = { name: "order.placed", data: { id: "ord_1001", card: "4111 1111" } }

async function failureOf(work: Promise<unknown>): Promise<CarillonError> {
  const error = await work.then(
    () => null,
    (reason) => reason,
  )
  expect(error).toBeInstanceOf(CarillonError)
  return error
}

describe("a request", () => {
  it.each<[string, Answer]>([
    ["resets the connection", reset],
    ["cuts its answer off", cut],
    ["says that it is too slow", html(408)],
    ["stands behind a proxy that does not reach it", html(502)],
    ["is down", html(503)],
    ["is not heard of in time by its proxy", html(504)],
  ])("is sent again to a server that %s", async (_, answer) => {
    const { client, asked } = await setup([answer, page])

    expect(await client.events.list().page()).toEqual({ items: [], cursor: null })
    expect(asked.map(({ method }) => method)).toEqual(["GET", "GET"])
  })

  it.each<[string, () => Record<string, string>]>([
    ["seconds", () => ({ "retry-after": "1" })],
    [
      "a date",
      () => ({
        date: "Sun, 01 Mar 2026 12:00:00 GMT",
        "retry-after": "Sun, 01 Mar 2026 12:00:01 GMT",
      }),
    ],
  ])("waits as long as `Retry-After` says in %s", async (_, headers) => {
    const { client, asked } = await setup([html(429, headers()), page])

    await client.events.list().page()

    const [first, second] = asked.map(({ at }) => at)
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(990)
  })

  it("does not wait for longer than a minute, but says how long", async () => {
    const { client, asked } = await setup([html(503, { "retry-after": "3600" })])

    const error = await failureOf(client.events.list().page())

    expect(error).toMatchObject({ status: 503, retryAfterMs: 3_600_000 })
    expect(asked).toHaveLength(1)
  })

  it("that emits is sent again under the same idempotency key", async () => {
    const { client, asked } = await setup([reset, html(502), receipts])

    expect(await client.emit(order)).toEqual([{ id: "ord_1001", existing: false }])
    const keys = asked.map(({ headers }) => headers["idempotency-key"])
    expect(keys).toHaveLength(3)
    expect(new Set(keys).size).toBe(1)
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/)
  })

  it("that emits the next event has another key", async () => {
    const { client, asked } = await setup([receipts])

    await Promise.all([client.emit(order), client.emit(order)])

    expect(new Set(asked.map(({ headers }) => headers["idempotency-key"])).size).toBe(2)
  })

  it.each<[string, Answer]>([
    ["reset", reset],
    ["503", html(503)],
    ["429", html(429)],
  ])("that may not be done twice is sent once, whatever comes: %s", async (_, answer) => {
    const { client, asked } = await setup([answer])

    await failureOf(client.redrive({ all: true }))
    await failureOf(client.runs.start("place-order"))

    expect(asked).toHaveLength(2)
  })

  it.each([400, 401, 403, 404, 409, 413, 418, 500, 501])("is not sent again after %i", async (status) => {
    const { client, asked } = await setup([html(status)])

    expect(await failureOf(client.events.get("evt_1"))).toMatchObject({ status })
    expect(asked).toHaveLength(1)
  })

  it("ends after its retries with the last failure", async () => {
    const { client, asked } = await setup([reset], { retries: 2 })

    expect(await failureOf(client.events.list().page())).toBeInstanceOf(UnreachableError)
    expect(asked).toHaveLength(3)
  })

  it.each<[string, Answer]>([
    ["no answer", silent],
    ["an answer that never ends", dripping],
  ])("ends in time with %s", async (_, answer) => {
    const { client } = await setup([answer], { timeoutMs: 100, retries: 0 })

    const error = await failureOf(client.events.list().page())

    expect(error.message).toBe("Expected an answer to GET /api/events within 100 ms, got none.")
  })

  it("ends when it is not wanted any more, with the reason why, also between two tries", async () => {
    for (const answer of [silent, html(503, { "retry-after": "30" })]) {
      const { client, asked } = await setup([answer])
      const stop = new AbortController()
      const listing = client.events.list({}, { signal: stop.signal }).page()
      await expect.poll(() => asked.length).toBe(1)

      stop.abort(new Error("the page was closed"))

      await expect(listing).rejects.toThrow("the page was closed")
    }
  })

  it("follows no redirect: that would take the token elsewhere", async () => {
    const { client, asked } = await setup([html(302, { location: "http://127.0.0.1:1/" })])

    expect(await failureOf(client.events.list().page())).toMatchObject({ status: 302, problem: null })
    expect(asked).toHaveLength(1)
  })

  it("carries the token that is good now", async () => {
    const tokens = ["crl_old_1", "crl_new_2"]
    const { client, asked } = await setup([html(503), page], { token: async () => tokens.shift() ?? "" })

    await client.events.list().page()

    expect(asked.map(({ headers }) => headers.authorization)).toEqual([
      "Bearer crl_old_1",
      "Bearer crl_new_2",
    ])
  })
})

describe("an error", () => {
  const problem = {
    type: "urn:carillon:problem:not-found",
    title: "Not Found",
    status: 404,
    detail: "Expected an event of that id.",
    code: "CARILLON_NOT_FOUND",
  }

  it("is what the server said, with the id under which it logged the request", async () => {
    const headers = { "content-type": "application/problem+json", "x-request-id": "req_7" }
    const { client } = await setup([json(404, problem, headers)])

    const error = await failureOf(client.events.get("evt_1"))

    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({
      status: 404,
      code: problem.code,
      message: problem.detail,
      requestId: "req_7",
      problem,
    })
  })

  it.each<[string, Answer]>([
    ["a page", html(502)],
    ["JSON of somebody else", json(502, { error: "bad gateway" })],
    ["JSON that is null", json(502, null)],
    ["nothing", (outgoing) => outgoing.writeHead(502).end()],
  ])("says where it came from when the answer is %s", async (_, answer) => {
    const { client } = await setup([answer], { retries: 0 })

    const error = await failureOf(client.events.get("evt_1"))

    expect(error).toMatchObject({ status: 502, code: "CARILLON_API", problem: null, requestId: null })
    expect(error.message).toMatch(/^Expected an answer of Carillon to GET \/api\/events\/evt_1, got 502 with/)
    expect(error.message).not.toContain("Sorry")
  })

  it("comes of a success that is none of Carillon's", async () => {
    const { client } = await setup([html(200)])

    expect((await failureOf(client.events.list().page())).message).toMatch(
      /Expected JSON .* got 200 with .*text\/html/,
    )
  })

  it("holds neither the token nor anything that was sent, and neither does what caused it", async () => {
    for (const answer of [reset, html(500), html(200), silent, cut]) {
      const { client } = await setup([answer], { retries: 0, timeoutMs: 100 })
      const error = await failureOf(client.emit(order))
      for (let each: unknown = error; each instanceof Error; each = each.cause)
        expect(`${each.stack}${JSON.stringify(each)}`).not.toMatch(/topsecret|4111/)
    }
  })

  it.each(["crl_top secret", "crl_topsecret\n", "crl_topsécret"])(
    "does not repeat the token %j, which is none",
    async (token) => {
      const { client, asked } = await setup([page], { token })

      const error = await failureOf(client.events.list().page())

      expect([error.code, error.message]).toEqual(["CARILLON_CONFIG", expect.not.stringMatching(/top/)])
      expect(asked).toEqual([])
    },
  )
})

describe("an option or a name that cannot be used", () => {
  it.each<[Partial<ClientOptions>, RegExp]>([
    [{ url: "shop.example" }, /Expected `url` to be the server's address/],
    [{ url: "ftp://shop.example" }, /Expected `url` to be the server's address/],
    [{ url: "https://ada:topsecret@shop.example" }, /without a name and a password/],
    [{ url: "https://shop.example?token=topsecret" }, /without a query/],
    [{ retries: -1 }, /`retries`/],
    [{ timeoutMs: 0 }, /`timeoutMs`/],
    [{ timeoutMs: 2 ** 31 }, /`timeoutMs`/],
  ])("is refused at once: %j", (options, message) => {
    const make = () => createClient({ url: "https://shop.example", ...options })

    expect(make).toThrow(message)
    expect(make).not.toThrow(/topsecret/)
  })

  it.each(["", ".", "..", "\ud800"])("is no id: %j would be another path", async (id) => {
    const { client, asked } = await setup([page])

    expect((await failureOf(client.events.get(id))).code).toBe("CARILLON_INVALID_INPUT")
    expect(asked).toEqual([])
  })

  it("is none where the server stands below a path, and ids hold what they like", async () => {
    const { url, asked } = await setup([json(200, {})])
    const client = createClient({ url: `${url}/carillon/` })

    await client.events.get("acme/ord 1001?#%2e")

    expect(asked.map((each) => each.url)).toEqual(["/carillon/api/events/acme%2Ford%201001%3F%23%252e"])
  })
})

describe("a list", () => {
  const items = (ids: readonly string[], cursor: string | null): Answer =>
    json(200, { items: ids.map((id) => ({ id })), cursor })

  it("goes through all pages as they are needed, also over empty ones, with the same filters", async () => {
    const { client, asked } = await setup([items(["a", "b"], "c1"), items([], "c2"), items(["c"], null)])
    const ids: string[] = []

    const list = client.events.list({ name: "order.placed", from: new Date(0), limit: 2 })
    expect(asked).toEqual([])
    for await (const { id } of list) ids.push(id)

    expect(ids).toEqual(["a", "b", "c"])
    const filters = "name=order.placed&from=1970-01-01T00%3A00%3A00.000Z&limit=2"
    expect(asked.map((each) => each.url)).toEqual(
      ["", "&cursor=c1", "&cursor=c2"].map((cursor) => `/api/events?${filters}${cursor}`),
    )
  })

  it("asks for no more pages than are looked at", async () => {
    const { client, asked } = await setup([items(["a"], "c1")])

    for await (const _ of client.events.list()) break

    expect(asked).toHaveLength(1)
  })

  it("gives single pages, from a cursor on", async () => {
    const { client, asked } = await setup([items(["a"], "c2")])

    const page = await client.events.list({ cursor: "c1" }).page()
    await client.events.list().page(page.cursor ?? undefined)

    expect(asked.map((each) => each.url)).toEqual(["/api/events?cursor=c1", "/api/events?cursor=c2"])
  })
})
