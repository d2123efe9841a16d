import { rmSync } from "node:fs"
import { type CarillonOptions, createCarillon } from "carillon"
import { movingClock } from "carillon/testing"
import { afterEach, describe, expect, it } from "vitest"
import { KeyRing } from "../../src/identity/key-ring.ts"
import { appOf, run } from "../support/app-process.ts"
import { runHere } from "../support/command-line.ts"
import { describeEngines } from "../support/describe.ts"
import { type Place, placeOn } from "../support/place.ts"

const DAY_MS = 24 * 60 * 60 * 1_000
const [old, next] = ["an-old-secret-of-thirty-two-letters!", "a-new-secret-of-thirty-two-letters!!"]
const places: Place[] = []
afterEach(async () => {
  for (const place of places.splice(0)) await place.remove()
})

await describeEngines((engine) => {
  async function setup(options: CarillonOptions = {}) {
    const place = await placeOn(engine, "identity")
    places.push(place)
    const open = (more: CarillonOptions = {}) =>
      createCarillon({
        database: place.database,
        logger: false,
        group: "shop",
        secret: old,
        ...options,
        ...more,
      })
    const everything = async (): Promise<string> =>
      JSON.stringify(await place.sql(`SELECT * FROM ${place.table("records")}`))
    return { place, open, everything }
  }

  const ask = ({ identity }: Awaited<ReturnType<typeof createCarillon>>, authorization: string) =>
    identity.authenticate({ authorization, address: "10.0.0.1" })

  describe("credentials", () => {
    it("are good in every process on the store, and none of their secrets stands there", async () => {
      const { open, everything } = await setup()
      const [one, other] = [await open(), await open()]
      const { users, tokens, applications, sessions } = one.identity
      const user = await users.create({
        email: "ada@shop.example",
        password: "correct horse",
        roles: ["viewer"],
      })
      const { token } = await tokens.create({ name: "billing", roles: ["emitter"], scopes: ["acme"] })
      const { clientId, clientSecret, consumerSecret } = await applications.create({
        name: "crm",
        roles: ["developer"],
      })
      const session = await sessions.issue({ ...user, generation: 1 }, 60_000)

      const basic = Buffer.from(`${clientId}:${clientSecret}`).toString("base64")
      const found = await Promise.all(
        [`Bearer ${token}`, `Bearer ${session}`, `Basic ${basic}`].map((each) => ask(other, each)),
      )

      expect(found.map((access) => [access?.actor.kind, access?.scopes])).toEqual([
        ["token", ["acme/master"]],
        ["user", "all"],
        ["application", "all"],
      ])
      const rows = await everything()
      for (const secret of [token.slice(-43), clientSecret, consumerSecret, "correct horse", old])
        expect(rows).not.toContain(secret)
      await Promise.all([one.stop(), other.stop()])
    })

    it("lose nothing when many change one user at the same moment", async () => {
      const { open } = await setup()
      const [one, other] = [await open(), await open()]
      const email = "ada@shop.example"
      await one.users.create({ email, password: "correct horse" })

      await Promise.all([
        one.users.setPassword({ email, password: "battery staple" }),
        other.users.update({ user: email, roles: ["operator"] }),
        one.users.update({ user: email, scopes: ["acme"] }),
      ])

      const user = await other.users.authenticate(email, "battery staple")
      expect([user?.roles, user?.scopes]).toContainEqual(["operator"])
      expect([user?.roles, user?.scopes]).toContainEqual(["acme/master"])
      await Promise.all([one.stop(), other.stop()])
    })

    it("let one in on the first start, of many processes and requests", async () => {
      const { open } = await setup()
      const all = await Promise.all([open(), open(), open()])
      const [first] = all
      const { token = "" } = (await first.identity.setupToken()) ?? {}

      const tries = await Promise.allSettled(
        all.map(async (carillon, i) => {
          const access = await ask(carillon, `Bearer ${token}`)
          if (access === null) throw new Error("It was not believed")
          return carillon.identity.tokens.create({ name: `token ${i}`, roles: ["admin"] }, access)
        }),
      )

      expect(tries.filter(({ status }) => status === "fulfilled")).toHaveLength(1)
      expect(await first.identity.tokens.list()).toHaveLength(1)
      expect(await first.identity.setupToken()).toBeNull()
      await Promise.all(all.map((each) => each.stop()))
    })
  })

  describe("secrets", () => {
    it("change without a moment at which something cannot be read", async () => {
      const { open } = await setup()
      const before = await open()
      const user = await before.users.create({ email: "ada@shop.example", password: "correct horse" })
      const session = await before.identity.sessions.issue({ ...user, generation: 1 }, 3_600_000)
      const { consumerKey, consumerSecret } = await before.identity.applications.create({
        name: "crm",
        roles: ["viewer"],
      })
      await before.stop()

      const both = await open({ secret: `${next},${old}` })
      expect(await ask(both, `Bearer ${session}`)).not.toBeNull()
      expect((await both.doctor()).findings.find(({ check }) => check === "secrets")).toMatchObject({
        verdict: "warning",
      })
      expect(await both.identity.sealed.reencrypt()).toMatchObject({ resealed: 1, unreadable: [] })
      await both.stop()

      const after = await open({ secret: next })
      expect(await after.identity.applications.consumer(consumerKey)).toMatchObject({ consumerSecret })
      expect((await after.doctor()).findings.find(({ check }) => check === "secrets")).toMatchObject({
        verdict: "ok",
      })
      await after.stop()
      const lost = await open({ secret: old })
      const finding = (await lost.doctor()).findings.find(({ check }) => check === "secrets")
      expect(finding).toMatchObject({
        verdict: "problem",
        what: expect.stringContaining(new KeyRing(next).keyId),
      })
      await lost.stop()
    })

    it("are neither needed nor made by who keeps none", async () => {
      const { open, everything } = await setup({ secret: undefined })
      const carillon = await open()
      carillon.events.subscribe("order.placed", () => {}, { subscriberId: "stock" })
      await carillon.start()
      await carillon.emit({ name: "order.placed", data: { id: "ord_1001" } })
      await carillon.drain()
      await carillon.users.create({ email: "ada@shop.example", password: "correct horse" })
      await carillon.identity.tokens.create({ name: "billing", roles: ["emitter"] })
      await carillon.doctor()
      await carillon.stop()

      expect(carillon.identity.keys.origin).toBeNull()
      expect(await everything()).not.toContain("secret")
    })
  })

  describe("the audit log", () => {
    it("is the same for every process, in pages, and is pruned with the rest", async () => {
      const clock = movingClock()
      const { open } = await setup({ clock, auditRetentionMs: 10 * DAY_MS })
      const [one, other] = [await open(), await open()]
      const by = (await one.identity.authenticate({
        authorization: `Bearer ${(await one.identity.tokens.create({ name: "ops", roles: ["operator"], expiresAt: null })).token}`,
        address: "10.0.0.1",
      })) ?? { actor: { kind: "process", id: "", name: "" }, permissions: "all", scopes: "all" }
      for (let i = 0; i < 5; i++) {
        await one.identity.audit.audited(
          by,
          { action: "subscription.pause", target: `crm ${i}` },
          async () => {},
        )
        await clock.advance(1_000)
      }

      const first = await other.identity.audit.list({ limit: 2 })
      const rest = await other.identity.audit.list({ cursor: first.cursor ?? "" })
      expect([...first.items, ...rest.items].map(({ target }) => target)).toEqual(
        [4, 3, 2, 1, 0].map((i) => `crm ${i}`),
      )
      expect(first.items[0]).toMatchObject({ actor: { kind: "token", name: "ops" }, outcome: "done" })

      await one.prune()
      expect((await other.identity.audit.list()).items).toHaveLength(5)
      await clock.advance(11 * DAY_MS)
      await one.prune()
      expect((await other.identity.audit.list()).items).toEqual([])
      await Promise.all([one.stop(), other.stop()])
    })
  })
})

