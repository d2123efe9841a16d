import { once } from "node:events"
import { connect } from "node:net"
import { describe, expect, it } from "vitest"
import { Listener } from "../../src/http/listener.ts"
import { writtenProblem } from "../../src/server/problem.ts"
import { apiServerOn } from "../support/api-server.ts"
import { cleanUp } from "../support/app-process.ts"

interface Heard {
  readonly status: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Says this byte by byte, and what is heard until the connection ends. */
async function speak(port: number, text: string): Promise<Heard> {
  const socket = connect(port, "127.0.0.1")
  cleanUp(() => socket.destroy())
  let heard = ""
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    heard += chunk
  })
  socket.on("error", () => {})
  socket.write(text)
  await once(socket, "close")
  const [head = "", body = ""] = heard.split(/\r\n\r\n(.*)/s)
  const [line = "", ...fields] = head.split("\r\n")
  const headers = fields.map((field) => field.split(/: (.*)/s).slice(0, 2) as [string, string])
  const kept = headers.filter(([name]) => !/^(date|keep-alive|x-request-id)$/i.test(name))
  return {
    status: line.split(" ")[1] ?? "",
    headers: Object.fromEntries(kept.map(([name, value]) => [name.toLowerCase(), value])),
    body,
  }
}

/** One server, of which each road has a port. */
async function bothRoads() {
  const options = { cors: ["https://till.example"], proxies: 1, bodyLimit: 200_000 }
  const { server, port, token, carillon } = await apiServerOn("sqlite", { server: options, road: "node" })
  const listening = { host: "127.0.0.1", port: 0, requestTimeoutMs: 5_000, refusal: writtenProblem }
  const web = await Listener.open(listening, server.fetch)
  cleanUp(() => web.close(0))
  await carillon.emit({ name: "order.placed", id: "ord_1001", data: { total: 120 } })
  const authorization = `authorization: Bearer ${await token("admin")}`
  return { node: port, web: web.port, authorization }
}

describe("Node's requests and web requests", () => {
  it("are answered alike, status, headers and body", async () => {
    const { node, web, authorization } = await bothRoads()

    for (const [line, fields = [], body = ""] of ASKED) {
      const close = line.endsWith("1.1") ? ["host: shop.example", "connection: close"] : []
      const head = [line, ...(fields.some((each) => each.startsWith("host")) ? close.slice(1) : close)]
      const who = fields.some((each) => each.startsWith("authorization")) ? [] : [authorization]
      const text = `${[...head, ...who, ...fields].join("\r\n")}\r\n\r\n${body}`

      const [one, other] = await Promise.all([speak(node, text), speak(web, text)])

      // What cannot become a web request is refused before our own headers are there.
      if (other.body.includes("a host and a path that can be read")) expect(one, text).toMatchObject(other)
      else expect(one, text).toEqual(other)
      expect(Number(one.status), text).toBeGreaterThanOrEqual(200)
    }
  })
})

const JSON_TYPE = "content-type: application/json"
const lengthOf = (body: string): string => `content-length: ${Buffer.byteLength(body)}`
const WRONG = '{"name":""}'
const HUGE = JSON.stringify({ name: "order.placed", data: "x".repeat(250_000) })

const ASKED: readonly (readonly [line: string, fields?: readonly string[], body?: string])[] = [
  ["GET /health HTTP/1.1"],
  ["GET /api/events/ord_1001 HTTP/1.1"],
  ["GET /api/events/ord_1001?cloudevent=binary HTTP/1.1"],
  ["GET /api/events/ord_1001 HTTP/1.1", ["accept: application/cloudevents+json"]],
  ["GET /api/events/ord_1001 HTTP/1.1", ["authorization: Bearer crl_x"]],
  ["GET /api/events/ord_1001 HTTP/1.1", ["authorization: Bearer x", "authorization: Bearer y"]],
  ["GET /api/events/%6Frd_1001/ HTTP/1.1"],
  ["GET /api/%65vents/ord_1001 HTTP/1.1"],
  ["GET /api/scopes/../events/ord_1001 HTTP/1.1"],
  ["GET /api/events/ord_1001#total HTTP/1.1"],
  ["GET http://shop.example/api/events/ord_1001?scope=acme HTTP/1.1"],
  ["GET //api/events/ord_1001 HTTP/1.1"],
  ["GET /api\\events HTTP/1.1"],
  ["GET /api/events?name=a\\b HTTP/1.1"],
  ["GET /api/events/%zz HTTP/1.1"],
  ["GET /api/events/%00 HTTP/1.1"],
  ["GET /api/events?limit=1&limit=2 HTTP/1.1"],
  ["GET /api/events?limit=%zz HTTP/1.1"],
  ["GET /api/events?limit=x#1 HTTP/1.1"],
  ["GET /api/nothing HTTP/1.1"],
  ["GET * HTTP/1.1"],
  ["OPTIONS * HTTP/1.1"],
  ["GET /health HTTP/1.1", ["host: shop.example@evil.example"]],
  ["GET /health HTTP/1.1", ["host: shop.example/evil"]],
  ["GET /health HTTP/1.1", ["host: [::1]:9000"]],
  ["GET /health HTTP/1.0"],
  ["HEAD /api/events HTTP/1.1"],
  ["HEAD /api/stream HTTP/1.1"],
  ["HEAD /api/docs HTTP/1.1"],
  ["GET /api/docs/ HTTP/1.1"],
  ["GET /api/openapi.json HTTP/1.1"],
  ["OPTIONS /api/events HTTP/1.1"],
  ["OPTIONS /api/nothing HTTP/1.1", ["origin: https://till.example"]],
  ["OPTIONS /api/events HTTP/1.1", ["origin: https://till.example", "access-control-request-headers: a, b"]],
  ["GET /api/events/ord_1001 HTTP/1.1", ["origin: https://till.example", "x-forwarded-proto: https"]],
  ["GET /api/events/nothing HTTP/1.1", ["origin: https://till.example"]],
  [
    "GET /api/events HTTP/1.1",
    ["origin: https://evil.example", "accept: application/cloudevents-batch+json"],
  ],
  ["DELETE /api/events HTTP/1.1"],
  ["PURGE /api/events HTTP/1.1"],
  ["POST /api/events HTTP/1.1", [JSON_TYPE, lengthOf(WRONG)], WRONG],
  ["POST /api/events HTTP/1.1", [JSON_TYPE, "content-length: 0"]],
  ["POST /api/events HTTP/1.1", ["content-type: text/plain", lengthOf("order")], "order"],
  [
    "POST /api/events HTTP/1.1",
    [JSON_TYPE, "transfer-encoding: chunked"],
    `5\r\n${WRONG.slice(0, 5)}\r\n6\r\n${WRONG.slice(5)}\r\n0\r\n\r\n`,
  ],
  ["POST /api/events HTTP/1.1", [JSON_TYPE, "content-encoding: gzip", lengthOf(WRONG)], WRONG],
  ["POST /api/events HTTP/1.1", [JSON_TYPE, lengthOf(HUGE)], HUGE.slice(0, 10)],
  [
    "POST /api/events HTTP/1.1",
    ["ce-specversion: 1.0", "ce-id: 1", "ce-source: /till", "ce-Type: %zz%ff", "content-length: 0"],
  ],
]
