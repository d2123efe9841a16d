import { describe, expect, it } from "vitest"
import { identityInMemory } from "../../test/support/identity.ts"
import { KeyRing } from "./key-ring.ts"

const [old, next] = ["an-old-secret-of-thirty-two-letters!", "a-new-secret-of-thirty-two-letters!!"]

/** 250 applications that were made under the old secret. */
async function setup() {
  const { identity, source } = identityInMemory({ secret: old })
  const made = []
  for (let i = 0; i < 250; i++)
    made.push(await identity.applications.create({ name: `application ${i}`, roles: ["viewer"] }))
  const withSecret = (secret: string) => identityInMemory({ source, secret }).identity
  return { made, source, withSecret }
}

describe("secrets at rest", () => {
  it("come under the new secret, and are read without the old one", async () => {
    const { made, withSecret } = await setup()
    const both = withSecret(`${next},${old}`)
    expect(await both.sealed.check()).toMatchObject({ behind: 250, unreadable: 0 })

    const report = await both.sealed.reencrypt()

    expect(report).toEqual({ keyId: new KeyRing(next).keyId, values: 250, resealed: 250, unreadable: [] })
    expect(await both.sealed.reencrypt()).toMatchObject({ resealed: 0 })
    const alone = withSecret(next)
    expect(await alone.sealed.check()).toMatchObject({ behind: 0, unreadable: 0 })
    for (const { consumerKey, consumerSecret } of made)
      expect((await alone.applications.consumer(consumerKey))?.consumerSecret).toBe(consumerSecret)
  })

  it("go on where it was interrupted", async () => {
    const { source, withSecret } = await setup()
    const { write } = source
    let writes = 0
    source.write = (change) =>
      ++writes > 100 ? Promise.reject(new Error("The store is away")) : write.call(source, change)
    const { sealed } = withSecret(`${next},${old}`)
    await expect(sealed.reencrypt()).rejects.toThrow("The store is away")

    source.write = write

    expect(await sealed.reencrypt()).toMatchObject({ values: 250, resealed: 150 })
  })

  it("keep what somebody changes at the same moment", async () => {
    const { made, source, withSecret } = await setup()
    const { applications, sealed } = withSecret(`${next},${old}`)
    const [first] = made
    const { write } = source
    let rotated = ""
    source.write = async (change) => {
      source.write = write
      rotated = (await applications.rotate(first?.id ?? "")).consumerSecret
      return write.call(source, change)
    }

    await sealed.reencrypt()

    for (const { consumerKey, id, consumerSecret } of made)
      expect((await applications.consumer(consumerKey))?.consumerSecret).toBe(
        id === first?.id ? rotated : consumerSecret,
      )
  })

  it("whose secret is gone stay as they are, and are named", async () => {
    const { source, withSecret } = await setup()
    const before = JSON.stringify([...source.rows])
    const { sealed } = withSecret(next)

    const { resealed, unreadable } = await sealed.reencrypt()

    expect([resealed, unreadable.length]).toEqual([0, 250])
    expect(unreadable[0]).toMatchObject({
      collection: "applications",
      field: "consumerSecret",
      code: "CARILLON_UNKNOWN_KEY",
    })
    expect(JSON.stringify([...source.rows])).toBe(before)
    expect(await sealed.check()).toEqual({
      keys: [{ keyId: new KeyRing(old).keyId, values: 250, state: "unknown" }],
      behind: 250,
      unreadable: 250,
    })
  })

  it("where there are none need no secret", async () => {
    const { identity } = identityInMemory({ secret: null, env: { NODE_ENV: "production" } })

    expect(await identity.sealed.check()).toEqual({ keys: [], behind: 0, unreadable: 0 })
    expect(await identity.sealed.reencrypt()).toMatchObject({ keyId: null, values: 0 })
  })
})
