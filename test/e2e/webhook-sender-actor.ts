// Promise: sends a webhook, takes all files that the system gives this process, sends another, and prints both results.

import { closeSync, openSync } from "node:fs"
import { httpNotifier } from "../../src/webhooks/http/http-notifier.ts"
import { networkPolicy } from "../../src/webhooks/http/network.ts"
import { notificationOf } from "../support/notification.ts"

const [recipient = "", other = ""] = process.argv.slice(2)
const notifier = httpNotifier({ network: networkPolicy({ allow: ["127.0.0.1"] }) })
const send = (to: string) => notifier.notify(notificationOf({ subscription: { recipient: to } }))

const before = await send(recipient)
const files = takeAllFiles()
const without = await send(other)
for (const file of files) closeSync(file)
const after = await send(other)

console.log(JSON.stringify({ before, without, after }))
await notifier.close?.()

function takeAllFiles(): number[] {
  const taken: number[] = []
  try {
    while (true) taken.push(openSync("/dev/null", "r"))
  } catch {
    return taken // there are no more, which is what was wanted
  }
}
