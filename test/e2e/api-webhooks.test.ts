import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { listAudit } from "../../src/contract/audit.ts"
import { getSubscription, listSubscriptions, removeSubscription } from "../../src/contract/subscriptions.ts"
import {
  createWebhook,
  disableWebhook,
  enableWebhook,
  getWebhook,
  getWebhookHealth,
  listWebhooks,
  pauseWebhook,
  removeWebhook,
  resumeWebhook,
  rotateWebhookSecret,
  testWebhook,
  updateWebhook,
} from "../../src/contract/webhooks.ts"
import type { Permission } from "../../src/identity/permissions.ts"
import { ApiShop } from "../support/api-shop.ts"
import type { ApiCaller } from "../support/ask-api.ts"
import { describeEngines } from "../support/describe.ts"
import { RecordingNotifier } from "../support/recording-notifier.ts"

const RECIPIENT = "https://erp.example/hooks/7fd1?key=key-1001"
const body = { events: ["order.placed"], recipient: RECIPIENT }

await describeEngines((engine) => {
  let shop: ApiShop
  let notifier: RecordingNotifier
  beforeEach(async () => {
    notifier = new RecordingNotifier("http")
    shop = await ApiShop.open(engine, { start: false, webhooks: { notifiers: [notifier] } })
  })
  afterEach(() => shop.close())

  const made = async (more: object = {}, caller: ApiCaller = shop.admin) =>
    (await caller.ask(createWebhook, { body: { ...body, ...more } })).body
  const named = (id: string) => ({ params: { id } })

  it("makes a webhook, whose secret is answered once, and lists it", async () => {
    const { status, body: answer } = await shop.admin.ask(createWebhook, {
      body: {
        ...body,
        form: "legacy",
        secret: "fv38u07Wdh$R@mRd",
        headers: { "x-api-key": "key-of-the-erp" },
        policy: "magento",
        start: "2026-03-01T00:00:00Z",
      },
    })
    const { secret, publicKey, ...webhook } = answer

    expect([status, secret, publicKey]).toEqual([201, "fv38u07Wdh$R@mRd", null])
    expect(webhook).toMatchObject({ recipient: RECIPIENT, headers: ["x-api-key"], state: "active" })
    expect(webhook.policy.delays).toEqual([1_000, 4_000, 9_000, 16_000, 25_000])
    const { items } = (await shop.admin.ask(listWebhooks)).body
    expect(items).toEqual([webhook])
    expect((await shop.admin.ask(getWebhook, named(webhook.id))).body).toEqual(webhook)
    expect(JSON.stringify(items)).not.toContain("key-of-the-erp")
  })

  it("lists page by page, and of one scope where that is asked for", async () => {
    const ids: string[] = []
    for (const scope of ["acme/master", "acme/master", "globex/master"]) ids.push((await made({ scope })).id)

    const first = (await shop.admin.ask(listWebhooks, { query: { limit: 2 } })).body
    const rest = (await shop.admin.ask(listWebhooks, { query: { cursor: first.cursor ?? "" } })).body

    expect([...first.items, ...rest.items].map(({ id }) => id)).toEqual(ids)
    expect(rest.cursor).toBe(null)
    const acmes = await shop.admin.ask(listWebhooks, { query: { scope: "acme/master" } })
    expect(acmes.body.items.map(({ id }) => id)).toEqual(ids.slice(0, 2))
  })

  it("changes a webhook, and what is left out stays", async () => {
    const { id } = await made({ filter: { data: { total: [1] } }, storeId: 2 })

    const changed = await shop.admin.ask(updateWebhook, {
      ...named(id),
      body: { events: "order.*", storeId: 0, policy: { timeout: 5_000 } },
    })

    expect(changed.body).toMatchObject({
      events: ["order.*"],
      storeId: 0,
      filter: { data: { total: [1] } },
      policy: { timeout: 5_000, retries: 9 },
    })
  })

  it("pauses, resumes, disables and enables", async () => {
    const { id } = await made()

    const states = []
    states.push((await shop.admin.ask(pauseWebhook, named(id))).body.state)
    states.push((await shop.admin.ask(resumeWebhook, named(id))).body.state)
    const disabled = await shop.admin.ask(disableWebhook, { ...named(id), body: { detail: "it moves" } })
    states.push(disabled.body.state)
    expect(await shop.admin.refused(resumeWebhook, named(id))).toMatchObject({ status: 400 })
    states.push((await shop.admin.ask(enableWebhook, named(id))).body.state)

    expect(states).toEqual(["paused", "active", "disabled", "active"])
    expect(disabled.body.disabled).toMatchObject({ reason: "by hand", detail: "it moves" })
    expect((await shop.admin.ask(disableWebhook, named(id))).body.disabled?.detail).toBe("")
  })

  it("rotates a secret, with an overlap", async () => {
    const { id, secret } = await made()

    const rotated = (await shop.admin.ask(rotateWebhookSecret, named(id))).body
    const ended = (
      await shop.admin.ask(rotateWebhookSecret, {
        ...named(id),
        body: { overlapMs: 0, secretKind: "ed25519" },
      })
    ).body

    expect(rotated.secret).not.toBe(secret)
    expect(rotated.oldSecretsUntil.length).toBe(1)
    expect(ended).toMatchObject({ oldSecretsUntil: [], publicKey: expect.stringMatching(/^whpk_/) })
  })

  it("sends a test, at most ten in a minute", async () => {
    const { id } = await made()
    const wish = { ...named(id), body: { event: "order.placed", data: { id: "ord_1001" } } }

    const { body: result } = await shop.admin.ask(testWebhook, wish)
    for (let n = 1; n < 10; n++) await shop.admin.ask(testWebhook, named(id))

    expect(result).toMatchObject({ success: true, event: "order.placed", details: { status: 200 } })
    expect(notifier.sent[0]).toMatchObject({ isTest: true, data: { id: "ord_1001" } })
    expect(await shop.admin.refused(testWebhook, named(id))).toMatchObject({ status: 429 })
  })

  it("tells how an endpoint does", async () => {
    const { id } = await made()

    expect((await shop.admin.ask(getWebhookHealth, named(id))).body).toEqual({
      attempts: 0,
      deliveries: 0,
      successRate: null,
      p50Ms: null,
      p99Ms: null,
      waiting: 0,
      running: 0,
      dead: 0,
      oldestWaitingAt: null,
      lastSuccessAt: null,
      lastFailure: null,
      stalled: null,
      since: null,
      searchedAll: true,
    })
  })

  it("ends a webhook, also as a subscription", async () => {
    const [first, second] = [await made(), await made()]

    const removed = await shop.admin.ask(removeWebhook, named(first.id))
    await shop.admin.ask(removeSubscription, named(second.id))

    expect(removed.body).toEqual({ id: first.id, group: "shop", cancelled: 0 })
    expect((await shop.admin.ask(listWebhooks)).body.items).toEqual([])
    expect(await shop.admin.refused(getWebhook, named(first.id))).toMatchObject({ status: 404 })
  })

  it("is a subscription among the others, without saying where it goes", async () => {
    const { id } = await made({ events: ["order.placed", "customer.*"] })

    const { items } = (await shop.admin.ask(listSubscriptions)).body

    expect(items).toMatchObject([
      { id, subscriberId: id, target: "webhook", events: ["order.placed", "customer.*"] },
    ])
    expect((await shop.admin.ask(getSubscription, named(id))).body).toEqual(items[0])
    expect(JSON.stringify(items)).not.toContain("erp.example")
  })

  it("refuses what cannot be, and says what was expected", async () => {
    const wishes = [
      { ...body, recipient: "ftp://erp.example" },
      { ...body, notifier: "pigeon" },
      { ...body, secret: "short" },
      { ...body, filter: { data: { total: 1 } } },
      { ...body, scope: "a/b/c" },
      { ...body, policy: { retries: 1, delays: [1, 2] } },
    ]

    for (const each of wishes)
      expect(await shop.admin.refused(createWebhook, { body: each })).toMatchObject({
        status: 400,
        detail: expect.stringMatching(/^Expected /),
      })
    expect((await shop.admin.ask(listWebhooks)).body.items).toEqual([])
  })

  it("writes down who did what, without secrets and without where exactly it goes", async () => {
    const { id, secret } = await made({ headers: { "x-api-key": "key-of-the-erp" } })
    await shop.admin.ask(updateWebhook, { ...named(id), body: { headers: { "x-api-key": "other-key" } } })
    const rotated = (await shop.admin.ask(rotateWebhookSecret, named(id))).body
    await shop.admin.ask(testWebhook, { ...named(id), body: { data: { card: "4111" } } })
    await shop.admin.ask(removeWebhook, named(id))

    const { items } = (await shop.admin.ask(listAudit, { query: { action: "webhook.*" } })).body

    expect(items.map(({ action }) => action).reverse()).toEqual([
      "webhook.create",
      "webhook.update",
      "webhook.rotate",
      "webhook.test",
      "webhook.remove",
    ])
    const said = JSON.stringify(items)
    expect(said).toContain("erp.example")
    for (const hidden of [secret, rotated.secret, "7fd1", "key-1001", "key-of-the-erp", "other-key", "4111"])
      expect(said).not.toContain(hidden)
  })

  describe("a permission", () => {
    const routes = [
      ["VIEW_SUBSCRIPTIONS", [listWebhooks, getWebhook, getWebhookHealth]],
      ["CREATE_SUBSCRIPTIONS", [createWebhook, updateWebhook, rotateWebhookSecret, testWebhook]],
      ["UPDATE_SUBSCRIPTIONS", [pauseWebhook, resumeWebhook, enableWebhook, disableWebhook]],
      ["DELETE_SUBSCRIPTIONS", [removeWebhook]],
    ] as const

    it("is needed for each: who may pause one cannot have it sent elsewhere", () => {
      for (const [permission, contracts] of routes)
        for (const contract of contracts)
          expect([contract.id, contract.permission]).toEqual([contract.id, permission])
    })

    it("to make webhooks is the operator's, and not the developer's", async () => {
      const developer = await shop.bound(["acme/master"], "developer")
      const operator = await shop.bound(["acme/master"], "operator")

      expect(await developer.refused(createWebhook, { body })).toMatchObject({ status: 403 })
      expect((await made({}, operator)).scope).toBe("acme/master")
    })

    it("of another kind is not enough", async () => {
      const { id } = await made()
      const permissions: Permission[] = ["UPDATE_SUBSCRIPTIONS", "VIEW_SUBSCRIPTIONS"]
      const { token } = await shop.carillon.identity.tokens.create({ name: "clerk", permissions })
      const clerk = shop.with(token)

      await clerk.ask(pauseWebhook, named(id))
      for (const contract of [updateWebhook, rotateWebhookSecret, testWebhook])
        expect(await clerk.refused(contract, { ...named(id), body: {} })).toMatchObject({ status: 403 })
    })
  })

  describe("somebody of another scope", () => {
    it("finds none of it", async () => {
      const globex = await made({ scope: "globex/master" })
      const everybodys = await made({ scope: null })
      const acme = await shop.bound(["acme/master"])

      expect((await acme.ask(listWebhooks)).body.items).toEqual([])
      for (const { id } of [globex, everybodys])
        for (const contract of [
          getWebhook,
          updateWebhook,
          removeWebhook,
          pauseWebhook,
          resumeWebhook,
          enableWebhook,
          disableWebhook,
          rotateWebhookSecret,
          testWebhook,
          getWebhookHealth,
        ])
          expect(
            await acme.refused(contract, { ...named(id), ...(contract.body ? { body: {} } : {}) }),
            contract.id,
          ).toMatchObject({ status: 404 })
      expect(notifier.sent).toEqual([])
    })

    it("cannot have its events sent, nor everybody's", async () => {
      const acme = await shop.bound(["acme/master"])

      for (const scope of ["globex/master", null, { account: "globex" }, ""])
        expect(await acme.refused(createWebhook, { body: { ...body, scope } })).toMatchObject({ status: 403 })
      const own = await made({}, acme)
      for (const scope of ["globex/master", null])
        expect(await acme.refused(updateWebhook, { ...named(own.id), body: { scope } })).toMatchObject({
          status: 403,
        })
    })

    it("is told of those that hear every scope only that they hear", async () => {
      await made({ scope: null })
      const acme = await shop.bound(["acme/master"])

      const { items } = (await acme.ask(listSubscriptions)).body

      expect(items).toMatchObject([{ target: "webhook", waiting: null }])
      const [{ id = "" } = {}] = items
      expect(await acme.refused(removeSubscription, named(id))).toMatchObject({ status: 403 })
    })
  })
})
