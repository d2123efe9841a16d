import { describe, expect, it } from "vitest"
import { identityInMemory } from "../../test/support/identity.ts"
import type { Access } from "./access.ts"
import { Passwords } from "./password.ts"

const admin = { email: "admin@shop.example", password: "correct horse" }

function setup() {
  const { identity, source } = identityInMemory()
  return { users: identity.users, source }
}

describe("users", () => {
  it("log in with their password only, however the address is written", async () => {
    const { users } = setup()
    await users.create({ ...admin, email: "  Admin@Shop.Example " })

    expect(await users.authenticate("ADMIN@shop.example", admin.password)).toMatchObject({
      email: admin.email,
    })
    expect(await users.authenticate(admin.email, "correct horsE")).toBeNull()
    expect(await users.authenticate("nobody@shop.example", admin.password)).toBeNull()
  })

  it("are not looked for under what is no address, which a store might choke on", async () => {
    const { users, source } = setup()
    const asked: string[] = []
    const { record } = source.queries
    source.queries.record = (collection, id) => {
      asked.push(id)
      return record(collection, id)
    }

    for (const email of ["a\u0000@shop.example", "\ud800@shop.example", "nobody", `${"a".repeat(999)}@b`])
      expect(await users.authenticate(email, admin.password)).toBeNull()

    expect(asked).toEqual([])
  })

  it("are kept without their passwords", async () => {
    const { users, source } = setup()
    await users.create(admin)

    expect([...source.rows.values()].join()).not.toContain(admin.password)
    expect(JSON.stringify(await users.list())).not.toContain("scrypt")
  })

  it("with one password have two hashes", async () => {
    const { users, source } = setup()
    await users.create(admin)
    await users.create({ ...admin, email: "second@shop.example" })

    const hashes = [...source.rows.values()].map((text) => (JSON.parse(text) as { hash: string }).hash)
    expect(new Set(hashes).size).toBe(2)
  })

  it("have one address each, also when two are created at once", async () => {
    const { users } = setup()

    const results = await Promise.allSettled([users.create(admin), users.create(admin)])

    expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"])
    expect(await users.list()).toHaveLength(1)
  })

  it.each([
    ["an address without a name", { ...admin, email: "@shop.example" }],
    ["an address with a line break", { ...admin, email: "admin\n@shop.example" }],
    ["an address too long to be one", { ...admin, email: `${"a".repeat(300)}@shop.example` }],
    ["a short password", { ...admin, password: "1234567" }],
    ["an endless password", { ...admin, password: "x".repeat(257) }],
    ["a password that is no text", { ...admin, password: 12345678 as unknown as string }],
  ])("are refused with %s, and the password is not said", async (_, credentials) => {
    const { users } = setup()

    const refusal = await users.create(credentials).catch((error: Error) => error)

    expect(refusal).toMatchObject({ code: "CARILLON_INVALID_INPUT" })
    expect((refusal as Error).message).not.toContain(String(credentials.password))
  })

  it("from the environment are created once, and get the new password when it changed", async () => {
    const { users } = setup()
    await users.ensure(admin)
    const [first] = await users.list()

    await users.ensure(admin)
    expect(await users.list()).toEqual([first])
    expect(await users.find(admin.email)).toMatchObject({ generation: 1 })

    await users.ensure({ ...admin, password: "battery staple" })
    expect(await users.authenticate(admin.email, admin.password)).toBeNull()
    expect(await users.authenticate(admin.email, "battery staple")).toMatchObject({ id: first?.id })
  })

  it("that are unknown cannot be removed or given a password", async () => {
    const { users } = setup()

    await expect(users.remove("nobody@shop.example")).rejects.toMatchObject({ code: "CARILLON_NOT_FOUND" })
    await expect(users.setPassword({ ...admin })).rejects.toMatchObject({ code: "CARILLON_NOT_FOUND" })
  })

  it("are not told apart from strangers by the work that a wrong password makes", async () => {
    const { users } = setup()
    const passwords = new Passwords({ log2n: 13, r: 8, p: 1 })
    const hash = await passwords.hash(admin.password)
    const timeOf = async (kept: string | null): Promise<number> => {
      const startedAt = performance.now()
      await passwords.matches("wrong password", kept)
      return performance.now() - startedAt
    }
    await users.create(admin)

    const [known, unknown] = [await timeOf(hash), await timeOf(null)]

    expect(unknown).toBeGreaterThan(known / 10) // without a hash to compare it would be next to nothing
  })
})

