import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import { createClient } from "./create-client.ts"
import type { StreamOptions } from "./stream.ts"
import type { StreamEntry } from "./told.ts"

type Answer = (outgoing: ServerResponse, incoming: IncomingMessage) => void

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

/** A server that answers each connection with the next line of its script, and repeats the last. */
async function setup(script: readonly Answer[], options: StreamOptions = {}) {
  const asked: { url: string; after: string | undefined }[] = []
  const server = createServer((incoming, outgoing) => {
    asked.push({ url: incoming.url ?? "", after: incoming.headers["last-event-id"] as string | undefined })
    script[Math.min(asked.length, script.length) - 1]?.(outgoing, incoming)
  })
  await once(server.listen(0, "127.0.0.1"), "listening")
  closing.push(async () => {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = createClient({ url, retries: 1 })
  return { asked, entries: client.stream({ name: "order.*" }, options) }
}

/** Says these, and then what `end` does. */
function says(texts: readonly string[], end: Answer): Answer {
  return (outgoing, incoming) => {
    outgoing.writeHead(200, { "content-type": "text/event-stream" })
    outgoing.write(`retry: 1\n\n${texts.join("")}`)
    setTimeout(() => end(outgoing, incoming), 20)
  }
}

const ends: Answer = (outgoing) => outgoing.end()
const cuts: Answer = (_, incoming) => incoming.socket.destroy()
const stays: Answer = () => {}
const refuses: Answer = (outgoing) => outgoing.writeHead(401).end()
const away: Answer = (outgoing) => outgoing.writeHead(503).end()

const scope = { account: "default", workspace: "master" }
const delivery = (eventId: string, state: string, attempts: number) => ({
  deliveryId: `dlv_${eventId}`,
  eventId,
  state,
  attempts: Array.from({ length: attempts }, (_, i) => ({ attempt: i + 1 })),
})
const event = (id: string, at: string, ...deliveries: object[]): string =>
  `id: ${at}\nevent: event\ndata: ${JSON.stringify({ event: { id, scope }, deliveries })}\n\n`
const outcome = (at: string, report: object): string =>
  `id: ${at}\nevent: delivery\ndata: ${JSON.stringify(report)}\n\n`

async function take(entries: AsyncIterable<StreamEntry>, count: number): Promise<string[]> {
  const told: string[] = []
  for await (const entry of entries) {
    const of = entry.kind === "event" ? entry.event.id : `${entry.delivery.eventId} ${entry.delivery.state}`
    if (told.push(`${of} at ${entry.id}`) === count) break
  }
  return told
}

describe("a stream that is cut off", () => {
  it.each([
    ["ends", ends],
    ["is cut", cuts],
  ])("goes on after what it said last when it %s", async (_, end) => {
    const { asked, entries } = await setup([
      says([event("ord_1", "p1"), event("ord_2", "p2")], end),
      says([event("ord_3", "p3")], stays),
    ])

    expect(await take(entries, 3)).toEqual(["ord_1 at p1", "ord_2 at p2", "ord_3 at p3"])
    expect(asked).toEqual([
      { url: "/api/stream?name=order.*", after: undefined },
      { url: "/api/stream?name=order.*", after: "p2" },
    ])
  })

  it("goes on from where it began when nothing was new before", async () => {
    const { asked, entries } = await setup([says(["id: p0\n\n"], cuts), says([event("ord_1", "p1")], stays)])

    await take(entries, 1)

    expect(asked[1]?.after).toBe("p0")
  })

  it("tells nothing twice, and what became meanwhile of what it told", async () => {
    const { entries } = await setup([
      says(
        [
          event("ord_1", "p1", delivery("ord_1", "waiting", 0)),
          event("ord_2", "p2", delivery("ord_2", "retry", 1)),
          outcome("p3", delivery("ord_2", "retry", 2)),
        ],
        cuts,
      ),
      says(
        [
          outcome("p3", delivery("ord_2", "retry", 2)),
          event("ord_1", "p3", delivery("ord_1", "delivered", 1)),
          event("ord_2", "p3", delivery("ord_2", "retry", 2)),
          event("ord_3", "p4"),
        ],
        stays,
      ),
    ])

    expect(await take(entries, 5)).toEqual([
      "ord_1 at p1",
      "ord_2 at p2",
      "ord_2 retry at p3",
      "ord_1 delivered at p3",
      "ord_3 at p4",
    ])
  })

  it("loses no half of an event to the cut", async () => {
    const whole = event("ord_1", "p1")
    const { entries } = await setup([says([whole.slice(0, 40)], cuts), says([whole], stays)])

    expect(await take(entries, 1)).toEqual(["ord_1 at p1"])
  })

  it("comes back although the server is away for longer than a call is tried again", async () => {
    const { asked, entries } = await setup([
      says([event("ord_1", "p1")], ends),
      ...Array.from({ length: 5 }, () => away),
      says([event("ord_2", "p2")], stays),
    ])

    expect(await take(entries, 2)).toEqual(["ord_1 at p1", "ord_2 at p2"])
    expect(asked).toHaveLength(7)
  })

  it("is noticed by its silence", async () => {
    const silent = says([event("ord_1", "p1")], stays)
    const { entries } = await setup([silent, says([event("ord_2", "p2")], stays)], { silenceMs: 100 })

    expect(await take(entries, 2)).toEqual(["ord_1 at p1", "ord_2 at p2"])
  })
})

describe("a stream", () => {
  it("throws when the server was never there, or refuses", async () => {
    const never = await setup([away])
    await expect(take(never.entries, 1)).rejects.toMatchObject({ status: 503 })
    expect(never.asked).toHaveLength(2)

    const ended = await setup([says([event("ord_1", "p1")], ends), refuses])
    await expect(take(ended.entries, 2)).rejects.toMatchObject({ status: 401 })
  })

  it("ends with its signal, without an error", async () => {
    const stop = new AbortController()
    const { entries } = await setup([says([event("ord_1", "p1")], stays)], { signal: stop.signal })

    const all = take(entries, 2)
    setTimeout(() => stop.abort(), 50)

    expect(await all).toEqual(["ord_1 at p1"])
  })

  it("lets go of the connection when its loop is left", async () => {
    const closed = Promise.withResolvers<void>()
    const { entries } = await setup([
      (outgoing, incoming) => {
        incoming.socket.once("close", () => closed.resolve())
        says([event("ord_1", "p1")], stays)(outgoing, incoming)
      },
    ])

    await take(entries, 1)

    await closed.promise
  })
})