describe("on the command line", async () => {
  await describeEngines((engine) => {
    async function shop() {
      const place = await placeOn(engine, "identity_cli")
      places.push(place)
      const sayWith = async (secret: string, ...args: string[]) => {
        const { code, out, err } = await runHere([...args, "--database", place.database], {
          CARILLON_SECRET: secret,
        })
        return { code, output: out + err }
      }
      const say = (...args: string[]) => sayWith(old, ...args)
      const json = async <T>(...args: string[]): Promise<T> =>
        JSON.parse((await say(...args, "--json")).output) as T
      return { place, say, sayWith, json }
    }

    it("tokens are made, shown once, listed and revoked", async () => {
      const { say, json, place } = await shop()

      const made = await say(
        "token",
        "create",
        "billing",
        "--role",
        "emitter",
        "--scope",
        "acme,default",
        "--expires",
        "never",
      )
      const [token = ""] = /crl_\w{26}_[\w-]{43}/.exec(made.output) ?? []
      const [listed] = await json<{ id: string; scopes: string[]; expiresAt: string | null }[]>(
        "token",
        "list",
      )

      expect(listed).toMatchObject({ scopes: ["", "acme/master"], expiresAt: null, roles: ["emitter"] })
      expect((await say("token", "list")).output).toContain("default/master, acme/master")
      const carillon = await createCarillon({ database: place.database, logger: false })
      expect(await ask(carillon, `Bearer ${token}`)).toMatchObject({ actor: { name: "billing" } })
      await carillon.stop()
      expect((await say("token", "revoke", listed?.id ?? "")).code).toBe(0)
      expect(await json("token", "list")).toMatchObject([{ state: "revoked" }])
      expect((await say("token", "create", "x", "--role", "emiter")).output).toContain(
        "Did you mean `emitter`?",
      )
    })

    const ask = ({ identity }: Awaited<ReturnType<typeof createCarillon>>, authorization: string) =>
      identity.authenticate({ authorization, address: "10.0.0.1" })

    it("applications are made with a host and keys, rotated and removed", async () => {
      const { say, json } = await shop()

      const { output } = await say(
        "application",
        "create",
        "crm",
        "--role",
        "developer",
        "--host",
        "https://events.shop.example",
      )
      expect(output).toMatch(
        /^host {13}https:\/\/events\.shop\.example\nclient id {8}app_\w{26}\nclient secret {4}\w{64}\nconsumer key {5}con_\w{26}\nconsumer secret {2}\w{64}\n/,
      )
      const id = /app_\w{26}/.exec(output)?.[0] ?? ""
      const rotated = await json<{ host: string; clientSecret: string }>("application", "rotate", id)
      expect(rotated.host).toBe("http://localhost:9000")
      expect(output).not.toContain(rotated.clientSecret)
      expect(await json("secret", "check")).toMatchObject({
        keys: [{ values: 1, state: "first" }],
        unreadable: 0,
      })
      expect((await say("application", "remove", id)).code).toBe(0)
      expect(await json("application", "list")).toEqual([])
    })

    it("secrets come under a new key, and what cannot be read ends with 1", async () => {
      const { say, sayWith } = await shop()
      await say("application", "create", "crm", "--role", "viewer")

      expect((await sayWith(next, "secret", "check")).code).toBe(1)
      expect((await sayWith(next, "secret", "reencrypt")).code).toBe(1)
      expect((await sayWith(`${next} ${old}`, "secret", "reencrypt")).output).toContain("1 of 1 secrets")
      expect((await sayWith(next, "secret", "check")).code).toBe(0)
    })

    it("whatever is changed leaves a trace, by the name of who did it", async () => {
      const { say, json } = await shop()
      await say("user", "create", "ada@shop.example", "--password", "correct horse", "--role", "viewer")
      await say("user", "update", "ada@shop.example", "--role", "operator")
      await say("role", "create", "till", "--permission", "CREATE_EVENTS,VIEW_EVENTS")
      await say("redrive", "--all", "--dry-run")
      await say("redrive", "--all")
      await say("pause", "nothing@order.placed")
      await say("prune")

      const { items } = await json<{ items: Record<string, unknown>[] }>("audit")

      expect(items.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
        "system.prune done",
        "subscription.pause failed",
        "delivery.redrive done",
        "role.create done",
        "user.update done",
        "user.create done",
      ])
      expect(items[2]).toMatchObject({ actor: { kind: "command line" }, details: { all: true, redriven: 0 } })
      expect(JSON.stringify(items)).not.toContain("correct horse")
      expect(
        (await json<{ items: unknown[] }>("audit", "--action", "user.*", "--limit", "1")).items,
      ).toHaveLength(1)
    })
  })

  it("a secret for development is made with a warning, and none in production", async () => {
    const folder = appOf({})
    const database = `file:${folder}/shop.db`
    const create = (env: Record<string, string>) =>
      run(["application", "create", "crm", "--role", "viewer", "--database", database], env).exit

    const refused = await create({ NODE_ENV: "production" })
    const made = await create({ NODE_ENV: "" })
    const again = await create({ NODE_ENV: "" })

    expect([refused.code, refused.output]).toEqual([1, expect.stringMatching(/CARILLON_SECRET.*openssl/)])
    expect([made.code, made.output]).toEqual([0, expect.stringContaining(`${folder}/shop.db.secret`)])
    expect([again.code, again.output]).toEqual([0, expect.not.stringContaining("warning")])
    rmSync(`${folder}/shop.db.secret`)
  })

  it("a token that somebody made stays when they go, and whoever removes them is told", async () => {
    const database = `file:${appOf({})}/shop.db`
    const carillon = await createCarillon({ database, logger: false })
    const user = await carillon.users.create({ email: "ada@shop.example", password: "correct horse" })
    await carillon.identity.tokens.create(
      { name: "billing", roles: ["emitter"] },
      await carillon.users.accessOf(user),
    )
    await carillon.stop()

    const { output } = await run(["user", "remove", user.email, "--database", database]).exit

    expect(output).toMatch(/The token billing \(tok_\w{26}\), which they made, is still good/)
  })
})
