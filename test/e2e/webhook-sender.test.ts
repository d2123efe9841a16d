import { execFile } from "node:child_process"
import { once } from "node:events"
import { connect } from "node:net"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { Worker } from "node:worker_threads"
import { gzipSync } from "node:zlib"
import { describe, expect, it, onTestFinished } from "vitest"
import { webhookReceiver } from "../../src/testing/webhook-receiver.ts"
import { drip, pour } from "../support/hostile-receiver.ts"
import { answerOf, OK, receiverFor, soon, webhookSending } from "../support/webhook-sending.ts"

// Every test waits for a slot to come free. One that never does ends its test by vitest's limit.

const shortly = { timeoutMs: 400 }

describe("a webhook sender", () => {
  it("sends one request over one connection, and takes 200 to 299 for success", async () => {
    const receiver = await receiverFor((socket) => socket.write(OK))
    const { send } = webhookSending()

    const result = await send(receiver.url)

    expect(result).toMatchObject({ success: true, subscriptionId: "sub_01", responseData: "thanks" })
    expect(receiver.connections).toBe(1)
    expect(receiver.requests).toHaveLength(1)
    expect(receiver.requests[0]).toMatch(/^POST \/webhooks HTTP\/1\.1\r\n/)
  })

  it("uses a connection again for the next request", async () => {
    const receiver = await receiverFor((socket) => socket.write(OK))
    const { send } = webhookSending()

    for (let i = 0; i < 20; i++) await send(receiver.url)

    expect(receiver.requests).toHaveLength(20)
    // One may still be busy with an answer's end when the next request is made.
    expect(receiver.connections).toBeLessThanOrEqual(2)
  })

  it.each([
    ["199", false],
    ["200 OK", true],
    ["204 No Content", true],
    ["299 Whatever", true],
    ["304 Not Modified", false],
    ["400 Bad Request", false],
    ["500 Internal Server Error", false],
    ["999 Beyond", false],
  ])("takes %s for success: %s", async (status, success) => {
    const receiver = await receiverFor((socket) => socket.end(answerOf(status)))
    const { send } = webhookSending()

    expect(await send(receiver.url, shortly)).toMatchObject({ success })
    expect(receiver.requests).toHaveLength(1)
  })

  it("keeps as response data the body, else the phrase, else the error", async () => {
    const answers = [
      answerOf("422 Unprocessable Entity", '{"error":"no such sku"}'),
      answerOf("500 Out Of Stock"),
      answerOf("500"),
    ]
    const receiver = await receiverFor((socket, count) => socket.end(answers[count - 1] ?? ""))
    const { send } = webhookSending()
    const said: string[] = []

    for (let i = 0; i < 4; i++) said.push((await send(receiver.url)).responseData)

    expect(said.slice(0, 3)).toEqual(['{"error":"no such sku"}', "Out Of Stock", "500"])
    expect(said[3]).toContain("it closed the connection (UND_ERR_SOCKET)")
  })

  it("has Retry-After, 410 and what is held against the event in its result", async () => {
    const date = "Sun, 01 Mar 2026 12:00:00 GMT"
    const answers = [
      answerOf("429 Too Many Requests", "", { "retry-after": "120" }),
      answerOf("503 Busy", "", { "retry-after": "Sun, 01 Mar 2026 12:05:00 GMT", date }),
      answerOf("410 Gone"),
      answerOf("422 Unprocessable Entity"),
    ]
    const receiver = await receiverFor((socket, count) => socket.end(answers[count - 1] ?? ""))
    const { send } = webhookSending()

    expect(await send(receiver.url)).toMatchObject({ retryAfter: 120_000, fault: "recipient" })
    expect(await send(receiver.url)).toMatchObject({ retryAfter: 300_000 })
    expect(await send(receiver.url)).toMatchObject({ success: false, disable: "gone" })
    expect(await send(receiver.url)).toMatchObject({ fault: "event" })
  })
})

