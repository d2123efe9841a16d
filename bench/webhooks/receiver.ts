import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { sharedNow } from "../fleet-clock.ts"

// Promise: receivers in a process of their own, as many as the first argument says, each at a port of its own. `/hang/…` never answers; all else answers 200 with a few bytes, and is kept in the book.

/** What it tells when it is asked, and forgets. */
export interface ReceiverBook {
  readonly received: number
  readonly distinct: number // by endpoint and webhook-id
  readonly hanging: number // requests that it holds without an answer
  /** From emit to arrival, in milliseconds, of those that said when they were emitted. */
  readonly delays: readonly number[]
}

let received = 0
let hanging = 0
let seen = new Set<string>()
let delays: number[] = []

const servers = Array.from({ length: Number(process.argv[2]) }, () =>
  createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 }, receive),
)
await Promise.all(servers.map((server) => once(server.listen(0, "127.0.0.1", 1_024), "listening")))
process.send?.({ ports: servers.map((server) => (server.address() as AddressInfo).port) })

process.on("message", (message) => {
  if (message === "end") process.exit(0)
  process.send?.({ received, distinct: seen.size, hanging, delays } satisfies ReceiverBook)
  received = 0
  seen = new Set()
  delays = []
})

function receive(request: IncomingMessage, response: ServerResponse): void {
  if (request.url?.startsWith("/hang/")) hang(request, response)
  else if (request.url?.startsWith("/timed/")) void timed(request, response)
  else request.resume().on("end", () => answer(request, response))
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  received += 1
  seen.add(`${request.socket.localPort}${request.url} ${request.headers["webhook-id"]}`)
  response.setHeader("content-type", "application/json").end('{"received":true}')
}

async function timed(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const arrivedAt = sharedNow()
  const { data } = JSON.parse((await request.toArray()).join("")) as { data: { emittedAt?: number } }
  if (data.emittedAt !== undefined) delays.push(arrivedAt - data.emittedAt)
  answer(request, response)
}

function hang(request: IncomingMessage, response: ServerResponse): void {
  hanging += 1
  request.resume()
  response.on("close", () => {
    hanging -= 1
  })
}
