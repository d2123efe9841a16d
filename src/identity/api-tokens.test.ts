import { describe, expect, it } from "vitest"
import { identityInMemory } from "../../test/support/identity.ts"
import type { Access } from "./access.ts"

const DAY_MS = 24 * 60 * 60 * 1_000

function setup() {
  const { identity, source, time } = identityInMemory()
  /** As another process on the same store sees it. */
  const other = identityInMemory({ source, time }).identity
  const askAt = (at: typeof identity, token: string) =>
    at.authenticate({ authorization: `Bearer ${token}`, address: "10.0.0.1" })
  return {
    tokens: identity.tokens,
    source,
    time,
    ask: (token: string) => askAt(identity, token),
    askElsewhere: (token: string) => askAt(other, token),
  }
}

const tenant: Access = {
  actor: { kind: "token", id: "tok_0", name: "acme's own" },
  permissions: new Set(["CREATE_TOKENS", "VIEW_TOKENS", "DELETE_TOKENS", "CREATE_EVENTS"]),
  scopes: ["acme/master", "acme/test"],
}

describe("a token", () => {
  it("is shown once, and kept as a hash", async () => {
    const { tokens, source } = setup()

    const made = await tokens.create({ name: "billing", roles: ["emitter"] })

    expect(made.token).toMatch(/^crl_[0-9A-Z]{26}_[\w-]{43}$/)
    expect(made.token.startsWith(`${made.prefix}_`)).toBe(true)
    const secret = made.token.slice(made.prefix.length + 1)
    expect([...source.rows.values()].join()).not.toContain(secret)
    expect(JSON.stringify(await tokens.list())).not.toContain(secret)
    expect(JSON.stringify(await tokens.list())).not.toContain("hash")
  })

  it("may do what its roles and permissions say, in its scopes", async () => {
    const { tokens, ask } = setup()
    const wish = { name: "billing", roles: ["emitter"], permissions: ["VIEW_EVENTS"] as const }

    const { token, id } = await tokens.create({ ...wish, scopes: ["acme", { account: "default" }] })

    expect(await ask(token)).toEqual({
      actor: { kind: "token", id, name: "billing" },
      permissions: new Set(["CREATE_EVENTS", "VIEW_EVENTS"]),
      scopes: ["", "acme/master"],
    })
  })

  it("is never bound to what is told of the installation: only who has all scopes sees that", async () => {
    const { tokens } = setup()
    const named = { account: "_carillon", workspace: "installation" }

    for (const scope of ["_carillon/installation", named])
      await expect(
        tokens.create({ name: "watch", roles: ["viewer"], scopes: ["acme", scope] }),
      ).rejects.toMatchObject({ code: "CARILLON_INVALID_INPUT" })
  })

  it("cannot end before it begins", async () => {
    const { tokens, time } = setup()
    const expiresAt = new Date(time.now - 1_000)

    await expect(tokens.create({ name: "late", roles: ["viewer"], expiresAt })).rejects.toThrow(
      `to be a time to come, or null for never, got \`${expiresAt.toISOString()}\``,
    )
  })

  it("is good for 90 days unless it says otherwise", async () => {
    const { tokens, time, ask } = setup()
    const { token } = await tokens.create({ name: "usual", roles: ["viewer"] })
    const short = await tokens.create({ name: "short", roles: ["viewer"], expiresAt: time.now + 2_000 })
    const endless = await tokens.create({ name: "endless", roles: ["viewer"], expiresAt: null })
    await ask(short.token)

    time.now += 2_000 // remembered for longer than that, but never beyond its end
    expect(await ask(short.token)).toBeNull()
    time.now += 90 * DAY_MS - 3_000
    expect(await ask(token)).not.toBeNull()
    time.now += 5_000
    expect(await ask(token)).toBeNull()
    time.now += 5_000 * DAY_MS
    expect(await ask(endless.token)).not.toBeNull()
    expect((await tokens.list()).map(({ state }) => state)).toEqual(["expired", "expired", "live"])
  })

  it("ends at once where it is revoked, and within five seconds elsewhere", async () => {
    const { tokens, time, ask, askElsewhere } = setup()
    const { token, prefix } = await tokens.create({ name: "billing", roles: ["emitter"] })
    expect([await ask(token), await askElsewhere(token)]).not.toContain(null)

    expect(await tokens.revoke(prefix)).toMatchObject({ state: "revoked", revokedAt: new Date(time.now) })

    expect(await ask(token)).toBeNull()
    expect(await askElsewhere(token)).not.toBeNull()
    time.now += 5_000
    expect(await askElsewhere(token)).toBeNull()
  })

  it("stays revoked, although somebody uses it at that moment", async () => {
    const { tokens, time, askElsewhere } = setup()
    const { token, id } = await tokens.create({ name: "billing", roles: ["emitter"] })

    await Promise.all([askElsewhere(token), tokens.revoke(id), askElsewhere(token)])
    time.now += 61_000
    await askElsewhere(token)

    expect(await tokens.get(id)).toMatchObject({ state: "revoked" })
    expect(await askElsewhere(token)).toBeNull()
  })

  it("is not asked for at the store by each of many requests", async () => {
    const { tokens, source, ask } = setup()
    const { token } = await tokens.create({ name: "billing", roles: ["emitter"] })
    source.reads = 0

    await Promise.all(Array.from({ length: 1_000 }, () => ask(token)))

    expect(source.reads).toBeLessThan(5)
  })

  it("remembers when it was used, to the minute", async () => {
    const { tokens, source, time, ask } = setup()
    const { token, id } = await tokens.create({ name: "billing", roles: ["emitter"] })
    const start = time.now
    const use = async (): Promise<Date | null> => {
      await ask(token)
      return (await tokens.get(id)).lastUsedAt
    }

    expect(await use()).toEqual(new Date(start))
    const written = JSON.stringify([...source.rows])
    time.now = start + 59_000
    expect(await use()).toEqual(new Date(start))
    expect(JSON.stringify([...source.rows])).toBe(written)
    time.now = start + 64_000
    expect(await use()).toEqual(new Date(start + 64_000))
  })

  it("is not believed when any part of it is another's, or it is none", async () => {
    const { tokens, ask } = setup()
    const one = await tokens.create({ name: "one", roles: ["viewer"] })
    const two = await tokens.create({ name: "two", roles: ["viewer"] })

    const wrong = [
      `${one.prefix}_${two.token.slice(two.prefix.length + 1)}`,
      one.token.slice(0, -1),
      `${one.token}A`,
      one.prefix,
      `${one.prefix}_`,
      "crl_",
      "crl_setup_",
      `crl_${"A".repeat(5_000)}`,
    ]

    expect(await Promise.all(wrong.map((each) => ask(each)))).toEqual(wrong.map(() => null))
  })
})

