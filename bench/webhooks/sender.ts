import { Agent } from "undici"
import { formOf } from "../../src/webhooks/forms.ts"
import { networkPolicy } from "../../src/webhooks/http/network.ts"
import { Sender } from "../../src/webhooks/http/sender.ts"
import type { Notification } from "../../src/webhooks/notifier.ts"
import { newSecret } from "../../src/webhooks/secrets.ts"
import { type Sent, startMeter } from "./meter.ts"
import { order } from "./order.ts"

// Promise: sends signed webhooks in loops, without a store: by `plain` undici, or by the `guarded` sender of Carillon.

/** So much is sent before the clock starts as well. */
const WARM_UP = 0.1

export interface SendOrder {
  readonly recipients: readonly string[]
  readonly requests: number
  readonly concurrency: number
}

type Send = (recipient: string, seq: number) => Promise<number>

const secrets = [{ secret: newSecret(), createdAt: 0, expiresAt: null }]
const signal = new AbortController().signal
const send = process.argv[2] === "plain" ? plain() : guarded()

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

function guarded(): Send {
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
