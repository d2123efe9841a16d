import { lookup } from "node:dns"
import { BlockList, isIP, type LookupFunction } from "node:net"
import { Agent } from "undici"
import { formOf } from "../../src/webhooks/forms.ts"
import { networkPolicy } from "../../src/webhooks/http/network.ts"
import { Sender } from "../../src/webhooks/http/sender.ts"
import type { Notification } from "../../src/webhooks/notifier.ts"
import { newSecret } from "../../src/webhooks/secrets.ts"
import { type Sent, startMeter } from "./meter.ts"
import { order } from "./order.ts"

// Promise: sends signed webhooks in loops, without a store: by `plain` undici, by undici that is `guarded` by hand, or by
// the sender of `carillon`.

/** So much is sent before the clock starts as well. */
const WARM_UP = 0.1

export interface SendOrder {
  readonly recipients: readonly string[]
  readonly requests: number
  readonly concurrency: number
}

const PRIVATE = [
  ["10.0.0.0", 8],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
] as const

export type SenderName = "plain" | "guarded" | "carillon"

type Send = (recipient: string, seq: number) => Promise<number>

const secrets = [{ secret: newSecret(), createdAt: 0, expiresAt: null }]
const signal = new AbortController().signal
const senders = { plain, guarded, carillon }
const send = senders[process.argv[2] as SenderName]()

process.on("message", (message: SendOrder | "end") => {
  if (message === "end") process.exit(0)
  else void run(message).then((sent) => process.send?.(sent))
})
process.send?.("ready")

async function run({ recipients, requests, concurrency }: SendOrder): Promise<Sent> {
  await loops(recipients, Math.ceil(requests * WARM_UP), concurrency)
  const read = startMeter()
  await loops(recipients, requests, concurrency)
  return read(requests)
}

async function loops(recipients: readonly string[], requests: number, concurrency: number): Promise<void> {
  let next = 0
  const loop = async (): Promise<void> => {
    while (next < requests) {
      const seq = next++
      const status = await send(recipients[seq % recipients.length] as string, seq)
      if (status !== 200) throw new Error(`The receiver answered ${status}.`)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, loop))
}

function plain(): Send {
  const agent = new Agent({ connections: 256 })
  return async (recipient, seq) => {
    const { body, contentType, headers } = formOf(notification(recipient, seq))
    const { origin, pathname } = new URL(recipient)
    const answer = await agent.request({
      origin,
      path: pathname,
      method: "POST",
      headers: { ...headers, "content-type": contentType },
      body,
    })
    await answer.body.text()
    return answer.statusCode
  }
}

/** As one writes it by hand: no address that is not public, one time limit over all, no answer without end. */
function guarded(): Send {
  const forbidden = new BlockList()
  for (const [network, prefix] of PRIVATE) forbidden.addSubnet(network, prefix)
  const mayDial = (address: string) => address === "127.0.0.1" || !forbidden.check(address)
  const connect: LookupFunction = (name, { all: _, ...options }, callback) => {
    lookup(name, { ...options, all: true }, (error, found) => {
      const isRefused = error === null && found.some(({ address }) => !mayDial(address))
      if (error !== null || isRefused) callback(error ?? new Error(`${name} is not public.`), "")
      else callback(null, found)
    })
  }
  const agent = new Agent({
    connections: 256,
    maxResponseSize: 16 * 1024,
    connect: { lookup: connect, timeout: 5_000 },
  })
  return async (recipient, seq) => {
    const { body, contentType, headers } = formOf(notification(recipient, seq))
    const { origin, hostname, pathname } = new URL(recipient)
    if (isIP(hostname) !== 0 && !mayDial(hostname)) throw new Error(`${hostname} is not public.`)
    const answer = await agent.request({
      origin,
      path: pathname,
      method: "POST",
      headers: { ...headers, "content-type": contentType, "user-agent": "bench" },
      body,
      signal: AbortSignal.timeout(15_000),
    })
    await answer.body.text()
    return answer.statusCode
  }
}

function carillon(): Send {
  const sender = new Sender({ network: networkPolicy({ allow: ["loopback"] }) })
  return async (recipient, seq) => {
    const { body, contentType, headers } = formOf(notification(recipient, seq))
    const all = { ...headers, "content-type": contentType, "user-agent": "bench" }
    const { status } = await sender.send({ recipient, headers: all, body, timeoutMs: 15_000, signal })
    return status
  }
}

function notification(recipient: string, seq: number): Notification {
  const now = Date.now()
  return {
    subscription: { id: "sub_1", no: 1, recipient, form: "standard", secrets, headers: {}, options: {} },
    event: {
      id: `evt_${String(seq).padStart(29, "0")}`,
      name: "order.placed",
      at: new Date(now),
      scope: { account: "default", workspace: "master" },
      key: null,
      sender: null,
      metadata: {},
      causationId: null,
      correlationId: null,
      traceparent: null,
    },
    data: order(seq),
    deliveryId: "dlv_1",
    attempt: 1,
    isTest: false,
    signal,
    timeoutMs: 15_000,
    now,
  }
}
