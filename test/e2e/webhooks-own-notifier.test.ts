import { readFileSync } from "node:fs"
import { join } from "node:path"
import { createServer } from "carillon/server"
import { pino } from "pino"
import { expect, it } from "vitest"
import { App } from "../../src/app/app.ts"
import { loadApp } from "../../src/app/load.ts"
import { Listener } from "../../src/http/listener.ts"
import { appOf, cleanUp } from "../support/app-process.ts"
import { runHere } from "../support/command-line.ts"

const SECRET = "a-secret-of-at-least-thirty-two-characters"

const NOTIFIER = `
import { appendFileSync } from "node:fs"
import { join } from "node:path"
import { InvalidInputError } from "carillon"
import type { Notifier } from "carillon/webhooks"

const sms: Notifier = {
  key: "sms",
  check({ recipient }) {
    if (!/^\\+\\d+$/.test(recipient)) throw new InvalidInputError("Expected a number like +49301234567.")
  },
  async notify({ subscription, event, data, attempt }) {
    const line = { to: subscription.recipient, event: event.name, data, attempt }
    appendFileSync(join(import.meta.dirname, "../../sent.jsonl"), JSON.stringify(line) + "\\n")
    const subscriptionId = subscription.id
    return attempt === 1
      ? { success: false, subscriptionId, responseData: "the line is busy" }
      : { success: true, subscriptionId, responseData: "sent" }
  },
}
export default sms
`

it("a notifier of a file delivers what its app's processes are told of, over HTTP and by the command line", async () => {
  const folder = appOf({
    "carillon.config.ts": `export default { database: "file:./shop.db", secret: "${SECRET}" }`,
    "src/notifiers/sms.ts": NOTIFIER,
  })
  const app = await App.start(await loadApp({ folder, mode: "start" }), {
    logger: pino({ enabled: false }),
    mode: "start",
    answersHttp: false,
  })
  cleanUp(() => app.stop())
  const api = createServer(app.carillon, { logRequests: false })
  const listener = await Listener.open({ host: "127.0.0.1", port: 0, requestTimeoutMs: 5_000 }, api.fetch)
  cleanUp(() => Promise.all([api.close(0), listener.close(0)]))
  const { token } = await app.carillon.identity.tokens.create({
    name: "erp",
    roles: ["admin"],
    scopes: "all",
  })
  const server = { CARILLON_URL: listener.url, CARILLON_TOKEN: token }
  const remote = (...args: string[]) => runHere(["webhook", ...args, "--json"], server)
  const sms = ["--event", "order.*", "--notifier", "sms", "--field", "id", "--policy", '{"delays":[0]}']

  const refused = await remote("create", "the shop", ...sms)
  const made = await remote("create", "+49301234567", ...sms)
  const { id } = JSON.parse(made.out) as { id: string }
  await app.carillon.emit({ name: "order.placed", data: { id: "ord_1001", total: 40 } })
  await app.carillon.drain()

  expect([refused.code, refused.err]).toEqual([1, expect.stringContaining("a number like +49301234567")])
  const sent = { to: "+49301234567", event: "order.placed", data: { id: "ord_1001" } }
  const lines = readFileSync(join(folder, "sent.jsonl"), "utf8").trim().split("\n")
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { ...sent, attempt: 1 },
    { ...sent, attempt: 2 },
  ])
  const { items } = await app.carillon.listDeliveries({ subscription: id })
  expect(items).toMatchObject([
    { state: "delivered", attempts: [{ error: "the line is busy" }, { outcome: "delivered" }] },
  ])
  // What has the database alone sees it and can pause it, and says where to go for the rest.
  const direct = (...args: string[]) =>
    runHere(["webhook", ...args, "--database", join(folder, "shop.db"), "--group", "shop"], {
      CARILLON_SECRET: SECRET,
    })
  expect((await direct("pause", id)).code).toBe(0)
  expect((await direct("update", id, "--description", "for the boss")).code).toBe(0)
  expect(await direct("test", id)).toMatchObject({ code: 1, err: expect.stringContaining("ask its server") })
})
