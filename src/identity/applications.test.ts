import { describe, expect, it } from "vitest"
import { identityInMemory } from "../../test/support/identity.ts"
import type { Access } from "./access.ts"

function setup() {
  const { identity, source, time } = identityInMemory()
  const ask = (id: string, secret: string) =>
    identity.authenticate({
      authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`,
      address: "10.0.0.1",
    })
  return { applications: identity.applications, identity, source, time, ask }
}

describe("an application", () => {
  it("is known by its client id and secret, with what it may do", async () => {
    const { applications, ask } = setup()

    const made = await applications.create({ name: "crm", roles: ["developer"], scopes: ["acme"] })

    expect(await ask(made.clientId, made.clientSecret)).toMatchObject({
      actor: { kind: "application", id: made.id, name: "crm" },
      scopes: ["acme/master"],
    })
    for (const [id, secret] of [
      [made.clientId, made.consumerSecret],
      [made.clientId, made.clientSecret.slice(1)],
      [made.consumerKey, made.clientSecret],
      ["app_00000000000000000000000000", made.clientSecret],
      ["", made.clientSecret],
    ] as const)
      expect(await ask(id, secret)).toBeNull()
  })

  it("shows its secrets once; the store has neither in plain", async () => {
    const { applications, source } = setup()

    const { clientSecret, consumerSecret } = await applications.create({ name: "crm", roles: ["viewer"] })

    const kept = [...source.rows.values()].join() + JSON.stringify(await applications.list())
    expect(kept).not.toContain(clientSecret)
    expect(kept).not.toContain(consumerSecret)
  })

  it("is found by its consumer key, with the secret that signatures are checked with", async () => {
    const { applications } = setup()
    const made = await applications.create({ name: "crm", roles: ["viewer"] })

    expect(await applications.consumer(made.consumerKey)).toMatchObject({
      access: { actor: { id: made.id } },
      consumerSecret: made.consumerSecret,
    })
    expect(await applications.consumer(made.clientId)).toBeNull()
    expect(await applications.consumer("con_00000000000000000000000000")).toBeNull()
  })

  it("gets new secrets, and the old ones end", async () => {
    const { applications, ask } = setup()
    const old = await applications.create({ name: "crm", roles: ["viewer"] })
    await ask(old.clientId, old.clientSecret)

    const made = await applications.rotate(old.id)

    expect(await ask(old.clientId, old.clientSecret)).toBeNull()
    expect(await ask(made.clientId, made.clientSecret)).not.toBeNull()
    expect((await applications.consumer(made.consumerKey))?.consumerSecret).toBe(made.consumerSecret)
  })

  it("ends when it is removed", async () => {
    const { applications, ask } = setup()
    const made = await applications.create({ name: "crm", roles: ["viewer"] })
    await ask(made.clientId, made.clientSecret)

    await applications.remove(made.id)

    expect(await ask(made.clientId, made.clientSecret)).toBeNull()
    await expect(applications.rotate(made.id)).rejects.toMatchObject({ code: "CARILLON_NOT_FOUND" })
  })

  it("is not taken over by who may do less, and not there for who may not see all of it", async () => {
    const { applications } = setup()
    const made = await applications.create({ name: "crm", roles: ["admin"], scopes: ["acme"] })
    const operator: Access = {
      actor: { kind: "user", id: "user_1", name: "ada@shop.example" },
      permissions: new Set(["CREATE_TOKENS", "DELETE_TOKENS"]),
      scopes: ["acme/master"],
    }

    await expect(applications.rotate(made.id, operator)).rejects.toMatchObject({ code: "CARILLON_FORBIDDEN" })
    const stranger = { ...operator, scopes: ["globex/master"] }
    await expect(applications.rotate(made.id, stranger)).rejects.toMatchObject({ code: "CARILLON_NOT_FOUND" })
    expect(await applications.list(stranger)).toEqual([])
  })
})
