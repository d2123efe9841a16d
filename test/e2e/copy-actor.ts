// Promise: an app on a file that is killed while each of its handlers runs, in the middle of a replay.

import { createCarillon } from "../../src/carillon.ts"
import { never, subscribeTill } from "./copy-till.ts"

const [database] = process.argv.slice(2) as [string]

const till = await createCarillon({ database, group: "till", logger: false })
const running = new Set<string>()
subscribeTill(till, (subscriber) => {
  running.add(subscriber)
  return never()
})
await till.start()
till.events.subscribe("receipt.printed", () => never())
await till.emit(["r-1", "r-2", "r-3"].map((order) => ({ name: "receipt.printed", data: { order } })))
await till.emit(["d-1", "d-2"].map((order) => ({ name: "drawer.opened", key: "d", data: { order } })))
while (!running.has("printer") || !running.has("drawer"))
  await new Promise((resolve) => setTimeout(resolve, 5))
await till.replay({ subscription: "archive", since: new Date(0) })
await never()
