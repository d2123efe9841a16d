import { once } from "node:events"
import { connect } from "node:net"
import { describe, expect, it } from "vitest"
import { type ApiServer, type ApiServerOptions, apiServerOn } from "../support/api-server.ts"
import { cleanUp } from "../support/app-process.ts"
import { describeEngines } from "../support/describe.ts"

interface Sent {
  readonly id?: string
  readonly event?: string
  readonly data?: string
  readonly retry?: string
}

/** Reads one of the server-sent events after the other. */
class Reader {
  readonly response: Response
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  #text = ""

  constructor(response: Response) {
    this.response = response
    this.#reader = (response.body as ReadableStream<Uint8Array>).getReader()
    cleanUp(() => this.close())
  }

  /** null = the stream has ended. */
  async next(): Promise<Sent | null> {
    for (;;) {
      const end = this.#text.indexOf("\n\n")
      if (end >= 0) {
        const block = this.#text.slice(0, end)
        this.#text = this.#text.slice(end + 2)
        return Object.fromEntries(block.split("\n").map((line) => line.split(/: ?(.*)/s, 2)))
      }
      const { done, value } = await this.#reader.read()
      if (done) return null
      this.#text += new TextDecoder().decode(value)
    }
  }

  /** The next that tells of something. */
  async told(): Promise<Sent> {
    for (;;) {
      const sent = await this.next()
      if (sent === null) throw new Error("The stream has ended")
      if (sent.data !== undefined) return sent
    }
  }

  close(): Promise<void> {
    return this.#reader.cancel().catch(() => {})
  }
}