describe("a receiver that takes its time does not hold a slot longer than the attempt has", () => {
  it("when it says nothing", async () => {
    const receiver = await receiverFor()
    const { send } = webhookSending()

    const result = await send(receiver.url, shortly)

    expect(result).toMatchObject({ success: false, fault: "recipient", details: { status: null } })
    expect(result.details?.request?.headers["webhook-id"]).toMatch(/^evt_/)
    expect(result.responseData).toBe(
      "Expected an answer within 400 ms, none came. Whether it has taken the request is not known.",
    )
    await expect.poll(() => receiver.open, soon).toBe(0)
    expect(receiver.requests).toHaveLength(1)
  })

  it("when its machine takes no connections any more", async () => {
    const { url, calls } = await fullHouse()
    const { send } = webhookSending({ connectTimeoutMs: 500 })

    const result = await send(url, { timeoutMs: 30_000 })

    expect(result.responseData).toBe(
      "Expected the recipient to take the connection in time, it did not (UND_ERR_CONNECT_TIMEOUT). Nothing was sent.",
    )
    for (const call of calls) call.destroy()
  })

  it("when its headers drip", async () => {
    const receiver = await receiverFor((socket) => {
      socket.write("HTTP/1.1 200 OK\r\n")
      drip(socket, endless("x-patience: more\r\n"), 20)
    })
    const { send } = webhookSending()

    expect(await send(receiver.url, shortly)).toMatchObject({ success: false, fault: "recipient" })
    await expect.poll(() => receiver.open, soon).toBe(0)
  })

  it("when its body drips, and what has come is kept", async () => {
    const receiver = await receiverFor((socket) => {
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\n")
      drip(socket, endless("a"), 20)
    })
    const { send } = webhookSending()

    const result = await send(receiver.url, shortly)

    expect(result).toMatchObject({ success: false, fault: "recipient" })
    expect(result.responseData).toContain("only a part of it came")
    expect(result.details?.response).toMatchObject({ isCut: true, body: expect.stringMatching(/^a+$/) })
    expect(result.details?.status).toBe(null)
    await expect.poll(() => receiver.open, soon).toBe(0)
  })

  it("when a chunk's header never ends, and memory does not grow by it", async () => {
    let poured = { bytes: () => 0 }
    const receiver = await receiverFor((socket) => {
      socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;")
      poured = pour(socket, "x".repeat(16 * 1024))
    })
    const { send } = webhookSending()
    const before = held()

    const sending = send(receiver.url, { timeoutMs: 2_000 })
    await expect.poll(() => poured.bytes(), soon).toBeGreaterThan(64 * MIB)
    const little = expect.poll(() => held() - before, soon).toBeLessThan(32 * MIB)
    const first = await Promise.race([little.then(() => "holds little"), sending])
    expect(first).toBe("holds little")
    expect(await sending).toMatchObject({ success: false })
    await expect.poll(() => receiver.open, soon).toBe(0)
  })

  it("when its name takes longer, and nothing is sent afterwards", async () => {
    const receiver = await receiverFor((socket) => socket.write(OK))
    const found = Promise.withResolvers<void>()
    const { send } = webhookSending({
      resolve: async () => {
        await found.promise
        return [{ address: "127.0.0.1", family: 4 }]
      },
    })
    const recipient = `http://shop.example:${receiver.port}/`

    const late = await send(recipient, shortly)
    found.resolve()
    await expect.poll(() => receiver.connections, soon).toBe(1)
    const next = await send(recipient, { data: "the next" })

    expect(late.responseData).toBe("Expected an answer within 400 ms, none came. Nothing was sent.")
    expect(next.success).toBe(true)
    expect(receiver.requests).toEqual([expect.stringContaining("the next")])
  })

  it("when it does not read what is sent", async () => {
    const receiver = await receiverFor(() => undefined, { onConnection: (socket) => socket.pause() })
    const { send } = webhookSending()
    const data = "a".repeat(8 * MIB)

    expect(await send(receiver.url, { ...shortly, data })).toMatchObject({ success: false })
    expect(receiver.requests).toHaveLength(0)
  })

  it("when the attempt is given up from outside, which is not its fault", async () => {
    const receiver = await receiverFor((_, count) => count === 1 && stop.abort())
    const { send } = webhookSending()
    const stop = new AbortController()

    const result = await send(receiver.url, { signal: stop.signal })

    expect(result).toMatchObject({ success: false, fault: "sender" })
    await expect.poll(() => receiver.open, soon).toBe(0)
  })

  it("when this process ends, which is not its fault either", async () => {
    const receiver = await receiverFor((_, count) => count === 1 && void notifier.close?.())
    const { notifier, send } = webhookSending()

    const [running, later] = [await send(receiver.url), await send(receiver.url)]

    expect(running).toMatchObject({ success: false, fault: "sender" })
    expect(running.responseData).toContain("Whether it has taken the request is not known.")
    expect(later).toMatchObject({ success: false, fault: "sender" })
    expect(receiver.requests).toHaveLength(1)
  })

  it("when the attempt was given up before it began, and nobody is called", async () => {
    const receiver = await receiverFor((socket) => socket.write(OK))
    const { send } = webhookSending()

    const result = await send(receiver.url, { signal: AbortSignal.abort() })

    expect(result).toMatchObject({ success: false, fault: "sender" })
    expect(result.responseData).toContain("Nothing was sent.")
    expect(receiver.connections).toBe(0)
  })

  it("when there are many of them at one place, and who is too many is not kept waiting", async () => {
    const receiver = await receiverFor()
    const { send } = webhookSending()

    const results = await Promise.all(Array.from({ length: 300 }, () => send(receiver.url, shortly)))

    expect(results.filter(({ fault }) => fault === "recipient")).toHaveLength(256)
    expect(results.filter(({ fault }) => fault === "sender")).toHaveLength(44)
    expect(receiver.connections).toBeLessThanOrEqual(256)
    await expect.poll(() => receiver.open, soon).toBe(0)
    expect(await send(receiver.url, shortly)).toMatchObject({ fault: "recipient" })
  })
})