describe("users with roles", () => {
  const lead: Access = {
    actor: { kind: "user", id: "user_0", name: "lead@shop.example" },
    permissions: new Set(["VIEW_USERS", "UPDATE_USERS", "DELETE_USERS", "CREATE_USERS", "VIEW_EVENTS"]),
    scopes: ["acme/master"],
  }
  const clerk = { ...admin, email: "clerk@shop.example", roles: ["clerk"], scopes: ["acme"] }

  async function shop() {
    const { identity, source } = identityInMemory()
    await identity.roles.create({ name: "clerk", permissions: ["VIEW_EVENTS"] })
    return { users: identity.users, source, clerk: await identity.users.create(clerk) }
  }

  it("are admins in all scopes unless it is said otherwise, also those from before there were roles", async () => {
    const { users, source } = setup()
    const { id } = await users.create(admin)
    const kept = JSON.parse(source.rows.get(`users/${admin.email}`) ?? "") as Record<string, unknown>
    source.rows.set(`users/${admin.email}`, JSON.stringify({ ...kept, roles: undefined, scopes: undefined }))

    const user = await users.get(id)

    expect(user).toMatchObject({ roles: ["admin"], scopes: "all" })
    expect(await users.accessOf(user)).toMatchObject({ permissions: "all", scopes: "all" })
  })

  it("are changed by who may do as much, where they may do it", async () => {
    const { users, clerk } = await shop()

    expect(await users.setPassword({ email: clerk.id, password: "battery staple" }, lead)).toMatchObject({
      id: clerk.id,
    })
    expect((await users.list(lead)).map(({ email }) => email)).toEqual([clerk.email])
    await expect(users.update({ user: clerk.id, roles: ["admin"] }, lead)).rejects.toMatchObject({
      code: "CARILLON_FORBIDDEN",
    })
    await expect(users.update({ user: clerk.id, scopes: "all" }, lead)).rejects.toMatchObject({
      code: "CARILLON_FORBIDDEN",
    })
    expect(await users.remove(clerk.id, lead)).toMatchObject({ email: clerk.email })
  })

  it("who may do more are not taken over by a new password, a lesser role, or their end", async () => {
    const { users } = await shop()
    const boss = await users.create({ ...admin, scopes: ["acme"] })
    const forbidden = { code: "CARILLON_FORBIDDEN" }

    await expect(users.setPassword({ ...admin, password: "mine, now" }, lead)).rejects.toMatchObject(
      forbidden,
    )
    await expect(users.update({ user: boss.id, roles: ["clerk"] }, lead)).rejects.toMatchObject(forbidden)
    await expect(users.remove(boss.email, lead)).rejects.toMatchObject(forbidden)
    expect(await users.authenticate(admin.email, admin.password)).toMatchObject({ roles: ["admin"] })
  })

  it("of other scopes are not there, and nobody learns from a new one whose address is taken", async () => {
    const { users } = await shop()
    const stranger = { ...lead, permissions: "all" as const, scopes: ["globex/master"] }

    expect(await users.list(stranger)).toEqual([])
    const said = async (user: string): Promise<string> =>
      users.get(user, stranger).then(
        () => "found",
        (error: Error) => error.message.replace(user, "…"),
      )
    expect(await said(clerk.email)).toBe(await said("nobody@shop.example"))
    const refusals = [clerk.email, "new@shop.example"].map((email) =>
      users.create({ ...clerk, email }, stranger).catch((error: Error) => error.message),
    )
    const [taken, free] = await Promise.all(refusals)
    expect(taken).toBe(free)
  })

  it("keep a new password that comes at the same moment as other roles", async () => {
    const { users, clerk } = await shop()

    await Promise.all([
      users.setPassword({ email: clerk.email, password: "battery staple" }),
      users.update({ user: clerk.id, roles: ["viewer"] }),
    ])

    expect(await users.authenticate(clerk.email, "battery staple")).toMatchObject({ roles: ["viewer"] })
  })
})

describe("hashing passwords", () => {
  it("refuses more at once than may wait, and goes on afterwards", async () => {
    const passwords = new Passwords({ log2n: 10, r: 8, p: 1 })
    const hash = await passwords.hash(admin.password)

    const tries = await Promise.allSettled(
      Array.from({ length: 100 }, () => passwords.matches(admin.password, hash)),
    )

    const refused = tries.filter(({ status }) => status === "rejected")
    expect(refused).toHaveLength(48)
    expect(await passwords.matches(admin.password, hash)).toBe(true)
  })
})
