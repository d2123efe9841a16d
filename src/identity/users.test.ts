import { describe, expect, it } from "vitest"
import type { Change, ChangeResult } from "../engine/commit.ts"
import { Passwords } from "./password.ts"
import type { RecordSource } from "./records.ts"
import { tokenSecret } from "./secret.ts"
import { Tokens } from "./tokens.ts"
import { Users } from "./users.ts"

/** Records that are kept in memory, by the rules of the port. */
class MemoryRecords implements RecordSource {
  readonly rows = new Map<string, string>()

  async write(change: Change): Promise<ChangeResult> {
    if (change.kind !== "put-record") throw new Error(`Nobody expected a ${change.kind} here`)
    const { collection, id, value, ifAbsent } = change
    const key = `${collection}/${id}`
    const there = this.rows.get(key)
    if (ifAbsent && there !== undefined && there !== value)
      return { status: "conflict", message: "It is there." }
    if (value === null) this.rows.delete(key)
    else this.rows.set(key, value)
    return { status: "ok" }
  }

  readonly queries = {
    record: async (collection: string, id: string) => this.rows.get(`${collection}/${id}`) ?? null,
    records: async (collection: string) =>
      [...this.rows]
        .filter(([key]) => key.startsWith(`${collection}/`))
        .map(([key, value]) => ({ id: key.slice(collection.length + 1), value })),
  }
}

const admin = { email: "admin@shop.example", password: "correct horse" }

function setup() {
  const source = new MemoryRecords()
  const time = { now: Date.UTC(2026, 2, 1) }
  let made = 0
  const users = new Users({
    source,
    now: () => time.now,
    newId: () => `user_${++made}`,
    passwords: new Passwords({ log2n: 4, r: 8, p: 1 }),
  })
  const tokensOf = (key = new Uint8Array(32).fill(7)): Tokens =>
    new Tokens({ key, users, lifetimeMs: 60_000, now: () => time.now })
  const logIn = async (tokens: Tokens): Promise<string> => {
    const user = await users.authenticate(admin.email, admin.password)
    if (user === null) throw new Error("The admin could not log in")
    return tokens.issue(user)
  }
  return { source, users, time, tokens: tokensOf(), tokensOf, logIn }
}

describe("users", () => {
  it("log in with their password only, however the address is written", async () => {
    const { users } = setup()
    await users.create({ ...admin, email: "  Admin@Shop.Example " })

    expect(await users.authenticate("ADMIN@shop.example", admin.password)).toMatchObject({ id: "user_1" })
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

describe("a token", () => {
  it("names its user until it expires", async () => {
    const { users, time, tokens, logIn } = setup()
    await users.create(admin)
    const token = await logIn(tokens)

    expect(await tokens.userOf(token)).toMatchObject({ id: "user_1", email: admin.email })
    time.now += 59_000
    expect(await tokens.userOf(token)).not.toBeNull()
    time.now += 2_000
    expect(await tokens.userOf(token)).toBeNull()
  })

  it("ends with its user, also when the address has another one later", async () => {
    const { users, tokens, logIn } = setup()
    await users.create(admin)
    const token = await logIn(tokens)

    await users.remove(admin.email)
    expect(await tokens.userOf(token)).toBeNull()

    await users.create(admin)
    expect(await tokens.userOf(token)).toBeNull()
  })

  it("ends with the password it was got by", async () => {
    const { users, tokens, logIn } = setup()
    await users.create(admin)
    const token = await logIn(tokens)

    await users.setPassword({ ...admin, password: "battery staple" })

    expect(await tokens.userOf(token)).toBeNull()
  })

  it("is not believed when it is forged, unsigned, changed, or no token at all", async () => {
    const { users, tokens, tokensOf, logIn } = setup()
    await users.create(admin)
    const good = await logIn(tokens)
    const [header = "", payload = "", signature = ""] = good.split(".")
    const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url")
    const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as object

    const forgeries = {
      "another key": await logIn(tokensOf(new Uint8Array(32).fill(8))),
      unsigned: `${encoded({ alg: "none", typ: "JWT" })}.${payload}.`,
      "unsigned, in capitals": `${encoded({ alg: "NONE" })}.${payload}.${signature}`,
      "another algorithm": `${encoded({ alg: "HS512" })}.${payload}.${signature}`,
      "another user": `${header}.${encoded({ ...claims, sub: "user_2" })}.${signature}`,
      "no end": `${header}.${encoded({ ...claims, exp: undefined })}.${signature}`,
      "cut off": good.slice(0, -3),
      "only dots": "..",
      nothing: "",
      endless: "a".repeat(1_000_000),
    }

    expect(await tokens.userOf(good)).not.toBeNull()
    for (const [kind, token] of Object.entries(forgeries))
      expect([kind, await tokens.userOf(token)]).toEqual([kind, null])
  })
})

describe("the secret behind tokens", () => {
  it("is made once for all processes that come at the same moment", async () => {
    const { source } = setup()

    const secrets = await Promise.all([1, 2, 3].map(() => tokenSecret(source, undefined)))

    expect(new Set(secrets.map(({ key }) => Buffer.from(key).toString("hex"))).size).toBe(1)
    expect(secrets[0]?.from).toBe("store")
  })

  it("comes from the environment where it stands there, and is refused when it is short", async () => {
    const { source } = setup()

    const { key, from } = await tokenSecret(source, "a secret of at least thirty-two letters")

    expect(from).toBe("environment")
    expect(Buffer.from(key).toString()).not.toContain("secret")
    expect(source.rows.size).toBe(0)
    await expect(tokenSecret(source, "short")).rejects.toMatchObject({ code: "CARILLON_CONFIG" })
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