describe("who makes a token", () => {
  it("cannot hand on more than they have, nor reach further", async () => {
    const { tokens } = setup()
    const forbidden = { code: "CARILLON_FORBIDDEN" }

    for (const wish of [
      { roles: ["admin"] },
      { roles: ["viewer"] },
      { permissions: ["VIEW_EVENTS"] as const },
      { roles: ["emitter"], scopes: "all" as const },
      { roles: ["emitter"], scopes: ["acme/master", "globex/master"] },
    ])
      await expect(tokens.create({ name: "more", ...wish }, tenant)).rejects.toMatchObject(forbidden)

    const made = await tokens.create({ name: "till", roles: ["emitter"] }, tenant)
    expect(made).toMatchObject({ scopes: tenant.scopes, createdBy: tenant.actor })
  })

  it("does not see what reaches beyond their scopes, and cannot end it", async () => {
    const { tokens } = setup()
    const theirs = await tokens.create({ name: "till", roles: ["emitter"] }, tenant)
    const wider = await tokens.create({
      name: "both",
      roles: ["emitter"],
      scopes: ["acme/master", "globex/master"],
    })
    const all = await tokens.create({ name: "all", roles: ["emitter"] })

    expect((await tokens.list(tenant)).map(({ id }) => id)).toEqual([theirs.id])
    const unknown = await tokens
      .revoke("tok_00000000000000000000000000", tenant)
      .catch((error: Error) => error)
    for (const { id } of [wider, all]) {
      const hidden = await tokens.revoke(id, tenant).catch((error: Error) => error)
      expect(hidden).toMatchObject({ code: "CARILLON_NOT_FOUND" })
      const said = (error: unknown, own: string) => (error as Error).message.replace(own, "")
      expect(said(hidden, id)).toBe(said(unknown, "tok_00000000000000000000000000"))
    }
    expect(await tokens.revoke(theirs.id, tenant)).toMatchObject({ state: "revoked" })
  })

  it.each([
    ["no name", { name: " ", roles: ["viewer"] }],
    ["a name with a line break", { name: "a\nb", roles: ["viewer"] }],
    ["nothing that it may do", { name: "billing" }],
    ["no scope", { name: "billing", roles: ["viewer"], scopes: [] }],
    ["a scope that cannot be", { name: "billing", roles: ["viewer"], scopes: ["a/b/c"] }],
    ["an end that is past", { name: "billing", roles: ["viewer"], expiresAt: 1 }],
    ["an end that is none", { name: "billing", roles: ["viewer"], expiresAt: new Date(Number.NaN) }],
  ])("is refused with %s, and nothing is written", async (_, wish) => {
    const { tokens, source } = setup()

    await expect(tokens.create(wish)).rejects.toMatchObject({ code: "CARILLON_INVALID_INPUT" })

    expect(source.rows.size).toBe(0)
  })

  it("does not find their token by its text, which is not said", async () => {
    const { tokens } = setup()
    const { token } = await tokens.create({ name: "billing", roles: ["viewer"] })

    const refusal = await tokens.revoke(token).catch((error: Error) => error)

    expect(refusal).toMatchObject({ code: "CARILLON_NOT_FOUND" })
    expect((refusal as Error).message).not.toContain(token.slice(-10))
  })
})