await describeEngines((engine) => {
  const setup = (options: ApiServerOptions = {}) =>
    apiServerOn(engine, {
      ...options,
      server: { streamTiming: { askEveryMs: 100, heartbeatMs: 300, patienceMs: 2_000 }, ...options.server },
    })
  const follow = async (
    { ask }: ApiServer,
    query = "",
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Reader> => new Reader(await ask("GET", `/api/stream${query}`, undefined, headers))

  describe("the stream", () => {
    it("tells of events and of what becomes of them", async () => {
      const api = await setup()
      api.carillon.events.subscribe("order.placed", async () => {}, { subscriberId: "mail" })
      const stream = await follow(api)
      await stream.next() // it has begun

      await api.carillon.emit({ name: "order.placed", id: "ord_1001", data: { total: 120 } })
      const first = await stream.told()
      await api.carillon.start()
      const second = await stream.told()

      expect(stream.response.headers.get("content-type")).toBe("text/event-stream")
      expect(first.event).toBe("event")
      expect(JSON.parse(first.data as string)).toMatchObject({
        event: { id: "ord_1001", name: "order.placed", data: { total: 120 } },
        deliveries: [{ subscription: "mail@order.placed" }],
      })
      expect(second.event).toBe("delivery")
      expect(JSON.parse(second.data as string)).toMatchObject({ eventId: "ord_1001", state: "delivered" })
    })

    it("goes on where it was cut off, also before its first event", async () => {
      const api = await setup()
      const stream = await follow(api)
      const ids: (string | undefined)[] = []
      while (ids.at(-1) === undefined) ids.push((await stream.next())?.id)
      await stream.close()
      await api.carillon.emit({ name: "order.placed", id: "ord_1001" })

      const second = await follow(api, "", { "last-event-id": ids.at(-1) as string })
      const told = await second.told()
      await second.close()
      await api.carillon.emit({ name: "order.placed", id: "ord_1002" })
      const third = await follow(api, `?after=${told.id}`)

      expect(told.data).toContain('"ord_1001"')
      let last = await third.told() // what was new shortly before may come again
      while (last.data?.includes('"ord_1001"')) last = await third.told()
      expect(last.data).toContain('"ord_1002"')
    })

    it("says what was expected where a place is none of its own", async () => {
      const api = await setup()

      const byHeader = await api.ask("GET", "/api/stream", undefined, { "last-event-id": "abc" })
      const byQuery = await api.ask("GET", "/api/stream?after=abc")

      expect([byHeader.status, byQuery.status]).toEqual([400, 400])
      for (const answer of [byHeader, byQuery])
        expect(await answer.json()).toMatchObject({ detail: expect.stringContaining("`Last-Event-ID`") })
    })

    it("tells only of names, kinds and scopes that are asked for, and of no other's", async () => {
      const api = await setup()
      const acme = { authorization: `Bearer ${await api.token("viewer", ["acme/master"])}` }
      const [named, own] = [await follow(api, "?name=order.*&kind=event"), await follow(api, "", acme)]
      const foreign = await api.ask("GET", "/api/stream?after=abc", undefined, acme)
      for (const stream of [named, own]) await stream.next()

      await api.carillon.emit([
        { name: "brand.created", id: "brand_1", scope: "globex/master" },
        { name: "order.placed", id: "ord_1001", scope: "globex/master" },
        { name: "brand.created", id: "brand_2", scope: "acme/master" },
      ])

      expect((await named.told()).data).toContain('"ord_1001"')
      expect((await own.told()).data).toContain('"brand_2"')
      expect(foreign.status).toBe(400)
    })

    it("tells who asks for deliveries alone also of those that ended before their event was told", async () => {
      const api = await setup()
      for (const subscriberId of ["mail", "stock"])
        api.carillon.events.subscribe("order.placed", async () => {}, { subscriberId })
      await api.carillon.start()
      await api.carillon.emit({ name: "order.placed", id: "ord_1001" })
      await api.carillon.drain()

      const stream = await follow(api, `?kind=delivery&since=${Date.now() - 60_000}`)
      const told = [await stream.told(), await stream.told()]

      const deliveries = told.map(({ data }) => JSON.parse(data as string))
      expect(told.map(({ event }) => event)).toEqual(["delivery", "delivery"])
      expect(deliveries.map(({ state }) => state)).toEqual(["delivered", "delivered"])
      expect(new Set(deliveries.map(({ subscription }) => subscription)).size).toBe(2)
      expect(told.map(({ id }) => id !== undefined)).toEqual([false, true]) // the first alone is no place to go on
    })

    it("ends within seconds when its token is revoked", async () => {
      const api = await setup()
      const token = await api.token("viewer")
      const stream = await follow(api, "", { authorization: `Bearer ${token}` })
      await stream.next()

      await api.carillon.identity.tokens.revoke(/^crl_[^_]+/.exec(token)?.[0] as string)

      const sent = await untilEnd(stream)
      expect(sent.at(-1)?.retry).toBe("2000")
    })

    it("ends with a word when the server stops, and nobody comes in any more", async () => {
      const api = await setup()
      const stream = await follow(api)
      await stream.next()

      const closed = api.server.close(5_000)

      expect((await untilEnd(stream)).at(-1)?.retry).toBe("2000")
      await closed
      expect((await api.ask("GET", "/health")).status).toBe(503)
    })

    it("sends something now and then, so that nobody on the way takes it for dead", async () => {
      const api = await setup()
      const stream = await follow(api)

      const sent = [await stream.next(), await stream.next(), await stream.next(), await stream.next()]

      expect(sent.filter((each) => each !== null && "" in each)).not.toEqual([])
    })

    it("is refused when a credential has too many, or all together have", async () => {
      const api = await setup({ server: { maxStreams: { perCredential: 2, all: 3 } } })
      const other = { authorization: `Bearer ${await api.token("viewer")}` }
      const first = await follow(api)
      await follow(api)

      const third = await api.ask("GET", "/api/stream")
      const others = await follow(api, "", other)
      const fourth = await api.ask("GET", "/api/stream", undefined, other)
      await first.close()
      await expect.poll(async () => (await follow(api)).response.status).toBe(200)

      expect([third.status, third.headers.get("retry-after")]).toEqual([429, "5"])
      expect([others.response.status, fourth.status]).toEqual([200, 429])
    })

    it("is not opened by a question for its headers", async () => {
      const api = await setup({ server: { maxStreams: { perCredential: 1 } } })

      const answers = [await api.ask("HEAD", "/api/stream"), await api.ask("HEAD", "/api/stream")]

      expect(answers.map(({ status }) => status)).toEqual([200, 200])
    })

    it("costs no memory for who does not read, and is ended", async () => {
      const api = await setup({ server: { maxStreams: { perCredential: 1 } } })
      const authorization = `Bearer ${await api.token("viewer")}`
      const socket = connect(api.port, "127.0.0.1")
      cleanUp(() => socket.destroy())
      await once(socket, "connect")
      socket.pause()
      socket.write(
        `GET /api/stream?since=2020-01-01 HTTP/1.1\r\nhost: shop\r\nauthorization: ${authorization}\r\n\r\n`,
      )
      const data = { note: "x".repeat(100_000) }
      for (let commit = 0; commit < 10; commit++)
        await api.carillon.emit(Array.from({ length: 20 }, () => ({ name: "order.placed", data })))
      const ask = () => api.ask("GET", "/api/stream", undefined, { authorization })

      expect((await ask()).status).toBe(429) // it is open still
      const heap = process.memoryUsage().external
      await expect.poll(async () => (await ask()).status, { timeout: 20_000, interval: 250 }).toBe(200)
      expect(process.memoryUsage().external - heap).toBeLessThan(16 * 1024 * 1024)
    })
  })
})

async function untilEnd(stream: Reader): Promise<Sent[]> {
  const all: Sent[] = []
  for (let sent = await stream.next(); sent !== null; sent = await stream.next()) all.push(sent)
  return all
}