describe("of what a receiver answers", () => {
  it("16 KiB are read and the connection is cut, however much it would send", async () => {
    let poured = { bytes: () => 0 }
    const receiver = await receiverFor((socket) => {
      socket.write("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
      poured = pour(socket, Buffer.alloc(64 * 1024, "a"))
    })
    const { send } = webhookSending()

    const result = await send(receiver.url)

    expect(result.success).toBe(true)
    expect(result.responseData).toHaveLength(16 * 1024)
    expect(result.details?.response?.isCut).toBe(true)
    await expect.poll(() => receiver.open, soon).toBe(0)
    expect(poured.bytes()).toBeLessThan(16 * MIB)
  })

  it("16 KiB are kept in as much memory, also when they come byte by byte", async () => {
    const chunks = "1\r\na\r\n".repeat(16 * 1024 - 1)
    const receiver = await receiverFor((socket) => {
      socket.setNoDelay(true)
      socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
      const pieces = [...pieced(chunks, 96), "0\r\n\r\n"]
      drip(socket, pieces, 1)
    })
    const { send } = webhookSending()

    const results = await Promise.all(
      Array.from({ length: 10 }, () => send(receiver.url, { timeoutMs: 30_000 })),
    )

    expect(results.map(({ responseData }) => responseData.length)).toEqual(Array(10).fill(16 * 1024 - 1))
    expect(results.every(({ details }) => details?.response?.isCut === false)).toBe(true)
    const kept = results.map(({ details }) => details?.response?.body.length ?? 0)
    expect(kept.reduce((sum, each) => sum + each, 0)).toBe(10 * (16 * 1024 - 1))
  })

  it("a hundred bodies without end do not fill the memory", async () => {
    const receiver = await receiverFor((socket) => {
      socket.write("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
      pour(socket, Buffer.alloc(64 * 1024, "a"))
    })
    const { send } = webhookSending()
    const before = held()

    const results = await Promise.all(Array.from({ length: 100 }, () => send(receiver.url)))

    expect(results.every(({ success }) => success)).toBe(true)
    await expect.poll(() => held() - before, soon).toBeLessThan(256 * MIB)
  })

  it("nothing is unpacked", async () => {
    const bomb = gzipSync(Buffer.alloc(20 * MIB, "a"))
    const receiver = await receiverFor((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n`)
      socket.write(bomb)
    })
    const { send } = webhookSending()

    const result = await send(receiver.url)

    expect(result.success).toBe(true)
    expect(result.responseData).toBe("(16384 bytes that are no text)")
    expect(receiver.requests[0]).toContain("accept-encoding: identity\r\n")
  })

  it("a NUL is not kept, which no PostgreSQL could store", async () => {
    const receiver = await receiverFor((socket) => socket.write(answerOf("500 Oh", "no\0no")))
    const { send } = webhookSending()

    const result = await send(receiver.url)

    expect(result.responseData).toBe("no\uFFFDno")
    expect(JSON.stringify(result.details)).not.toContain("\\u0000")
  })

  it("headers beyond 16 KiB are a failure", async () => {
    const receiver = await receiverFor((socket) => {
      socket.write(answerOf("200 OK", "", { "x-much": "a".repeat(17 * 1024) }))
    })
    const { send } = webhookSending()

    const result = await send(receiver.url)

    expect(result).toMatchObject({ success: false, fault: "recipient" })
    expect(result.responseData).toContain("at most 16 KiB of headers")
  })

  it("headers are kept in part, so that a row of the store has an end", async () => {
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`x-${i}`, "a".repeat(50)]))
    const receiver = await receiverFor((socket) => {
      socket.write(answerOf("200 OK", "", { "x-long": "a".repeat(2_000), ...many }))
    })
    const { send } = webhookSending()

    const { details } = await send(receiver.url)

    expect(Object.keys(details?.response?.headers ?? {})).toHaveLength(40)
    expect(details?.response?.headers["x-long"]).toHaveLength(301)
  })

  it("a storm of announcements is no answer", async () => {
    const receiver = await receiverFor((socket) => {
      pour(socket, "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(100))
    })
    const { send } = webhookSending()

    const result = await send(receiver.url)

    expect(result).toMatchObject({ success: false, fault: "recipient" })
    expect(result.responseData).toContain("it only announced it (103)")
    await expect.poll(() => receiver.open, soon).toBe(0)
  })

  it("a few announcements before it do no harm", async () => {
    const receiver = await receiverFor((socket) => {
      socket.write(`${"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(3)}${OK}`)
    })
    const { send } = webhookSending()

    expect(await send(receiver.url)).toMatchObject({ success: true, responseData: "thanks" })
  })

  it.each([
    ["HTTP/1.0 200 OK\r\n\r\nthanks", true],
    ["HTTP/1.0 200 OK\r\ncontent-length: 6\r\n\r\nthanks", true],
    ["HTTP/1.1 200 OK\r\ncontent-length: 60\r\n\r\nthanks", false],
    ["HTTP/1.1 200 OK\r\ncontent-length: 6\r\ncontent-length: 7\r\n\r\nthanks", false],
    ["HTTP/1.1 200 OK\r\ncontent-length: 6\r\ntransfer-encoding: chunked\r\n\r\nthanks", false],
    ["HTTP/1.1 200 OK\r\ncontent-length: -6\r\n\r\nthanks", false],
    ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n", false],
    ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\nthanks\r\n", false],
    ["HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n", false],
    ["SSH-2.0-OpenSSH_9.6\r\n", false],
    ["220 mail.shop.example ESMTP\r\n", false],
    ["\x15\x03\x01\x00\x02\x02\x50", false],
    ["HTTP/1.1 2", false],
    ["", false],
  ])("%j is success: %s", async (answer, success) => {
    const receiver = await receiverFor((socket) => socket.end(answer, "latin1"))
    const { send } = webhookSending()

    expect(await send(receiver.url)).toMatchObject({ success })
    expect(receiver.requests).toHaveLength(1)
  })

  it("what belongs to no request is not taken for the next one's answer", async () => {
    const receiver = await receiverFor((socket) => socket.write(`${OK}${answerOf("200 OK", "and again")}`))
    const { send } = webhookSending()

    expect(await send(receiver.url)).toMatchObject({ responseData: "thanks" })
    await expect.poll(() => receiver.open, soon).toBe(0)
    expect(await send(receiver.url)).toMatchObject({ responseData: "thanks" })
  })
})

describe("a connection that breaks is one failed attempt, and nothing is sent twice", () => {
  it("when it is refused", async () => {
    const receiver = await receiverFor()
    await receiver.close()
    const { send } = webhookSending()

    const result = await send(receiver.url)

    expect(result).toMatchObject({ success: false, fault: "recipient", details: { request: null } })
    expect(result.responseData).toBe(
      "Expected the recipient to take the connection, it refused it (ECONNREFUSED). Nothing was sent.",
    )
  })

  it.skipIf(process.platform === "win32")(
    "when no file is left here to make it with, which is our fault",
    async () => {
      const [receiver, other] = [
        await receiverFor((socket) => socket.write(OK)),
        await receiverFor((socket) => socket.write(OK)),
      ]
      const actor = fileURLToPath(new URL("webhook-sender-actor.ts", import.meta.url))
      const limited = [
        "-c",
        'ulimit -n 128 && exec "$0" "$@"',
        process.execPath,
        actor,
        receiver.url,
        other.url,
      ]

      const { stdout } = await promisify(execFile)("sh", limited)
      const { before, without, after } = JSON.parse(stdout)

      expect(before).toMatchObject({ success: true })
      expect(without).toMatchObject({ success: false, fault: "sender" })
      expect(without.responseData).toContain("Expected this machine to have files")
      expect(after).toMatchObject({ success: true })
      expect(other.connections).toBe(1)
    },
  )

  it("when it is reset as soon as it is made", async () => {
    const receiver = await receiverFor(() => undefined, {
      onConnection: (socket) => socket.resetAndDestroy(),
    })
    const { send } = webhookSending()

    expect(await send(receiver.url)).toMatchObject({ success: false, fault: "recipient" })
    expect(receiver.connections).toBe(1)
  })

  it("when it is reset in the middle of the request", async () => {
    const receiver = await receiverFor(() => undefined, {
      onConnection: (socket) => socket.once("data", () => socket.resetAndDestroy()),
    })
    const { send } = webhookSending()

    const result = await send(receiver.url, { data: "a".repeat(4 * MIB) })

    expect(result).toMatchObject({ success: false, fault: "recipient" })
    expect(result.responseData).toContain("Whether it has taken the request is not known.")
    expect(receiver.connections).toBe(1)
  })

  it("when it is reset in the middle of the answer", async () => {
    const receiver = await receiverFor((socket) => {
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nthanks", () => {
        setTimeout(() => socket.resetAndDestroy(), 50)
      })
    })
    const { send } = webhookSending()

    expect(await send(receiver.url)).toMatchObject({ success: false, details: { status: null } })
    expect(receiver.requests).toHaveLength(1)
  })

  it("when a kept connection dies under a request", async () => {
    const receiver = await receiverFor((socket, count) => {
      if (count % 2 === 1) socket.write(OK)
      else socket.destroy()
    })
    const { send } = webhookSending()

    const results = [await send(receiver.url), await send(receiver.url), await send(receiver.url)]

    expect(results.map(({ success }) => success)).toEqual([true, false, true])
    expect(results[1]).toMatchObject({ fault: "recipient" })
    expect(results[1]?.responseData).toContain("Whether it has taken the request is not known.")
    expect(receiver.requests).toHaveLength(3)
    expect(receiver.connections).toBe(2)
  })

  it("when kept connections are closed while nothing is sent, which the next request does not feel", async () => {
    const receiver = await receiverFor((socket) => socket.end(OK))
    const { send } = webhookSending()

    for (let i = 0; i < 5; i++) {
      expect(await send(receiver.url)).toMatchObject({ success: true })
      await expect.poll(() => receiver.open, soon).toBe(0)
    }
    expect(receiver.requests).toHaveLength(5)
  })

  it("when an answer comes before the whole request is taken", async () => {
    const receiver = await receiverFor(() => undefined, {
      onConnection: (socket) => socket.once("data", () => socket.end(answerOf("413 Too Large"))),
    })
    const { send } = webhookSending()

    const result = await send(receiver.url, { data: "a".repeat(8 * MIB) })

    expect(result.success).toBe(false)
    expect(receiver.connections).toBe(1)
  })
})

describe("what is sent", () => {
  it("has its form's headers, those of the subscription, and masks what is secret in its record", async () => {
    const receiver = await webhookReceiver({
      answer: { headers: { "set-cookie": "id=1", "x-request-id": "r1" }, body: "ok" },
    })
    const { send } = webhookSending()
    const headers = { Authorization: "Bearer 5ecret", "X-Shop": "main" }
    const recipient = `${receiver.url}/orders?token=5ecret&store=1#part`

    const result = await send(recipient, {
      attempt: 3,
      subscription: { recipient, headers, form: "standard" },
    })
    const [request] = receiver.requests

    expect(request?.path).toBe("/orders?token=5ecret&store=1")
    expect(request?.headers).toMatchObject({
      authorization: "Bearer 5ecret",
      "x-shop": "main",
      "content-type": "application/json",
      "user-agent": expect.stringMatching(/^Carillon\/\d/),
      "webhook-id": "evt_1001",
      "webhook-attempt": "3",
    })
    expect(result.details).toMatchObject({
      notifier: "http",
      status: 200,
      recipient: `${receiver.url}/orders?token=***&store=***`,
      request: {
        bytes: request?.body.length,
        headers: {
          authorization: "***",
          "x-shop": "***",
          "webhook-signature": "***",
          "webhook-id": "evt_1001",
        },
      },
      response: { body: "ok", isCut: false, headers: { "set-cookie": "***", "x-request-id": "r1" } },
    })
    expect(JSON.stringify(result)).not.toContain("5ecret")
    await receiver.close()
  })

  it("keeps its own headers, whatever an old record wants", async () => {
    const receiver = await webhookReceiver()
    const { send } = webhookSending()
    const headers = {
      Host: "evil.example",
      "Content-Length": "1",
      "webhook-id": "evt_2",
      "X-Magento-Signature": "0",
    }

    await send(receiver.url, { subscription: { recipient: receiver.url, headers } })
    const [request] = receiver.requests

    expect(`http://${request?.headers.host}`).toBe(receiver.url)
    expect(request?.headers["webhook-id"]).toBe("evt_1001")
    expect(request?.headers["x-magento-signature"]).toMatch(/^[\da-f]{64}$/)
    await receiver.close()
  })
})

/** A server that sleeps, with so many at its door that the system lets nobody else in. */
async function fullHouse() {
  const code = `
    const { parentPort } = require("node:worker_threads")
    const server = require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
      parentPort.postMessage(server.address().port)
      setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0))
    })`
  const worker = new Worker(code, { eval: true })
  onTestFinished(async () => void (await worker.terminate()))
  const [port] = (await once(worker, "message")) as [number]
  const calls = Array.from({ length: 8 }, () => connect(port, "127.0.0.1").on("error", () => undefined))
  await Promise.race(calls.map((call) => once(call, "connect")))
  return { url: `http://127.0.0.1:${port}/`, calls }
}

const MIB = 1024 * 1024

function* endless(piece: string): Generator<string> {
  while (true) yield piece
}

function* pieced(text: string, size: number): Generator<string> {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size)
}

/** What is in use after what is not was collected; of buffers that is done aside, so it may take a moment. */
function held(): number {
  setFlagsFromString("--expose-gc")
  ;(runInNewContext("gc") as () => void)()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
