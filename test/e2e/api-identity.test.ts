import { afterEach, beforeEach, describe, expect, it } from "vitest"
import {
  createApplication,
  getApplication,
  listApplications,
  removeApplication,
  rotateApplication,
} from "../../src/contract/applications.ts"
import { listAudit } from "../../src/contract/audit.ts"
import { redrive } from "../../src/contract/deliveries.ts"
import { getMe } from "../../src/contract/me.ts"
import { createRole, listRoles, removeRole, updateRole } from "../../src/contract/roles.ts"
import { createToken, getToken, listTokens, revokeToken } from "../../src/contract/tokens.ts"
import {
  createUser,
  getUser,
  listUsers,
  removeUser,
  setPassword,
  updateUser,
} from "../../src/contract/users.ts"
import { ApiShop } from "../support/api-shop.ts"
import { describeEngines } from "../support/describe.ts"

await describeEngines((engine) => {
  let shop: ApiShop
  beforeEach(async () => {
    shop = await ApiShop.open(engine, { start: false })
  })
  afterEach(() => shop.close())

  const clerk = { email: "clerk@shop.example", password: "correct horse", roles: ["operator"] }

  describe("a credential", () => {
    it("is told who it is and what it may do", async () => {
      const viewer = await shop.bound(["acme/master"], "viewer")

      const [mine, admins] = [await viewer.ask(getMe), await shop.admin.ask(getMe)]

      expect(mine.body).toMatchObject({ actor: { kind: "token", name: "viewer" }, scopes: ["acme/master"] })
      expect(mine.body.permissions).toContain("VIEW_EVENTS")
      expect(admins.body).toMatchObject({ permissions: "all", scopes: "all" })
    })
  })

  describe("a user", () => {
    it("is created, listed, changed and removed", async () => {
      const made = await shop.admin.ask(createUser, { body: { ...clerk, scopes: ["acme/master"] } })
      const { id } = made.body

      const changed = await shop.admin.ask(updateUser, { params: { id }, body: { roles: ["viewer"] } })
      await shop.admin.ask(setPassword, { params: { id }, body: { password: "battery staple" } })

      expect(made).toMatchObject({ status: 201, body: { roles: ["operator"], scopes: ["acme/master"] } })
      expect(changed.body).toMatchObject({ roles: ["viewer"], scopes: ["acme/master"] })
      expect((await shop.admin.ask(getUser, { params: { id: clerk.email } })).body).toEqual(changed.body)
      expect((await shop.admin.ask(listUsers)).body.items).toEqual([changed.body])
      await shop.admin.ask(removeUser, { params: { id } })
      expect((await shop.admin.ask(listUsers)).body.items).toEqual([])
      expect(await shop.admin.refused(getUser, { params: { id } })).toMatchObject({ status: 404 })
    })

    it("of another scope is not there", async () => {
      const { id } = (await shop.admin.ask(createUser, { body: { ...clerk, scopes: ["globex/master"] } }))
        .body
      const acme = await shop.bound(["acme/master"])

      expect((await acme.ask(listUsers)).body.items).toEqual([])
      expect(await acme.refused(getUser, { params: { id } })).toMatchObject({ status: 404 })
      expect(await acme.refused(updateUser, { params: { id }, body: { roles: ["viewer"] } })).toMatchObject({
        status: 404,
      })
      expect(
        await acme.refused(setPassword, { params: { id }, body: { password: "battery staple" } }),
      ).toMatchObject({ status: 404 })
      expect(await acme.refused(removeUser, { params: { id } })).toMatchObject({ status: 404 })
      expect(await acme.refused(createUser, { body: clerk })).toMatchObject({ status: 403 })
    })

    it("gets no password that is too short, and its refusal does not say it", async () => {
      const problem = await shop.admin.refused(createUser, { body: { ...clerk, password: "tiny" } })

      expect(problem.status).toBe(400)
      expect(JSON.stringify(problem)).not.toContain("tiny")
    })
  })

  describe("a token", () => {
    it("is shown once, says who made it, and ends when it is revoked", async () => {
      const made = await shop.admin.ask(createToken, {
        body: {
          name: "till",
          roles: ["emitter"],
          scopes: ["acme/master"],
          expiresAt: "2099-01-01T00:00:00Z",
        },
      })
      const { id, token } = made.body
      const till = shop.with(token)

      expect(made.status).toBe(201)
      expect((await till.ask(getMe)).body.actor).toMatchObject({ id, name: "till" })
      const { items } = (await shop.admin.ask(listTokens)).body
      expect(items.map(({ name }) => name)).toEqual(["admin", "till"])
      expect(JSON.stringify(items)).not.toContain(token)
      expect((await shop.admin.ask(getToken, { params: { id } })).body).toMatchObject({
        state: "live",
        expiresAt: "2099-01-01T00:00:00.000Z",
        createdBy: { kind: "token", name: "admin" },
      })

      const revoked = await shop.admin.ask(revokeToken, { params: { id } })

      expect(revoked.body.state).toBe("revoked")
      expect(await till.refused(getMe)).toMatchObject({ status: 401 })
    })

    it("never may do more than whoever makes it, nor in more scopes", async () => {
      const acme = await shop.bound(["acme/master"])
      const wishes = [
        { name: "all", roles: ["admin"], scopes: "all" as const },
        { name: "theirs", roles: ["viewer"], scopes: ["globex/master"] },
      ]

      for (const body of wishes)
        expect(await acme.refused(createToken, { body })).toMatchObject({ status: 403 })
      const own = await acme.ask(createToken, { body: { name: "own", roles: ["viewer"] } })
      expect(own.body.scopes).toEqual(["acme/master"])
      const viewer = await shop.bound(["acme/master"], "viewer")
      expect(await viewer.refused(createToken, { body: { name: "x", roles: ["viewer"] } })).toMatchObject({
        status: 403,
      })
      expect((await acme.ask(listTokens)).body.items.every(({ scopes }) => scopes[0] === "acme/master")).toBe(
        true,
      )
    })

    it("to begin with is good for making one user or token, once", async () => {
      const empty = await ApiShop.open(engine, { start: false })
      const ids = (await empty.carillon.identity.tokens.list()).map(({ id }) => id)
      for (const id of ids)
        await empty.carillon.records.write({
          kind: "put-record",
          collection: "tokens",
          id,
          value: null,
          ifAbsent: false,
        })
      const setup = empty.with((await empty.carillon.identity.setupToken())?.token ?? "")

      const first = await setup.ask(createToken, { body: { name: "first", roles: ["admin"] } })

      expect(first.body.scopes).toBe("all")
      expect(await setup.refused(createToken, { body: { name: "second", roles: ["admin"] } })).toMatchObject({
        status: 401,
      })
      expect((await empty.with(first.body.token).ask(getMe)).body.permissions).toBe("all")
      await empty.close()
    })
  })

  describe("an application", () => {
    it("is made with secrets that are shown once, gets others, and goes", async () => {
      const made = await shop.admin.ask(createApplication, {
        body: { name: "erp", roles: ["emitter"], scopes: ["acme/master"] },
      })
      const { id, clientSecret } = made.body

      const kept = await shop.admin.ask(getApplication, { params: { id } })
      const rotated = await shop.admin.ask(rotateApplication, { params: { id } })

      expect(kept.body).not.toHaveProperty("clientSecret")
      expect(rotated.body.clientSecret).not.toBe(clientSecret)
      expect((await shop.admin.ask(listApplications)).body.items).toEqual([kept.body])
      const globex = await shop.bound(["globex/master"])
      expect(await globex.refused(getApplication, { params: { id } })).toMatchObject({ status: 404 })
      expect(await globex.refused(rotateApplication, { params: { id } })).toMatchObject({ status: 404 })
      expect(await globex.refused(removeApplication, { params: { id } })).toMatchObject({ status: 404 })
      await shop.admin.ask(removeApplication, { params: { id } })
      expect((await shop.admin.ask(listApplications)).body.items).toEqual([])
    })
  })

  describe("a role", () => {
    it("is made, changed and removed, and is the installation's", async () => {
      const made = await shop.admin.ask(createRole, {
        body: { name: "support", permissions: ["VIEW_EVENTS"] },
      })
      const named = { params: { name: "support" } }

      const changed = await shop.admin.ask(updateRole, {
        ...named,
        body: { description: "answers the phone", permissions: ["VIEW_EVENTS", "VIEW_RUNS"] },
      })

      expect(made.body).toEqual({
        name: "support",
        description: "",
        permissions: ["VIEW_EVENTS"],
        resources: [],
        builtIn: false,
      })
      expect((await shop.admin.ask(listRoles)).body.items.at(-1)).toEqual(changed.body)
      const acme = await shop.bound(["acme/master"])
      expect(
        await acme.refused(createRole, { body: { name: "mine", permissions: ["VIEW_EVENTS"] } }),
      ).toMatchObject({ status: 403 })
      await shop.admin.ask(removeRole, named)
      expect(await shop.admin.refused(removeRole, named)).toMatchObject({ status: 404 })
      expect(await shop.admin.refused(removeRole, { params: { name: "admin" } })).toMatchObject({
        status: 400,
      })
    })
  })

  describe("the audit log", () => {
    it("says who did what to whom, newest first, by page, and holds no secret", async () => {
      const { body } = await shop.admin.ask(createToken, { body: { name: "till", roles: ["emitter"] } })
      await shop.admin.ask(createUser, { body: clerk })
      await shop.admin.refused(revokeToken, { params: { id: "tok_none" } })

      const first = await shop.admin.ask(listAudit, { query: { limit: 2 } })
      const rest = await shop.admin.ask(listAudit, { query: { limit: 2, cursor: first.body.cursor ?? "" } })
      const entries = [...first.body.items, ...rest.body.items]

      expect(entries.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
        "token.revoke failed",
        "user.create done",
        "token.create done",
      ])
      expect(entries[2]).toMatchObject({
        actor: { name: "admin" },
        details: { token: body.id, name: "till" },
      })
      for (const secret of [body.token, clerk.password]) expect(JSON.stringify(entries)).not.toContain(secret)
      const tokens = await shop.admin.ask(listAudit, { query: { action: "token.*" } })
      expect(tokens.body.items).toHaveLength(2)
    })

    it("shows who is bound to scopes what was done in these", async () => {
      const [acme, globex] = [await shop.bound(["acme/master"]), await shop.bound(["globex/master"])]
      await acme.ask(createToken, { body: { name: "till", roles: ["emitter"] } })
      await globex.refused(revokeToken, { params: { id: "tok_none" } })

      expect((await acme.ask(listAudit)).body.items.map(({ action }) => action)).toEqual(["token.create"])
      expect((await globex.ask(listAudit)).body.items.map(({ action }) => action)).toEqual(["token.revoke"])
      await acme.ask(redrive, { query: { scope: "globex/master" }, body: { all: true } })
      expect((await globex.ask(listAudit)).body.items).toHaveLength(1)
      expect((await shop.admin.ask(listAudit)).body.items).toHaveLength(3)
    })
  })
})
