import type { Carillon } from "carillon"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { openFields } from "../../src/webhooks/sealing.ts"
import type { NewWebhook, Webhook } from "../../src/webhooks/shapes.ts"
import { describeEngines } from "../support/describe.ts"
import { RecordingNotifier } from "../support/recording-notifier.ts"
import { WorkflowShop } from "../support/workflow-shop.ts"

const SECRET = "a-secret-of-a-test-of-more-than-32-letters"
const RECIPIENT = "https://erp.example/orders"
const wish: NewWebhook = { events: "order.placed", recipient: RECIPIENT, notifier: "recorder" }
const bound = (...scopes: string[]) => ({
  actor: { kind: "token", id: "tok_1", name: "till" } as const,
  permissions: "all" as const,
  scopes,
})

const IMPOSSIBLE: readonly (readonly [object, RegExp])[] = [
  [{ events: [] }, /`events`/],
  [{ events: "" }, /event name/],
  [{ events: Array(101).fill("order.placed") }, /1 to 100/],
  [{ recipient: "http://erp.example" }, /https/],
  [{ recipient: "" }, /`recipient`/],
  [{ notifier: "recoder" }, /Did you mean `recorder`/],
  [{ notifier: "pigeon" }, /There are .*recorder/],
  [{ form: "xml" }, /`form`/],
  [{ secret: "short" }, /whsec_/],
  [{ secretKind: "rsa" }, /hmac or ed25519/],
  [{ filter: { data: { total: 100 } } }, /data.total/],
  [{ filter: { metadata: { storeId: [1] } }, storeId: 2 }, /storeId/],
  [{ storeId: -1 }, /`storeId`/],
  [{ fields: [""] }, /fields/],
  [{ fields: [] }, /fields/],
  [{ headers: { "x-key": 1 } }, /`headers`/],
  [{ options: { credentials: {} } }, /credentials/],
  [{ policy: { retries: -1 } }, /retries/],
  [{ policy: { transactional: true } }, /transactional/],
  [{ policy: { timeout: 120_000 } }, /timeout/],
  [{ policy: "multiday" }, /Did you mean `multi-day`/],
  [{ scope: "a/b/c" }, /scope/],
  [{ sender: "" }, /`sender`/],
  [{ enabled: "no" }, /`enabled`/],
  [{ start: new Date(Number.NaN) }, /`start`/],
  [{ description: "x".repeat(501) }, /`description`/],
  [{ urll: RECIPIENT }, /`urll`/],
  [{ polcy: {} }, /Did you mean `policy`/],
]

