import { describe, expect, it } from "vitest"
import { identityInMemory } from "../../test/support/identity.ts"

const admin = { email: "admin@shop.example", password: "correct horse" }

function setup() {
  const { identity, source, time } = identityInMemory()
  const { users, sessions } = identity
  const logIn = async (at = sessions): Promise<string> => {
    const user = await users.authenticate(admin.email, admin.password)
    if (user === null) throw new Error("The admin could not log in")
    return at.issue(user, 60_000)
  }
  return { users, sessions, source, time, logIn }
}

describe("a log-in", () => {
  it("names its user until it expires", async () => {
    const { users, sessions, time, logIn } = setup()
    await users.create(admin)
    const token = await logIn()

    expect(await sessions.userOf(token)).toMatchObject({ email: admin.email })
    time.now += 59_000
    expect(await sessions.userOf(token)).not.toBeNull()
    time.now += 2_000
    expect(await sessions.userOf(token)).toBeNull()
  })

  it("ends with its user, also when the address has another one later", async () => {
    const { users, sessions, logIn } = setup()
    await users.create(admin)
    const token = await logIn()

    await users.remove(admin.email)
    expect(await sessions.userOf(token)).toBeNull()

    await users.create(admin)
    expect(await sessions.userOf(token)).toBeNull()
  })

  it("ends with the password it was got by", async () => {
    const { users, sessions, logIn } = setup()
    await users.create(admin)
    const token = await logIn()

    await users.setPassword({ ...admin, password: "battery staple" })

    expect(await sessions.userOf(token)).toBeNull()
  })

  it("is not believed when it is forged, unsigned, changed, or no token at all", async () => {
    const { users, sessions, source, logIn } = setup()
    await users.create(admin)
    const stranger = identityInMemory({ source, secret: "another-secret-of-thirty-two-letters" }).identity
      .sessions
    const good = await logIn()
    const [header = "", payload = "", signature = ""] = good.split(".")
    const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url")
    const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as object

    const forgeries = {
      "another key": await logIn(stranger),
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

    expect(await sessions.userOf(good)).not.toBeNull()
    for (const [kind, token] of Object.entries(forgeries))
      expect([kind, await sessions.userOf(token)]).toEqual([kind, null])
  })

  it("goes on when the secret is changed and the old one stands behind the new", async () => {
    const [old, next] = ["an-old-secret-of-thirty-two-letters!", "a-new-secret-of-thirty-two-letters!!"]
    const { identity, source } = identityInMemory({ secret: old })
    const user = await identity.users.create(admin)
    const token = await identity.sessions.issue({ ...user, generation: 1 }, 60_000)

    const sessionsWith = (secret: string) => identityInMemory({ source, secret }).identity.sessions

    expect(await sessionsWith(`${next},${old}`).userOf(token)).toMatchObject({ id: user.id })
    expect(await sessionsWith(next).userOf(token)).toBeNull()
    const renewed = await sessionsWith(`${next} ${old}`).issue({ ...user, generation: 1 }, 60_000)
    expect(await sessionsWith(next).userOf(renewed)).toMatchObject({ id: user.id })
  })
})
