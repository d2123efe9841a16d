import { once } from "node:events"
import { createServer } from "node:http"
import { type AddressInfo, connect, type Socket } from "node:net"
import { text } from "node:stream/consumers"
import { describe, expect, it, onTestFinished } from "vitest"
import { readBytes } from "./body.ts"
import { writeReply } from "./node-reply.ts"
import { NodeRequest } from "./node-request.ts"
import { Reply } from "./reply.ts"

type Answer = (request: NodeRequest) => Promise<Reply>

/** A server that answers so, and a connection to it. */
async function setup(answer: Answer): Promise<Socket> {
  const server = createServer(async (incoming, outgoing) => {
    writeReply(outgoing, await answer(new NodeRequest(incoming)))
  })
  await once(server.listen(0, "127.0.0.1"), "listening")
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1").setEncoding("utf8")
  onTestFinished(() => {
    socket.destroy()
    server.close()
  })
  return socket
}

const HEAD = "POST / HTTP/1.1\r\nhost: shop\r\n"
const reply = (body: string): Reply => new Reply(body, { headers: {} })
const told: Answer = async (request) => reply(String(await readBytes(request, { mostBytes: 1_000_000 })))

/** The body of the next answer. */
async function heard(socket: Socket): Promise<string> {
  const [chunk] = (await once(socket, "data")) as [string]
  return chunk.split("\r\n\r\n")[1] ?? ""
}

describe("a request of Node's", () => {
  it("has its body, whether it comes at once, in pieces, or in chunks", async () => {
    const socket = await setup(told)

    socket.write(`${HEAD}content-length: 5\r\n\r\norder`)
    expect(await heard(socket)).toBe("order")
    socket.write(`${HEAD}content-length: 8\r\n\r\nord`)
    socket.write("er")
    setImmediate(() => socket.write("_77"))
    expect(await heard(socket)).toBe("order_77")
    socket.write(`${HEAD}transfer-encoding: chunked\r\n\r\n3\r\nord\r\n2\r\ner\r\n0\r\n\r\n`)
    expect(await heard(socket)).toBe("order")
    socket.write(`${HEAD}content-length: 0\r\n\r\n`)
    expect(await heard(socket)).toBe("")
  })

  it.each(["content-length: 100\r\n\r\nord", "transfer-encoding: chunked\r\n\r\n3\r\nord\r\n"])(
    "is refused when the connection ends before its body: %j",
    async (start) => {
      const { promise, resolve } = Promise.withResolvers<unknown>()
      const socket = await setup(async (request) => {
        await told(request).catch(resolve)
        return reply("")
      })

      socket.write(HEAD + start, () => socket.destroy())

      expect(await promise).toMatchObject({ status: 400, message: /the connection ended before/ })
    },
  )

  it("says so when somebody has read its body before", async () => {
    const { promise, resolve } = Promise.withResolvers<unknown>()
    const socket = await setup(async (request) => {
      await told(request)
      await told(request).catch(resolve)
      return reply("")
    })

    socket.write(`${HEAD}content-length: 5\r\n\r\norder`)

    expect(await promise).toMatchObject({ code: "CARILLON_CONFIG" })
  })
})

describe("an answer of Node's", () => {
  it("leaves the connection to the next request when a body was not read, or in part", async () => {
    const bodies: string[] = []
    const socket = await setup(async (request) => {
      for await (const chunk of request.header("x-read") === null ? [] : request.chunks()) {
        bodies.push(String(chunk))
        break
      }
      return reply("done")
    })

    for (const head of [HEAD, `${HEAD}x-read: 1\r\n`]) {
      socket.write(`${head}content-length: 300000\r\n\r\n${"x".repeat(100_000)}`)
      const first = heard(socket)
      socket.write("x".repeat(200_000))
      expect(await first).toBe("done")
    }

    expect(bodies).toHaveLength(1)
  })

  it("ends the connection of who does not go on with a body that nobody reads", async () => {
    const socket = await setup(async () => reply("done"))

    socket.write(`${HEAD}content-length: 300000\r\n\r\nx`)

    expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 /)
  })

  it("asks a stream for no more than is taken, and lets it go with the connection", async () => {
    const chunk = new Uint8Array(64 * 1024)
    const { promise: cancelled, resolve } = Promise.withResolvers<void>()
    let asked = 0
    const pull = (sender: ReadableStreamDefaultController<Uint8Array>): void => {
      asked++
      sender.enqueue(chunk)
    }
    const socket = await setup(
      async () => new Reply(new ReadableStream({ pull, cancel: resolve }), { headers: {} }),
    )

    socket.pause()
    socket.write("GET / HTTP/1.1\r\nhost: shop\r\n\r\n")
    await expect.poll(() => asked).toBeGreaterThan(1) // a stream that is read without end lets nobody look
    socket.destroy()

    await cancelled
  })

  it("begins no stream for who is gone already", async () => {
    const { promise: cancelled, resolve } = Promise.withResolvers<void>()
    const { promise: isInside, resolve: enter } = Promise.withResolvers<NodeRequest>()
    const pull = (sender: ReadableStreamDefaultController<Uint8Array>): void =>
      sender.enqueue(new Uint8Array(1))
    const socket = await setup(async (request) => {
      enter(request)
      await told(request).catch(() => {})
      return new Reply(new ReadableStream({ pull, cancel: resolve }), { headers: {} })
    })

    socket.write(`${HEAD}content-length: 5\r\n\r\no`)
    await isInside
    socket.destroy()

    await cancelled
  })

  it("is cut off where its stream fails, so that it does not look whole", async () => {
    const failing = new ReadableStream<Uint8Array>({
      start: (sender) => sender.enqueue(new TextEncoder().encode("half")),
      pull: (sender) => sender.error(new Error("The store is away.")),
    })
    const socket = await setup(async () => new Reply(failing, { headers: {} }))

    socket.write("GET / HTTP/1.1\r\nhost: shop\r\n\r\n")

    expect(await text(socket)).not.toMatch(/0\r\n\r\n$/)
  })
})
