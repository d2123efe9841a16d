// A process that listens at a shop's broker, and dies at a certain message: before its event is written, or after that
// and before the broker hears of it.

import { type ListeningCarillon, MagentoListener } from "../../src/compat/magento/listener/listener.ts"
import { resolveListener } from "../../src/compat/magento/listener/settings.ts"
import { createCarillon, defineEvent } from "../../src/index.ts"

const { database, amqp, diesAt, when } = JSON.parse(process.argv[2] ?? "{}") as {
  database: string
  amqp: object
  diesAt: number
  when: "before" | "after"
}

const carillon = await createCarillon({
  database,
  logger: false,
  definitions: [defineEvent("sales.order.created", {})],
})
let messages = 0

function dieIf(now: "before" | "after", message: number): void {
  if (when === now && message === diesAt) process.kill(process.pid, "SIGKILL")
}

const publish: ListeningCarillon["publish"] = async (...words: unknown[]) => {
  const message = ++messages
  dieIf("before", message)
  const receipts = await (carillon.publish as (...words: unknown[]) => ReturnType<typeof publish>)(...words)
  dieIf("after", message)
  return receipts
}

const listener = new MagentoListener({
  carillon: {
    publish,
    logger: carillon.logger,
    definitions: () => carillon.definitions(),
    refusedMessage: () => {},
  },
  settings: resolveListener(amqp, {}),
})
await listener.start()
