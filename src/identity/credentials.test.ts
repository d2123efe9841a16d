import { describe, expect, it } from "vitest"
import { identityInMemory } from "../../test/support/identity.ts"

const admin = { email: "admin@shop.example", password: "correct horse" }

function setup() {
  const { identity, source, time } = identityInMemory()
  const ask = (authorization: string | null | undefined, address = "10.0.0.1") =>
    identity.authenticate({ authorization, address })
  const guess = (i: number): string => `Bearer crl_${String(i).padStart(26, "0")}_${"A".repeat(43)}`
  return { identity, source, time, ask, guess }
}

describe("a request", () => {
  it("is a user's after a log-in, with their roles as they are now", async () => {
    const { identity, ask } = setup()
    const user = await identity.users.create({ ...admin, roles: ["viewer"], scopes: ["acme"] })
    const session = await identity.sessions.issue({ ...user, generation: 1 }, 60_000)

    expect(await ask(`Bearer ${session}`)).toMatchObject({
      actor: { kind: "user", id: user.id, name: admin.email },
      scopes: ["acme/master"],
    })
    await identity.users.update({ user: user.id, roles: ["emitter"], scopes: "all" })
    expect(await ask(`Bearer ${session}`)).toMatchObject({
      permissions: new Set(["CREATE_EVENTS"]),
      scopes: "all",
    })
    await identity.users.remove(user.id)
    expect(await ask(`Bearer ${session}`)).toBeNull()
  })

  it("is theirs whose credential it brings, whatever came by its connection before", async () => {
    const { identity } = setup()
    const connection = {}
    const by = async (token: string) =>
      (await identity.authenticate({ authorization: `Bearer ${token}`, address: "10.0.0.1", connection }))
        ?.actor.name
    const billing = await identity.tokens.create({ name: "billing", roles: ["emitter"] })
    const till = await identity.tokens.create({ name: "till", roles: ["viewer"] })

    const heard = []
    for (const { token } of [billing, till, till, billing, { token: `${till.token}x` }, till])
      heard.push(await by(token))
    await identity.tokens.revoke(till.id)

    expect(heard).toEqual(["billing", "till", "till", "billing", undefined, "till"])
    expect(await by(till.token)).toBeUndefined()
  })

  it("is nobody's without a credential that can be one", async () => {
    const { ask } = setup()

    for (const header of [
      null,
      undefined,
      "",
      "Bearer",
      "Bearer ",
      "Bearer a b",
      "Digest x",
      "Basic",
      "Basic !!!",
      `Basic ${Buffer.from("nocolon").toString("base64")}`,
      "Bearer eyJhbGciOiJub25lIn0.e30.",
      `Bearer ${"x".repeat(100_000)}`,
    ])
      expect(await ask(header)).toBeNull()
  })

  it("is nobody's where no secret was made yet, and makes none", async () => {
    const source = identityInMemory().source
    const { identity } = identityInMemory({ source, secret: null, env: { NODE_ENV: "production" } })

    expect(
      await identity.authenticate({
        authorization: "Bearer eyJhbGciOiJIUzI1NiJ9.e30.AAAA",
        address: "10.0.0.1",
      }),
    ).toBeNull()
    expect(identity.keys.origin).toBeNull()
  })
})

describe("wrong credentials", () => {
  it("are thirty at once from one place, then they wait", async () => {
    const { ask, guess, time } = setup()

    for (let i = 0; i < 30; i++) expect(await ask(guess(i))).toBeNull()

    const refusal = await ask(guess(30)).catch((error: unknown) => error)
    expect(refusal).toMatchObject({ code: "CARILLON_TOO_MANY_ATTEMPTS", retryAfterMs: expect.any(Number) })
    expect(await ask(guess(31), "10.0.0.2")).toBeNull()
    time.now += (refusal as { retryAfterMs: number }).retryAfterMs
    expect(await ask(guess(30))).toBeNull()
  })

  it("do not shut out a program from the same place that was let in before", async () => {
    const { identity, ask, guess, time } = setup()
    const { token } = await identity.tokens.create({ name: "billing", roles: ["emitter"], expiresAt: null })
    await ask(`Bearer ${token}`)

    for (let i = 0; i < 30; i++) await ask(guess(i))
    await expect(ask(guess(30))).rejects.toMatchObject({ code: "CARILLON_TOO_MANY_ATTEMPTS" })
    time.now += 6_000 // it is not remembered any more

    expect(await ask(`Bearer ${token}`)).not.toBeNull()
  })

  it("of one program that goes on and on count once a minute, and hardly reach the store", async () => {
    const { identity, source, ask, guess, time } = setup()
    const { token, id } = await identity.tokens.create({ name: "billing", roles: ["emitter"] })
    await identity.tokens.revoke(id)
    source.reads = 0

    for (let i = 0; i < 1_000; i++) {
      time.now += 50
      expect(await ask(`Bearer ${token}`)).toBeNull()
    }

    expect(source.reads).toBe(1)
    expect(await ask(guess(1))).toBeNull()
  })

  it("are not counted while the store fails", async () => {
    const { source, ask, guess } = setup()
    const { record } = source.queries
    source.queries.record = () => Promise.reject(new Error("The store is away"))
    for (let i = 0; i < 100; i++) await expect(ask(guess(i))).rejects.toThrow("The store is away")

    source.queries.record = record

    expect(await ask(guess(1))).toBeNull()
  })
})

