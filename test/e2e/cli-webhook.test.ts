import { once } from "node:events"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer as createHttpServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createCarillon } from "carillon"
import { createServer } from "carillon/server"
import { describe, expect, it } from "vitest"
import { Listener } from "../../src/http/listener.ts"
import { cleanUp } from "../support/app-process.ts"
import { runHere } from "../support/command-line.ts"
import { describeEngines } from "../support/describe.ts"
import { placeOn } from "../support/place.ts"
import type { EngineName } from "../support/workflow-shop.ts"

const SECRET = "the-secret-of-a-test-with-32-characters-and-more"
const RECIPIENT = "https://erp.shop.example/orders"

/** A store, and a server that speaks for it. */
async function setup(engine: EngineName) {
  const place = await placeOn(engine, "cli_webhook")
  cleanUp(() => place.remove())
  const env = { CARILLON_SECRET: SECRET, CARILLON_WEBHOOKS_ALLOW: "loopback" }
  const app = await createCarillon({
    database: place.database,
    logger: false,
    group: "shop",
    secret: SECRET,
    webhooks: { network: { allow: ["loopback"] } },
  })
  cleanUp(() => app.stop())
  const server = createServer(app, { logRequests: false })
  const listener = await Listener.open({ host: "127.0.0.1", port: 0, requestTimeoutMs: 5_000 }, server.fetch)
  cleanUp(() => Promise.all([server.close(0), listener.close(0)]))
  const { token } = await app.identity.tokens.create({ name: "operator", roles: ["admin"], scopes: "all" })
  const group = ["--group", "shop"]
  const direct = (...args: string[]) =>
    runHere(["webhook", ...args, "--database", place.database, ...group], env)
  const remote = (...args: string[]) =>
    runHere(["webhook", ...args, ...group], { CARILLON_URL: listener.url, CARILLON_TOKEN: token })
  return { app, direct, remote }
}