await describeEngines((engine) => {
  let shop: WorkflowShop
  let carillon: Carillon
  let notifier: RecordingNotifier
  beforeEach(async () => {
    shop = await WorkflowShop.open(engine)
    notifier = new RecordingNotifier()
    carillon = await opened()
  })
  afterEach(() => shop.close())

  const opened = (over: object = {}): Promise<Carillon> =>
    shop.carillon({ secret: SECRET, start: false, webhooks: { notifiers: [notifier] }, ...over })

  describe("a webhook subscription", () => {
    it("is made with a secret that is shown once, and everything that was left out decided", async () => {
      const made = await carillon.webhooks.create(wish)
      const { secret, publicKey, ...rest } = made

      expect(secret).toMatch(/^whsec_/)
      expect(publicKey).toBe(null)
      expect(rest).toMatchObject({
        id: expect.stringMatching(/^sub_[0-9A-Z]{26}$/),
        group: "shop",
        events: ["order.placed"],
        recipient: RECIPIENT,
        notifier: "recorder",
        form: "standard",
        description: "",
        scope: "",
        storeId: 0,
        filter: null,
        sender: null,
        fields: null,
        headers: [],
        credentials: [],
        options: {},
        state: "active",
        disabled: null,
        resting: null,
        oldSecretsUntil: [],
      })
      expect(rest.policy).toMatchObject({ retries: 9, timeout: 15_000, concurrency: 10, jitter: 0.2 })
      expect(await carillon.webhooks.get(made.id)).toEqual(rest)
      expect(await carillon.webhooks.list()).toEqual([rest])
    })

    it("hears several names and wildcards, each once", async () => {
      const { id } = await carillon.webhooks.create({
        ...wish,
        events: ["order.*", "customer.created", "order.*"],
      })

      const found = await carillon.webhooks.get(id)

      expect(found.events).toEqual(["order.*", "customer.created"])
    })

    it("keeps secrets, headers and credentials sealed, and tells of the latter only their names", async () => {
      const made = await carillon.webhooks.create({
        ...wish,
        headers: { "x-api-key": "key-of-the-erp" },
        options: { region: "eu-central-1" },
        credentials: { accessKeyId: "AKIA1001", secretAccessKey: "very-secret" },
      })

      expect(made).toMatchObject({
        headers: ["x-api-key"],
        options: { region: "eu-central-1" },
        credentials: ["accessKeyId", "secretAccessKey"],
      })
      const rows = await shop.place.sql(`SELECT value FROM ${shop.place.table("records")}`)
      const entries = await shop.place.sql(
        `SELECT definition FROM ${shop.place.table("subscription_versions")}`,
      )
      const kept = JSON.stringify([rows, entries])
      for (const secret of ["key-of-the-erp", "AKIA1001", "very-secret", made.secret.slice(6, 20)])
        expect(kept).not.toContain(secret)
      expect(notifier.wishes.at(-1)).toEqual({
        isBound: false,
        recipient: RECIPIENT,
        form: "standard",
        headers: { "x-api-key": "key-of-the-erp" },
        options: {
          region: "eu-central-1",
          credentials: { accessKeyId: "AKIA1001", secretAccessKey: "very-secret" },
        },
      })
    })

    it("is known under other names of its notifier, and is kept under its key", async () => {
      const made = await carillon.webhooks.create({ ...wish, notifier: "memory" })

      expect(made.notifier).toBe("recorder")
    })

    it("takes a token of any kind in the legacy form, and an ed25519 key beside its public one", async () => {
      const legacy = await carillon.webhooks.create({ ...wish, form: "legacy", secret: "fv38u07Wdh$R@mRd" })
      const signed = await carillon.webhooks.create({ ...wish, secretKind: "ed25519" })

      expect(legacy).toMatchObject({ secret: "fv38u07Wdh$R@mRd", publicKey: null })
      expect(signed.secret).toMatch(/^whsk_/)
      expect(signed.publicKey).toMatch(/^whpk_/)
    })

    it("is of one store by a filter, which is not told as one", async () => {
      const filter = { data: { total: [{ numeric: [">", 100] }] }, metadata: { tier: ["gold"] } }
      const { id } = await carillon.webhooks.create({ ...wish, filter, storeId: 3 })

      const [entry] = await carillon.subscriptions()

      expect(await carillon.webhooks.get(id)).toMatchObject({ filter, storeId: 3 })
      expect(entry?.filter).toEqual({
        ...filter,
        metadata: { tier: ["gold"], storeId: [3, 0, { exists: false }] },
      })
    })

    it("is refused for what cannot be, with its name, and nothing is written", async () => {
      for (const [wrong, message] of IMPOSSIBLE)
        await expect(
          carillon.webhooks.create({ ...wish, ...wrong } as NewWebhook),
          Object.keys(wrong).join(" "),
        ).rejects.toThrow(message)
      expect(await carillon.webhooks.list()).toEqual([])
      expect(await carillon.subscriptions()).toEqual([])
    })

    it("is refused for a name that is not defined, where names have to be", async () => {
      const strict = await opened({ onlyDefined: true })
      const trial = strict.webhooks.create(wish)

      await expect(trial).rejects.toMatchObject({ code: "CARILLON_UNKNOWN_EVENT" })
      await strict.webhooks.create({ ...wish, events: "order.*" })
    })
  })

  describe("a change", () => {
    it("leaves what it does not name as it is, also within a policy", async () => {
      const made = await carillon.webhooks.create({
        ...wish,
        headers: { "x-api-key": "key-1001" },
        filter: { data: { total: [1] } },
        policy: { concurrency: 3 },
      })

      const changed = await carillon.webhooks.update(made.id, {
        recipient: "https://erp.example/v2",
        policy: { timeout: 5_000 },
      })

      expect(changed).toMatchObject({
        recipient: "https://erp.example/v2",
        headers: ["x-api-key"],
        filter: { data: { total: [1] } },
        policy: { concurrency: 3, timeout: 5_000, retries: 9 },
      })
      expect(notifier.wishes.at(-1)?.headers).toEqual({ "x-api-key": "key-1001" })
    })

    it("replaces what it names, and takes away what it names as null", async () => {
      const { id } = await carillon.webhooks.create({
        ...wish,
        filter: { data: { total: [1] } },
        fields: ["id"],
        sender: "till",
        headers: { "x-api-key": "key-1001" },
        policy: "magento",
      })

      const changed = await carillon.webhooks.update(id, {
        events: ["order.*"],
        filter: null,
        fields: null,
        sender: null,
        headers: {},
        storeId: 2,
        policy: { retries: 1 },
      })

      expect(changed).toMatchObject({
        events: ["order.*"],
        filter: null,
        fields: null,
        sender: null,
        headers: [],
        storeId: 2,
        policy: { retries: 1, delays: null, jitter: 0 },
      })
    })

    it("that is refused changes nothing", async () => {
      const { id } = await carillon.webhooks.create(wish)
      const before = await carillon.webhooks.get(id)

      for (const change of [{ recipient: "ftp://x" }, { secret: "whsec_" }, { events: [] }, { form: "x" }])
        await expect(carillon.webhooks.update(id, change as never)).rejects.toThrow()

      expect(await carillon.webhooks.get(id)).toEqual(before)
    })

    it("may go where only its app may call, and be changed by others in what is not that", async () => {
      const app = await opened({ webhooks: { network: { allow: ["loopback"] } } })
      const elsewhere = await opened({ webhooks: {} })
      const inside = { events: "order.placed", recipient: "http://127.0.0.1:9009/orders" }
      const { id } = await app.webhooks.create(inside)

      const changed = await elsewhere.webhooks.update(id, { policy: "magento", events: "order.*" })

      expect(changed).toMatchObject({ events: ["order.*"], recipient: inside.recipient })
      const where = { recipient: "http://127.0.0.1:9009/v2" }
      await expect(elsewhere.webhooks.update(id, where)).rejects.toThrow(/`recipient`/)
      const theirs = await app.webhooks.create({ ...inside, scope: "acme/master" })
      const off = await elsewhere.webhooks.update(theirs.id, { enabled: false }, bound("acme/master"))
      expect(off.state).toBe("disabled")
    })

    it("needs its notifier only where that matters", async () => {
      const elsewhere = await opened({ webhooks: { notifiers: [] } })
      const { id } = await carillon.webhooks.create({ ...wish, scope: "acme/master" })

      const changed = await elsewhere.webhooks.update(id, {
        events: ["order.placed", "order.cancelled"],
        description: "orders",
        policy: "magento",
      })

      expect(changed).toMatchObject({ notifier: "recorder", description: "orders" })
      expect(await carillon.webhooks.get(id)).toEqual(changed)
      const refused = /got `recorder`.*known only where that app runs/
      const where = { recipient: "https://erp.example/v2" }
      await expect(elsewhere.webhooks.update(id, where)).rejects.toThrow(refused)
      await expect(elsewhere.webhooks.update(id, { form: "cloudevents" })).rejects.toThrow(refused)
      await expect(elsewhere.webhooks.create(wish)).rejects.toThrow(refused)
      await expect(elsewhere.webhooks.test(id)).rejects.toThrow(refused)
      await expect(elsewhere.webhooks.update(id, { fields: ["id"] }, bound("acme/master"))).rejects.toThrow(
        refused,
      )
    })

    it("to a form that its secret is not good for asks for another secret first", async () => {
      const { id } = await carillon.webhooks.create({ ...wish, form: "legacy", secret: "token-1001" })
      await expect(carillon.webhooks.update(id, { form: "standard" })).rejects.toThrow(/rotate/)

      const { secret } = await carillon.webhooks.rotateSecret(id)
      await carillon.webhooks.update(id, { form: "standard" })

      expect(secret).toMatch(/^whsec_/)
      // The old one cannot sign requests of that form.
      expect(await carillon.webhooks.get(id)).toMatchObject({ form: "standard", oldSecretsUntil: [] })
    })

    it("to another form and back loses no secret whose overlap goes on", async () => {
      const { id, secret } = await carillon.webhooks.create({ ...wish, secretKind: "ed25519" })
      await carillon.webhooks.rotateSecret(id)
      const { oldSecretsUntil } = await carillon.webhooks.get(id)

      // Magento's signature knows no keys of ed25519, so that nothing is signed with it for that time.
      expect(await carillon.webhooks.update(id, { form: "legacy" })).toMatchObject({ oldSecretsUntil: [] })
      await carillon.webhooks.test(id)
      expect(await carillon.webhooks.update(id, { form: "standard" })).toMatchObject({ oldSecretsUntil })
      await carillon.webhooks.test(id)

      const signers = notifier.sent.map(({ subscription }) => subscription.secrets.map((each) => each.secret))
      expect(signers).toEqual([[expect.any(String)], [expect.any(String), secret]])
      const rotation = { overlapMs: 0 }
      expect(await carillon.webhooks.rotateSecret(id, rotation)).toMatchObject({ oldSecretsUntil: [] })
    })

    it("loses nothing of another that is made at the same time, by another process", async () => {
      const other = await opened()
      const { id } = await carillon.webhooks.create(wish)

      await Promise.all([
        ...Array.from({ length: 5 }, (_, i) => carillon.webhooks.update(id, { storeId: i + 1 })),
        other.webhooks.update(id, { recipient: "https://erp.example/v2" }),
        other.webhooks.update(id, { filter: { data: { total: [1] } } }),
        other.webhooks.rotateSecret(id),
        carillon.webhooks.update(id, { description: "orders" }),
      ])

      const [ours, theirs] = await Promise.all([carillon.webhooks.get(id), other.webhooks.get(id)])
      expect(ours).toMatchObject({
        recipient: "https://erp.example/v2",
        filter: { data: { total: [1] } },
        description: "orders",
        storeId: expect.toSatisfy((n: number) => n >= 1 && n <= 5),
      })
      expect(ours.oldSecretsUntil.length).toBe(1)
      expect(theirs).toEqual(ours)
    })
  })

  describe("a secret", () => {
    const secretsOf = async (id: string) => {
      const record = await carillon.webhooks.store.record(id)
      if (record === null) throw new Error("Expected a record.")
      return openFields(await carillon.identity.keys.ring(), record).secrets
    }

    it("is rotated: the old one stays good for a day", async () => {
      const made = await carillon.webhooks.create(wish)

      const rotated = await carillon.webhooks.rotateSecret(made.id)

      const [current, old] = await secretsOf(made.id)
      expect(rotated.secret).not.toBe(made.secret)
      expect(current).toMatchObject({ secret: rotated.secret, expiresAt: null })
      expect(old?.secret).toBe(made.secret)
      expect((old?.expiresAt ?? 0) - (current?.createdAt ?? 0)).toBe(86_400_000)
      expect(rotated.oldSecretsUntil).toEqual([new Date(old?.expiresAt ?? 0)])
    })

    it("ends at once, with those before it, where there is no overlap", async () => {
      const { id } = await carillon.webhooks.create(wish)
      await carillon.webhooks.rotateSecret(id)

      const { oldSecretsUntil } = await carillon.webhooks.rotateSecret(id, { overlapMs: 0 })

      expect(oldSecretsUntil).toEqual([])
      expect((await secretsOf(id)).length).toBe(1)
    })

    it("is not rotated to one in use, for longer than a week, or with more than ten old ones", async () => {
      const { id, secret } = await carillon.webhooks.create(wish)

      for (const overlapMs of [-1, 604_800_001, 0.5, Number.NaN])
        await expect(carillon.webhooks.rotateSecret(id, { overlapMs })).rejects.toThrow(/7 days/)
      await expect(carillon.webhooks.rotateSecret(id, { secret })).rejects.toThrow(/not in use/)
      await expect(carillon.webhooks.rotateSecret(id, { secret: "x" })).rejects.toThrow(/whsec_/)
      for (let n = 0; n < 10; n++) await carillon.webhooks.rotateSecret(id)
      await expect(carillon.webhooks.rotateSecret(id)).rejects.toThrow(/at most 10/)
      expect((await carillon.webhooks.get(id)).oldSecretsUntil.length).toBe(10)
    })

    it("is known to those who look after sealed values, and is sealed anew with another key", async () => {
      const { id } = await carillon.webhooks.create({ ...wish, headers: { "x-key": "key-1001" } })
      const later = await opened({ secret: `${"b".repeat(40)},${SECRET}` })

      const before = await later.identity.sealed.check()
      await later.identity.sealed.reencrypt()

      expect(before).toMatchObject({ behind: 2, unreadable: 0 })
      expect(await later.identity.sealed.check()).toMatchObject({ behind: 0 })
      expect((await later.webhooks.update(id, { description: "orders" })).headers).toEqual(["x-key"])
    })

    it("that cannot be read hides nothing else of it", async () => {
      const { id } = await carillon.webhooks.create({ ...wish, headers: { "x-key": "key-1001" } })
      const stranger = await opened({ secret: "c".repeat(40) })

      expect(await stranger.webhooks.list()).toMatchObject([{ id, headers: ["x-key"] }])
      await expect(stranger.webhooks.rotateSecret(id)).rejects.toMatchObject({ code: "CARILLON_UNKNOWN_KEY" })
      await stranger.webhooks.disable(id)
      await stranger.webhooks.remove(id)
    })
  })

  describe("its state", () => {
    it("is paused and resumed like any subscription's", async () => {
      const { id } = await carillon.webhooks.create(wish)

      expect(await carillon.webhooks.pause(id)).toMatchObject({ state: "paused" })
      expect((await carillon.subscription(id)).paused).toBe(true)
      await carillon.resume(id)
      expect(await carillon.webhooks.get(id)).toMatchObject({ state: "active" })
    })

    it("outlives a change while it is paused", async () => {
      const { id } = await carillon.webhooks.create(wish)
      await carillon.pause(id)

      expect(await carillon.webhooks.update(id, { description: "orders" })).toMatchObject({ state: "paused" })
    })

    it("is paused still when it was disabled meanwhile, until somebody resumes it", async () => {
      const { id } = await carillon.webhooks.create(wish)
      await carillon.webhooks.pause(id)

      expect(await carillon.webhooks.disable(id, { detail: "the ERP moves" })).toMatchObject({
        state: "disabled",
        disabled: { at: expect.any(Date), reason: "by hand", detail: "the ERP moves" },
      })
      await carillon.webhooks.update(id, { description: "orders" })
      expect(await carillon.webhooks.enable(id)).toMatchObject({ state: "paused", disabled: null })
      expect(await carillon.webhooks.update(id, { enabled: false })).toMatchObject({ state: "disabled" })
      expect(await carillon.webhooks.update(id, { enabled: true })).toMatchObject({ state: "paused" })
      expect(await carillon.webhooks.resume(id)).toMatchObject({ state: "active" })
      await carillon.webhooks.disable(id)
      expect(await carillon.webhooks.enable(id)).toMatchObject({ state: "active" })
    })

    it("is disabled for a reason, which the first to say one decides, and is not resumed but enabled", async () => {
      const { id } = await carillon.webhooks.create(wish)

      const disabled = await carillon.webhooks.disable(id, { reason: "gone", detail: "answered 410" })
      await carillon.webhooks.disable(id, { reason: "by hand" })

      expect(disabled).toMatchObject({
        state: "disabled",
        disabled: { at: expect.any(Date), reason: "gone", detail: "answered 410" },
      })
      expect(await carillon.webhooks.get(id)).toEqual(disabled)
      await expect(carillon.resume(id)).rejects.toThrow(/enable/)
      await expect(carillon.webhooks.resume(id)).rejects.toThrow(/enable/)
      expect(await carillon.webhooks.enable(id)).toMatchObject({ state: "active", disabled: null })
    })

    it("can be disabled from the beginning, and enabled by a change", async () => {
      const { id, state } = await carillon.webhooks.create({ ...wish, enabled: false })

      expect(state).toBe("disabled")
      expect(await carillon.webhooks.update(id, { enabled: true })).toMatchObject({ state: "active" })
      expect(await carillon.webhooks.update(id, { enabled: false })).toMatchObject({
        disabled: { reason: "by hand" },
      })
    })

    it("is resting while its endpoint is left alone, and whoever enables it ends that", async () => {
      const { id } = await carillon.webhooks.create(wish)
      const until = Date.now() + 3_600_000
      const rest = { phase: "resting", until, trips: 1, why: "7 of 10 attempts failed", failing: null }
      const put = { kind: "put-record", collection: "webhook-states", id, ifAbsent: false } as const
      await carillon.records.write({ ...put, value: JSON.stringify(rest) })
      const resting = { until: new Date(until), why: "7 of 10 attempts failed" }

      const found = await carillon.webhooks.get(id)

      expect(found).toMatchObject({ state: "resting", resting })
      expect(await carillon.webhooks.list()).toEqual([found])
      expect(await carillon.webhooks.enable(id)).toMatchObject({ state: "active", resting: null })
    })

    it("stays disabled when it is changed, and keeps the reason", async () => {
      const { id } = await carillon.webhooks.create(wish)
      await carillon.webhooks.disable(id, { reason: "failing" })

      expect(await carillon.webhooks.update(id, { recipient: "https://erp.example/v2" })).toMatchObject({
        state: "disabled",
        disabled: { reason: "failing" },
      })
    })
  })

  describe("an end", () => {
    it("takes its entry and its record, and cancels what waits", async () => {
      const { id } = await carillon.webhooks.create({ ...wish, enabled: false })
      await carillon.emit({ name: "order.placed", data: { id: "ord_1001" } })

      expect(await carillon.webhooks.remove(id)).toEqual({ id, group: "shop", cancelled: 1 })

      expect(await carillon.webhooks.list()).toEqual([])
      expect(await carillon.subscriptions()).toEqual([])
      expect(await shop.place.sql(recordsOf("webhooks"))).toEqual([])
      await expect(carillon.webhooks.get(id)).rejects.toMatchObject({ code: "CARILLON_NOT_FOUND" })
      await expect(carillon.webhooks.update(id, {})).rejects.toMatchObject({ code: "CARILLON_NOT_FOUND" })
    })

    it("is the same by the name of its subscription", async () => {
      const { id } = await carillon.webhooks.create(wish)

      await carillon.removeSubscription(id)

      expect(await carillon.webhooks.list()).toEqual([])
      expect(await shop.place.sql(recordsOf("webhooks"))).toEqual([])
    })

    const recordsOf = (collection: string): string =>
      `SELECT * FROM ${shop.place.table("records")} WHERE collection = '${collection}'`
  })

  describe("whoever is bound to scopes", () => {
    let theirs: Webhook
    let everybodys: Webhook
    beforeEach(async () => {
      theirs = await carillon.webhooks.create({ ...wish, scope: "globex/master" })
      everybodys = await carillon.webhooks.create({ ...wish, scope: null })
    })

    it("makes and sees webhooks of these, and no others", async () => {
      const acme = bound("acme/master")

      const own = await carillon.webhooks.create(wish, acme)

      expect(own.scope).toBe("acme/master")
      expect((await carillon.webhooks.list(acme)).map(({ id }) => id)).toEqual([own.id])
      for (const scope of ["globex/master", null, ""])
        await expect(carillon.webhooks.create({ ...wish, scope }, acme)).rejects.toMatchObject({
          code: "CARILLON_FORBIDDEN",
        })
      await expect(carillon.webhooks.create(wish, bound("acme/master", "acme/dev"))).rejects.toThrow(/scope/)
    })

    it("finds no other, whatever they ask of it", async () => {
      const acme = bound("acme/master")
      for (const { id } of [theirs, everybodys])
        for (const ask of [
          () => carillon.webhooks.get(id, acme),
          () => carillon.webhooks.update(id, { description: "x" }, acme),
          () => carillon.webhooks.update(id, { enabled: true }, acme),
          () => carillon.webhooks.remove(id, acme),
          () => carillon.webhooks.pause(id, acme),
          () => carillon.webhooks.resume(id, acme),
          () => carillon.webhooks.enable(id, acme),
          () => carillon.webhooks.disable(id, {}, acme),
          () => carillon.webhooks.rotateSecret(id, {}, acme),
          () => carillon.webhooks.test(id, {}, acme),
          () => carillon.webhooks.health(id, acme),
        ])
          await expect(ask()).rejects.toMatchObject({ code: "CARILLON_NOT_FOUND" })
      expect(notifier.sent).toEqual([])
    })

    it("has nothing sent with what this process may do elsewhere", async () => {
      const [bus, queue] = [
        { notifier: "eventbridge", recipient: "orders", options: { source: "shop", region: "eu-central-1" } },
        { notifier: "sqs", recipient: "https://sqs.eu-central-1.amazonaws.com/111122223333/orders" },
      ].map((each) => ({ events: "order.*", ...each }))
      const acme = bound("acme/master")
      const credentials = { accessKeyId: "AKIA1001", secretAccessKey: "very-secret" }

      for (const each of [bus, queue] as NewWebhook[]) {
        await expect(carillon.webhooks.create(each, acme)).rejects.toThrow(/credentials/)
        const own = await carillon.webhooks.create({ ...each, credentials }, acme)
        await expect(carillon.webhooks.update(own.id, { credentials: {} }, acme)).rejects.toThrow(
          /credentials/,
        )
        await carillon.webhooks.create(each)
      }
    })

    it("has only so many in each, lest one event is sent a million times", async () => {
      const strict = await opened({ webhooks: { notifiers: [notifier], mostPerScope: 2 } })
      const acme = bound("acme/master", "acme/dev")
      for (const scope of ["acme/master", "acme/master", "acme/dev"])
        await strict.webhooks.create({ ...wish, scope }, acme)

      await expect(strict.webhooks.create({ ...wish, scope: "acme/master" }, acme)).rejects.toThrow(
        /at most 2/,
      )
      await strict.webhooks.create({ ...wish, scope: "acme/dev" }, acme)
      await strict.webhooks.create({ ...wish, scope: "acme/master" })
    })

    it("cannot move one into another scope", async () => {
      const own = await carillon.webhooks.create(wish, bound("acme/master"))

      for (const scope of ["globex/master", null])
        await expect(carillon.webhooks.update(own.id, { scope }, bound("acme/master"))).rejects.toMatchObject(
          { code: "CARILLON_FORBIDDEN" },
        )
      const moved = await carillon.webhooks.update(
        own.id,
        { scope: "acme/dev" },
        bound("acme/master", "acme/dev"),
      )
      expect(moved.scope).toBe("acme/dev")
    })
  })

  describe("a test", () => {
    it("is sent at once, marked as one, with its secrets and of the data the fields that are wanted", async () => {
      const made = await carillon.webhooks.create({ ...wish, fields: ["id"], headers: { "x-key": "key-1" } })

      const result = await carillon.webhooks.test(made.id, { data: { id: "ord_1001", total: 3 } })

      expect(result).toMatchObject({
        success: true,
        responseData: "thank you",
        event: "order.placed",
        ms: expect.any(Number),
        details: { status: 200 },
      })
      expect(notifier.sent).toMatchObject([
        {
          isTest: true,
          attempt: 1,
          data: { id: "ord_1001" },
          event: { name: "order.placed", id: expect.stringMatching(/^test_/) },
          subscription: {
            id: made.id,
            recipient: RECIPIENT,
            headers: { "x-key": "key-1" },
            secrets: [{ secret: made.secret }],
          },
        },
      ])
      expect((await carillon.listEvents()).items).toEqual([])
    })

    it("of wildcards takes a name that they stand for, or the one that is said", async () => {
      const { id } = await carillon.webhooks.create({ ...wish, events: "order.*" })

      expect(await carillon.webhooks.test(id)).toMatchObject({ event: "order.test" })
      expect(await carillon.webhooks.test(id, { event: "order.paid" })).toMatchObject({ event: "order.paid" })
      await expect(carillon.webhooks.test(id, { event: "order.*" })).rejects.toThrow(/without `\*`/)
    })

    it("that fails, or throws, says why", async () => {
      const { id } = await carillon.webhooks.create({ ...wish, enabled: false })
      notifier.answer = () => ({ success: false, responseData: "no such shop" })
      expect(await carillon.webhooks.test(id)).toMatchObject({ success: false, responseData: "no such shop" })
      notifier.answer = () => {
        throw new Error("the line is dead")
      }

      expect(await carillon.webhooks.test(id)).toMatchObject({
        success: false,
        responseData: "the line is dead",
        details: null,
      })
    })

    it("is not for flooding somebody: there are ten a minute", async () => {
      const { id } = await carillon.webhooks.create(wish)
      for (let n = 0; n < 10; n++) await carillon.webhooks.test(id)

      await expect(carillon.webhooks.test(id)).rejects.toMatchObject({ code: "CARILLON_TOO_MANY_ATTEMPTS" })
      expect(notifier.sent.length).toBe(10)
    })
  })
})