describe("the first start", () => {
  const first = { ...admin, roles: ["admin"] }

  it("gives a token that makes one user, of any power, and then is good for nothing", async () => {
    const { identity, source, ask } = setup()
    const { token = "" } = (await identity.setupToken()) ?? {}
    expect(token).toMatch(/^crl_setup_[\w-]{43}$/)
    expect([...source.rows.values()].join()).not.toContain(token.slice("crl_setup_".length))

    const access = await ask(`Bearer ${token}`)
    if (access === null) throw new Error("The setup token was not believed")
    expect(access).toMatchObject({
      actor: { kind: "setup" },
      permissions: new Set(["CREATE_USERS", "CREATE_TOKENS"]),
    })
    const user = await identity.users.create(first, access)

    expect(user).toMatchObject({ roles: ["admin"], scopes: "all" })
    expect(await ask(`Bearer ${token}`)).toBeNull()
    expect(await identity.setupToken()).toBeNull()
    const again = identity.users.create({ ...first, email: "second@shop.example" }, access)
    await expect(again).rejects.toMatchObject({ code: "CARILLON_FORBIDDEN" })
    await expect(identity.tokens.create({ name: "x", roles: ["admin"] }, access)).rejects.toMatchObject({
      code: "CARILLON_FORBIDDEN",
    })
  })

  it("lets one in of many who use its token at once", async () => {
    const { identity, ask } = setup()
    const { token = "" } = (await identity.setupToken()) ?? {}
    const access = await ask(`Bearer ${token}`)
    if (access === null) throw new Error("The setup token was not believed")

    const tries = await Promise.allSettled(
      Array.from({ length: 10 }, (_, i) =>
        identity.tokens.create({ name: `token ${i}`, roles: ["admin"] }, access),
      ),
    )

    expect(tries.filter(({ status }) => status === "fulfilled")).toHaveLength(1)
    expect(await identity.tokens.list()).toHaveLength(1)
  })

  it("keeps its token where what was asked for could not be", async () => {
    const { identity, ask } = setup()
    const { token = "" } = (await identity.setupToken()) ?? {}
    const access = await ask(`Bearer ${token}`)
    if (access === null) throw new Error("The setup token was not believed")

    await expect(identity.users.create({ ...first, password: "short" }, access)).rejects.toMatchObject({
      code: "CARILLON_INVALID_INPUT",
    })

    expect(await ask(`Bearer ${token}`)).not.toBeNull()
    expect(await identity.users.create(first, access)).toMatchObject({ email: first.email })
  })

  it("gives no application and changes nobody", async () => {
    const { identity, ask } = setup()
    const { token = "" } = (await identity.setupToken()) ?? {}
    const access = await ask(`Bearer ${token}`)
    if (access === null) throw new Error("The setup token was not believed")
    const forbidden = { code: "CARILLON_FORBIDDEN" }
    await identity.users.create(first)

    await expect(
      identity.applications.create({ name: "crm", roles: ["viewer"] }, access),
    ).rejects.toMatchObject(forbidden)
    await expect(
      identity.users.setPassword({ ...admin, password: "battery staple" }, access),
    ).rejects.toMatchObject(forbidden)
    await expect(
      identity.users.update({ user: admin.email, roles: ["viewer"] }, access),
    ).rejects.toMatchObject(forbidden)
  })

  it("ends its token after a day, with the next one, and when somebody is there", async () => {
    const { identity, ask, time } = setup()
    const one = (await identity.setupToken())?.token
    const two = (await identity.setupToken())?.token
    expect(await ask(`Bearer ${one}`)).toBeNull()
    expect(await ask(`Bearer ${two}`)).not.toBeNull()

    time.now += 24 * 60 * 60 * 1_000
    expect(await ask(`Bearer ${two}`)).toBeNull()

    const three = (await identity.setupToken())?.token
    await identity.users.create(first)
    expect(await ask(`Bearer ${three}`)).toBeNull()
  })

  it.each(["a user", "a token", "an application"])("gives no token where there is %s", async (somebody) => {
    const { identity, ask } = setup()
    const before = (await identity.setupToken())?.token

    if (somebody === "a user") await identity.users.create(first)
    else if (somebody === "a token") await identity.tokens.create({ name: "till", roles: ["viewer"] })
    else await identity.applications.create({ name: "crm", roles: ["viewer"] })

    expect(await identity.setupToken()).toBeNull()
    expect(await ask(`Bearer ${before}`)).toBeNull()
  })
})