/** Where tests arrive. */
async function receiver() {
  const requests: IncomingMessage[] = []
  const server = createHttpServer((request, response) => {
    requests.push(request)
    request.resume().on("end", () => {
      response.statusCode = request.url === "/gone" ? 410 : 200
      response.end("thank you")
    })
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  cleanUp(async () => {
    server.closeAllConnections()
    server.close()
  })
  return { requests, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

await describeEngines((engine) => {
  it("makes a webhook by flags, and prints its id and its secret", async () => {
    const { app, direct } = await setup(engine)

    const { code, out, err } = await direct(
      ...["create", RECIPIENT, "--event", "order.*,customer.created", "--scope", "acme/master"],
      ...["--store", "3", "--filter", '{"data":{"total":[{"numeric":[">",100]}]}}', "--field", "id"],
      ...["--header", "x-api-key: key-1001", "--policy", "magento", "--description", "for the ERP"],
    )

    expect(code, err).toBe(0)
    expect(out).toMatch(/^webhook {5}sub_[0-9A-Z]{26}\nsecret {6}whsec_\S+\n$/)
    expect(err).toContain("not shown again")
    expect(await app.webhooks.list()).toMatchObject([
      {
        events: ["order.*", "customer.created"],
        recipient: RECIPIENT,
        scope: "acme/master",
        storeId: 3,
        filter: { data: { total: [{ numeric: [">", 100] }] } },
        fields: ["id"],
        headers: ["x-api-key"],
        policy: { jitter: 0, retries: 5 },
        description: "for the ERP",
      },
    ])
  })

  it("takes what is secret from a file, and flags over it", async () => {
    const { app, remote } = await setup(engine)
    const folder = mkdtempSync(join(tmpdir(), "carillon-"))
    cleanUp(async () => rmSync(folder, { recursive: true }))
    const file = join(folder, "webhook.json")
    const wish = { recipient: RECIPIENT, events: "order.placed", headers: { "x-api-key": "key-1001" } }
    writeFileSync(file, JSON.stringify({ ...wish, secret: "token-1001", form: "legacy" }))

    const { code, out, err } = await remote("create", "--file", file, "--event", "order.paid", "--json")

    expect(code, err).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ secret: "token-1001", events: ["order.paid"], form: "legacy" })
    expect(await app.webhooks.list()).toMatchObject([{ headers: ["x-api-key"] }])
  })

  it("shows the same of a database as of a server", async () => {
    const { app, direct, remote } = await setup(engine)
    const { id } = await app.webhooks.create({ events: "order.*", recipient: RECIPIENT, scope: null })
    await app.webhooks.create({ events: "order.placed", recipient: RECIPIENT, storeId: 2, fields: ["id"] })
    await app.webhooks.disable(id, { reason: "gone", detail: "answered 410" })

    for (const args of [["list"], ["get", id], ["health", id]])
      for (const json of [[], ["--json"]]) {
        const [ours, theirs] = [await direct(...args, ...json), await remote(...args, ...json)]
        expect(ours.code, ours.err).toBe(0)
        expect(theirs).toEqual(ours)
      }
    expect((await direct("get", id)).out).toContain("state      disabled, gone: answered 410")
  })

  it("shows on which terms a webhook is sent", async () => {
    const { app, direct, remote } = await setup(engine)
    const orders = { events: "order.*", recipient: RECIPIENT }
    const usual = await app.webhooks.create(orders)
    const policy = {
      ...{ retries: 3, initialBackoffDelay: 2_000, exponentialBackoffCoefficient: 3, timeout: 5_000 },
      ...{
        concurrency: 2,
        globalConcurrency: 4,
        rateLimit: { limit: 100, per: 60_000 },
        order: "hold" as const,
      },
    }
    const own = await app.webhooks.create({ ...orders, policy, headers: { "x-api-key": "key-1001" } })
    await app.webhooks.rotateSecret(own.id)

    for (const way of [direct, remote]) {
      expect((await way("get", usual.id)).out).toContain(
        "tried      10 times: again after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h; 15 s for each\nat most    10 at a time in a process\n",
      )
      const { out } = await way("get", own.id)
      expect(out).toContain(
        "tried      4 times: again after 2 s, then 3 times as long, 60 min at most; 5 s for each\n",
      )
      expect(out).toContain(
        "at most    2 at a time in a process, 4 at a time in all, 100 in 60 s, one of a key after another (hold)\n",
      )
      expect(out).toMatch(/^secrets {4}an old one is good until 20\S+$/m)
      expect(out).not.toContain("key-1001")
    }
  })

  it("changes, pauses, disables and ends a webhook by either way, and says who did", async () => {
    const { app, direct, remote } = await setup(engine)
    const stateOf = async () => (await app.webhooks.list())[0]?.state
    for (const way of [direct, remote]) {
      const { id } = await app.webhooks.create({ events: "order.*", recipient: RECIPIENT })
      const done = async (...args: string[]) => {
        const { code, err } = await way(...args)
        expect(code, err).toBe(0)
      }

      await done("update", id, "--recipient", `${RECIPIENT}/v2`, "--policy", '{"timeout":5000}')
      expect(await app.webhooks.get(id)).toMatchObject({
        recipient: `${RECIPIENT}/v2`,
        policy: { timeout: 5_000, retries: 9 },
      })
      const states = []
      for (const verb of ["pause", "resume", "disable", "enable"]) {
        await done(verb, id)
        states.push(await stateOf())
      }
      expect(states).toEqual(["paused", "active", "disabled", "active"])
      await done("rotate-secret", id, "--overlap", "1h")
      expect((await app.webhooks.get(id)).oldSecretsUntil.length).toBe(1)
      await done("remove", id)
      expect(await app.webhooks.list()).toEqual([])
    }
    const { items } = await app.identity.audit.list({ action: "webhook.*" })
    const actions = ["update", "pause", "resume", "disable", "enable", "rotate", "remove"]
    expect(items.map(({ action, actor }) => `${action} ${actor.kind}`).reverse()).toEqual([
      ...actions.map((each) => `webhook.${each} command line`),
      ...actions.map((each) => `webhook.${each} token`),
    ])
  })

  it("sends a test, and ends with 1 where it does not arrive", async () => {
    const { app, direct, remote } = await setup(engine)
    const { requests, url } = await receiver()
    const [good, gone] = [
      await app.webhooks.create({ events: "order.*", recipient: `${url}/orders` }),
      await app.webhooks.create({ events: "order.*", recipient: `${url}/gone` }),
    ]

    for (const way of [direct, remote]) {
      const arrived = await way("test", good.id, "--event", "order.paid", "--data", '{"id":"ord_1001"}')
      const lost = await way("test", gone.id, "--json")

      expect([arrived.code, lost.code]).toEqual([0, 1])
      expect(arrived.out).toMatch(/^order.paid arrived.*\nstatus {3}200\nanswer {3}thank you\n$/s)
      expect(JSON.parse(lost.out)).toMatchObject({ success: false, details: { status: 410 } })
    }
    expect(requests.map(({ headers }) => headers["webhook-test"])).toEqual(Array(4).fill("true"))
    expect(await app.webhooks.get(gone.id)).toMatchObject({ state: "active" })
  })

  describe("a wish that cannot be", () => {
    it("is refused as usage where it is none, and nothing of it is repeated", async () => {
      const { direct } = await setup(engine)

      for (const args of [
        ["create"],
        ["create", RECIPIENT],
        ["create", RECIPIENT, "--event", "order.*", "--header", "key-1001"],
        ["create", RECIPIENT, "--event", "order.*", "--filter", "key-1001"],
        ["create", RECIPIENT, "--event", "order.*", "--policy", "{key-1001"],
        ["create", "--file", "/nowhere/webhook.json"],
      ]) {
        const { code, err } = await direct(...args)
        expect([code, args.length], err).toEqual([2, args.length])
        expect(err).not.toContain("key-1001")
      }
    })

    it("is refused by the server as by the library", async () => {
      const { direct, remote } = await setup(engine)
      const wrong = ["create", "ftp://erp.shop.example", "--event", "order.*"]

      const [ours, theirs] = [await direct(...wrong), await remote(...wrong)]

      expect([ours.code, theirs.code]).toEqual([1, 1])
      expect(theirs.err).toBe(ours.err)
      expect((await direct("get", "sub_1")).code).toBe(1)
    })
  })
})
