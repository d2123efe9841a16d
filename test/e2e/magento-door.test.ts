import { defineEvent } from "carillon"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { RecordingNotifier } from "../support/recording-notifier.ts"
import { DoorShop } from "../support/shop-door.ts"

/** As it stands in the module's documentation, to the letter. */
const SEED_BODY = `{
    "asyncEvent": {
        "event_name": "sales.order.created",
        "recipient_url": "https://example.com/order_created",
        "verification_token": "fv38u07Wdh$R@mRd",
        "metadata": "http"
    }
}`
const seed = JSON.parse(SEED_BODY).asyncEvent
const PATH = "/rest/V1/async_event"
const SIX_KEYS = ["subscription_id", "event_name", "recipient_url", "status", "subscribed_at", "store_id"]
const UNAUTHORIZED = {
  message: "The consumer isn't authorized to access %resources.",
  parameters: { resources: "Aligent_AsyncEvents::manage" },
}
const orderCreated = defineEvent("sales.order.created", {
  resolve: { service: "orders", method: "get" },
  resources: ["Magento_Sales::actions_view"],
})
const customerSaved = defineEvent("customer.saved", {})

await describeEngines((engine) => {
  let door: DoorShop
  const notifier = new RecordingNotifier("event_grid")
  beforeEach(async () => {
    door = await DoorShop.open(engine, {
      definitions: [orderCreated, customerSaved],
      webhooks: { notifiers: [notifier] },
      start: false,
    })
  })
  afterEach(() => door.close())

  const made = async (over: object = {}): Promise<number> =>
    (await door.post(PATH, { asyncEvent: { ...seed, ...over } })).body.subscription_id
  const webhook = async (no: number) => (await door.carillon.webhooks.list()).find((each) => each.no === no)

  describe("a subscription", () => {
    it("is made by the body of the module's documentation, and answered with six keys", async () => {
      const answer = await door.post(PATH, SEED_BODY)

      expect(answer.status).toBe(200)
      expect(Object.keys(answer.body)).toEqual(SIX_KEYS)
      expect(answer.body).toMatchObject({
        event_name: "sales.order.created",
        recipient_url: "https://example.com/order_created",
        status: true,
        subscribed_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/),
        store_id: 0,
      })
      expect(await webhook(answer.body.subscription_id)).toMatchObject({
        form: "legacy",
        notifier: "http",
        state: "active",
        policy: { delays: [1_000, 4_000, 9_000, 16_000, 25_000], jitter: 0 },
      })
    })

    it("is read again without its token, at every path that a shop has", async () => {
      const no = await made()

      for (const prefix of [
        "/rest/V1",
        "/rest/all/V1",
        "/rest/default/V1",
        "/rest/de_de/V1",
        "/index.php/rest/V1",
      ]) {
        const { status, body } = await door.get(`${prefix}/async_event/${no}`)
        expect([prefix, status, Object.keys(body)]).toEqual([prefix, 200, SIX_KEYS])
        expect(body.subscribed_at).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/)
      }
    })

    it("may be written in either spelling, with numbers and truth as text", async () => {
      const { body } = await door.post(PATH, {
        async_event: {
          eventName: "customer.saved",
          recipientUrl: "https://example.com/saved",
          verificationToken: 2038,
          storeId: "3",
          status: "0",
        },
      })

      expect(body).toMatchObject({ event_name: "customer.saved", store_id: 3, status: true })
      expect(await webhook(body.subscription_id)).toMatchObject({ notifier: "http", storeId: 3 })
    })

    it("is switched off and on, and its notifier exchanged, by PUT", async () => {
      const no = await made()
      const put = (asyncEvent: object) => door.put(`${PATH}/${no}`, { asyncEvent })

      expect((await put({ status: false })).body).toMatchObject({ status: false, subscription_id: no })
      expect((await put({ status: "1" })).body.status).toBe(true)
      expect((await put({ metadata: "event_grid" })).body.status).toBe(true)

      expect(await webhook(no)).toMatchObject({ notifier: "event_grid", state: "active" })
    })

    it("that an operator paused is on again when a shop says so", async () => {
      const no = await made()
      await door.carillon.webhooks.pause((await webhook(no))?.id ?? "")
      expect((await door.get(`${PATH}/${no}`)).body.status).toBe(false)

      const { body } = await door.put(`${PATH}/${no}`, { asyncEvent: { status: true } })

      expect(body.status).toBe(true)
    })

    it("can be removed, which a shop cannot", async () => {
      const no = await made()

      expect(await door.delete(`${PATH}/${no}`)).toMatchObject({ status: 200, body: true })

      expect(await door.get(`${PATH}/${no}`)).toMatchObject({
        status: 404,
        body: { message: "Async event with subscription ID %1 does not exist", parameters: [no] },
      })
      expect((await door.delete(`${PATH}/${no}`)).status).toBe(404)
    })

    it("leaves a trace in the audit log, without its token", async () => {
      const no = await made()
      await door.put(`${PATH}/${no}`, { asyncEvent: { status: false } })
      await door.delete(`${PATH}/${no}`)

      const { items } = await door.carillon.identity.audit.list({ action: "webhook.*" })

      expect(items.map((each) => each.action)).toEqual(["webhook.remove", "webhook.update", "webhook.create"])
      expect(items.every((each) => each.outcome === "done")).toBe(true)
      expect(JSON.stringify(items)).not.toContain("fv38u07Wdh")
    })
  })

  describe("stricter than a shop", () => {
    it.each([
      [
        "an event that is not defined",
        { event_name: "sales.order.craeted" },
        "Async event %1 is not defined. Did you mean %2?",
      ],
      ["wildcards that no event fits", { event_name: "catalog.*" }, "Async event %1 is not defined."],
      ["a notifier that there is not", { metadata: "carrier-pigeon" }, /key of a notifier/],
      ["no URL", { recipient_url: "" }, '"%fieldName" is required. Enter and try again.'],
      ["what is no URL", { recipient_url: "order_created" }, /URL/],
      [
        "an address of this machine",
        { recipient_url: "https://127.0.0.1/admin" },
        /127\.0\.0\.1|public|allow/,
      ],
      ["no token", { verification_token: "" }, '"%fieldName" is required. Enter and try again.'],
      ["an id of its own", { subscription_id: 7 }, /has no subscription ID/],
      ["a store that is none", { store_id: "main" }, /type is invalid/],
      ["a status that is none", { status: "off" }, /type is invalid/],
      ["a field that there is not", { store: 2 }, "There is no field %1. There are: %2."],
    ])("it refuses %s", async (_, over, message) => {
      const { status, body } = await door.post(PATH, { asyncEvent: { ...seed, ...over } })

      expect(status).toBe(400)
      expect(body.message).toMatch(message)
      expect(await door.carillon.webhooks.list()).toEqual([])
    })

    it("asks for an event's resources whatever the body says of them", async () => {
      const token = await door.token({ resources: ["Aligent_AsyncEvents::manage"] })
      const missing = { status: 401, body: { parameters: { resources: "Magento_Sales::actions_view" } } }

      expect(await door.post(PATH, SEED_BODY, token)).toMatchObject(missing)
      expect(await door.post(PATH, { asyncEvent: seed, checkResources: false }, token)).toMatchObject(missing)
      expect(await door.post(PATH, { asyncEvent: { ...seed, event_name: "*" } }, token)).toMatchObject(
        missing,
      )
      const other = { asyncEvent: { ...seed, event_name: "customer.saved" } }
      expect((await door.post(PATH, other, token)).status).toBe(200)
    })

    it("asks for them at Carillon's own door as well", async () => {
      const by = {
        actor: { kind: "token", id: "tok_1", name: "crm" } as const,
        permissions: new Set(["CREATE_SUBSCRIPTIONS"] as const),
        scopes: "all" as const,
      }
      const wish = { events: ["customer.saved", "sales.*"], recipient: seed.recipient_url }
      const refusal = {
        code: "CARILLON_FORBIDDEN",
        message: expect.stringMatching(/Magento_Sales::actions_view/),
      }

      await expect(door.carillon.webhooks.create(wish, by)).rejects.toMatchObject(refusal)
      const { id } = await door.carillon.webhooks.create({ ...wish, events: "customer.saved" }, by)
      await expect(door.carillon.webhooks.update(id, { events: "*" }, by)).rejects.toMatchObject(refusal)
      const resources = new Set(["Magento_Sales::actions_view"])
      await door.carillon.webhooks.update(id, { events: "*" }, { ...by, resources })
    })

    it("goes by the event that is stored where one is changed, not by what the body says", async () => {
      const no = await made()
      const token = await door.token({ resources: ["MageOS_AsyncEvents::manage"] })

      for (const asyncEvent of [{ status: false }, { status: false, event_name: "customer.saved" }])
        expect(await door.put(`${PATH}/${no}`, { asyncEvent }, token)).toMatchObject({ status: 401 })

      expect((await webhook(no))?.state).toBe("active")
    })

    it("takes back by PUT all that it tells, and whatever a shop has beside", async () => {
      const no = await made()
      const { body } = await door.get(`${PATH}/${no}`)
      const whole = { ...body, status: false, modified: body.subscribed_at, verificationToken: "another" }

      expect(await door.put(`${PATH}/${no}`, { asyncEvent: whole })).toMatchObject({
        status: 200,
        body: { status: false },
      })
      expect(await door.put(`${PATH}/${no}`, { asyncEvent: { state: true } })).toMatchObject({ status: 400 })
    })

    it("changes nothing by a PUT that says nothing", async () => {
      const no = await made()

      const { status, body } = await door.put(`${PATH}/${no}`, {
        asyncEvent: { recipient_url: "https://evil.example" },
      })

      expect([status, body.status, body.recipient_url]).toEqual([200, true, seed.recipient_url])
    })

    it("never makes one by PUT, whatever else the body has", async () => {
      const body = { asyncEvent: { ...seed, status: true }, extra: {} }

      expect((await door.put(`${PATH}/99`, body)).status).toBe(404)

      const no = await made()
      await door.put(`${PATH}/${no}`, { ...body, asyncEvent: { ...body.asyncEvent, subscription_id: 99 } })
      expect((await door.carillon.webhooks.list()).map((each) => each.no)).toEqual([no])
    })
  })

  describe("whoever asks", () => {
    it("is turned away in a shop's words, known or not", async () => {
      const emitter = await door.token({ permissions: ["CREATE_EVENTS"] })

      for (const token of ["", "crl_none", emitter])
        for (const answer of [
          await door.get("/rest/V1/async_events?searchCriteria=", token),
          await door.post(PATH, SEED_BODY, token),
        ])
          expect(answer).toMatchObject({ status: 401, body: UNAUTHORIZED })
    })

    it("may do what their permissions say, or a resource of the module", async () => {
      const no = await made()
      const viewer = await door.token({ permissions: ["VIEW_SUBSCRIPTIONS"] })
      const reader = await door.token({ resources: ["MageOS_AsyncEvents::async_events_get"] })

      for (const token of [viewer, reader]) {
        expect((await door.get(`${PATH}/${no}`, token)).status).toBe(200)
        expect((await door.put(`${PATH}/${no}`, { asyncEvent: { status: false } }, token)).status).toBe(401)
        expect((await door.delete(`${PATH}/${no}`, token)).status).toBe(401)
      }
    })

    it("sees and changes only what lies in their scopes", async () => {
      const no = await made()
      const acme = await door.token({ resources: ["Aligent_AsyncEvents::manage"] }, ["acme/master"])
      const own = await door.post(PATH, { asyncEvent: { ...seed, event_name: "customer.saved" } }, acme)

      const { body } = await door.get("/rest/V1/async_events?searchCriteria", acme)

      expect(body.items).toMatchObject([{ subscription_id: own.body.subscription_id }])
      expect((await door.get(`${PATH}/${no}`, acme)).status).toBe(404)
      expect((await door.put(`${PATH}/${no}`, { asyncEvent: { status: false } }, acme)).status).toBe(404)
      expect((await door.delete(`${PATH}/${no}`, acme)).status).toBe(404)
      expect((await webhook(own.body.subscription_id))?.scope).toBe("acme/master")
    })

    it("gets a token for a name and a password", async () => {
      const [username, password] = ["ada@shop.example", "correct horse battery"]
      await door.carillon.users.create({ email: username, password, roles: ["admin"] })
      const ask = (body: unknown) => door.post("/rest/V1/integration/admin/token", body, "")

      const { status, body: token } = await ask({ username, password })

      expect([status, typeof token]).toEqual([200, "string"])
      expect((await door.post(PATH, SEED_BODY, token)).status).toBe(200)
      expect(await ask({ username, password: "wrong" })).toMatchObject({
        status: 401,
        body: { message: expect.stringMatching(/^The account sign-in was incorrect/) },
      })
      expect(await ask({ username })).toMatchObject({
        status: 400,
        body: { parameters: { fieldName: "password" } },
      })
    })
  })

  describe("a list", () => {
    const list = async (query: string) => door.get(`/rest/V1/async_events?${query}`)
    const found = async (query: string): Promise<string[]> =>
      (await list(query)).body.items.map((each: { recipient_url: string }) => each.recipient_url.slice(-1))

    beforeEach(async () => {
      await made({ recipient_url: "https://example.com/a" })
      await made({ recipient_url: "https://example.com/b", event_name: "customer.saved", store_id: 2 })
      const no = await made({ recipient_url: "https://example.com/c", metadata: "event_grid" })
      await door.put(`${PATH}/${no}`, { asyncEvent: { status: 0 } })
    })

    it("has all that there are, and says what was searched for", async () => {
      const { body } = await list("searchCriteria=")

      expect(body).toMatchObject({ search_criteria: { filter_groups: [] }, total_count: 3 })
      expect(body.items.map((each: object) => Object.keys(each))).toEqual([SIX_KEYS, SIX_KEYS, SIX_KEYS])
      expect(await list("")).toMatchObject({
        status: 400,
        body: {
          message: '"%fieldName" is required. Enter and try again.',
          parameters: { fieldName: "searchCriteria" },
        },
      })
    })

    it("is searched in groups that all hold, of filters of which one does", async () => {
      const filter = (group: number, index: number, parts: object): string =>
        Object.entries(parts)
          .map(
            ([name, value]) => `searchCriteria[filter_groups][${group}][filters][${index}][${name}]=${value}`,
          )
          .join("&")
      const isB = filter(0, 0, { field: "event_name", value: "customer.saved" })
      const isOff = filter(0, 1, { field: "status", value: 0, condition_type: "eq" })

      expect(await found(isB)).toEqual(["b"])
      expect(await found(`${isB}&${isOff}`)).toEqual(["b", "c"])
      expect(await found(`${isB}&${filter(1, 0, { field: "status", value: "0" })}`)).toEqual([])
      expect((await list(isB)).body.search_criteria).toEqual({
        filter_groups: [
          { filters: [{ field: "event_name", value: "customer.saved", condition_type: "eq" }] },
        ],
      })
    })

    it("is sorted and has pages, in either spelling", async () => {
      const sorted = "search_criteria[sortOrders][0][field]=recipient_url"
      const { body } = await list(`${sorted}&search_criteria[pageSize]=2&search_criteria[currentPage]=2`)

      expect(body.items.map((each: { recipient_url: string }) => each.recipient_url)).toEqual([
        "https://example.com/a",
      ])
      expect(body.total_count).toBe(3)
      expect(body.search_criteria).toMatchObject({
        page_size: 2,
        current_page: 2,
        sort_orders: [{ field: "recipient_url", direction: "DESC" }],
      })
    })

    it("has an empty page after its last, so that whoever asks for one after another comes to an end", async () => {
      const { body } = await list("searchCriteria[pageSize]=2&searchCriteria[currentPage]=3")

      expect(body).toMatchObject({ items: [], total_count: 3, search_criteria: { current_page: 3 } })
    })

    it("is no oracle of tokens, and says which fields can be searched", async () => {
      const token = "searchCriteria[filter_groups][0][filters][0][field]=verification_token"

      expect(await list(token)).toMatchObject({
        status: 400,
        body: {
          message: "The field %1 cannot be searched by. There are: %2.",
          parameters: ["verification_token", expect.any(String)],
        },
      })
    })

    it("leaves out what is not asked for", async () => {
      const { body } = await list("searchCriteria=&fields=items[subscription_id,event_name],total_count")

      expect(Object.keys(body)).toEqual(["items", "total_count"])
      expect(Object.keys(body.items[0])).toEqual(["subscription_id", "event_name"])
    })
  })
})
