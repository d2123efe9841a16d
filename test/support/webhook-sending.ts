import { onTestFinished } from "vitest"
import { httpNotifier } from "../../src/webhooks/http/http-notifier.ts"
import { networkPolicy } from "../../src/webhooks/http/network.ts"
import type { SenderOptions } from "../../src/webhooks/http/sender.ts"
import type { NotifierResult } from "../../src/webhooks/notifier.ts"
import { type HostileAnswer, type HostileOptions, hostileReceiver } from "./hostile-receiver.ts"
import { type NotificationParts, notificationOf } from "./notification.ts"

/** Sends notifications by HTTP to this machine, and closes what it opened when the test ends. */
export function webhookSending(options: Partial<SenderOptions> = {}) {
  const notifier = httpNotifier({ network: networkPolicy({ allow: ["127.0.0.1"] }), ...options })
  onTestFinished(async () => notifier.close?.())
  const send = (recipient: string, parts: NotificationParts = {}): Promise<NotifierResult> => {
    const { signal = new AbortController().signal, timeoutMs = 5_000, ...rest } = parts
    const subscription = { recipient, ...parts.subscription }
    return notifier.notify(notificationOf({ ...rest, signal, timeoutMs, subscription }))
  }
  return { notifier, send }
}

/** A receiver that is closed when the test ends. */
export async function receiverFor(answer?: HostileAnswer, options?: HostileOptions) {
  const receiver = await hostileReceiver(answer, options)
  onTestFinished(() => receiver.close())
  return receiver
}

/** An answer as it stands on the wire. */
export function answerOf(status: string, body = "", headers: Readonly<Record<string, string>> = {}): string {
  const lines = Object.entries({ "content-length": String(Buffer.byteLength(body)), ...headers })
  return `HTTP/1.1 ${status}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n${body}`
}

export const OK = answerOf("200 OK", "thanks")

/** For what happens by itself, on a machine that may be busy. */
export const soon = { timeout: 20_000, interval: 10 }
