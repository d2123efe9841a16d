import { createHmac } from "node:crypto"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { legacySignature, signatureHeader } from "./signing.ts"

/** The vectors of the specification's own tests, and of those of Svix. */
const vector = {
  id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
  timestamp: 1_614_265_330,
  body: Buffer.from('{"test": 2432232314}'),
}
const HMAC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
const SEED = "whsk_VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk="
const KEY = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
const BY_HMAC = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
const BY_SEED = "v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag=="
const BY_KEY = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="

describe("a signature", () => {
  it.each([
    ["HMAC", HMAC, BY_HMAC],
    ["an ed25519 seed", SEED, BY_SEED],
    ["an ed25519 key", KEY, BY_KEY],
  ])("by %s is that of the specification's vector", (_, secret, signature) => {
    expect(signatureHeader({ ...vector, secrets: [secret] })).toBe(signature)
  })

  it("has an entry for each secret in force, the newest first", () => {
    expect(signatureHeader({ ...vector, secrets: [KEY, HMAC, SEED] })).toBe(`${BY_KEY} ${BY_HMAC} ${BY_SEED}`)
  })

  it("is not made without a secret", () => {
    expect(() => signatureHeader({ ...vector, secrets: [] })).toThrow("Expected a secret in force")
    expect(() => legacySignature(vector.body, "")).toThrow("got an empty one")
  })

  it("is the same whichever secrets were used before, and however many", () => {
    const signed = fc.record({
      id: fc.string(),
      timestamp: fc.nat(),
      body: fc.uint8Array({ maxLength: 300 }),
      key: fc.uint8Array({ minLength: 24, maxLength: 64 }),
    })
    fc.assert(
      fc.property(signed, ({ id, timestamp, body, key }) => {
        const secrets = [`whsec_${Buffer.from(key).toString("base64")}`]
        const bytes = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body])
        const expected = `v1,${createHmac("sha256", key).update(bytes).digest("base64")}`
        expect(signatureHeader({ id, timestamp, body, secrets })).toBe(expected)
      }),
      { numRuns: 2_500 },
    )
    expect(signatureHeader({ ...vector, secrets: [HMAC] })).toBe(BY_HMAC)
  })
})

describe("the legacy signature", () => {
  it.each([
    [
      "as PHP writes JSON",
      String.raw`{"data":{"increment_id":"000000001","customer_email":"zo\u00eb@example.com","url":"https:\/\/x\/y"}}`,
      "9cdacc896733091026c84dd5eaf4ca2972e7ec604fd87e45193cb4958cef9d83",
    ],
    [
      "as JavaScript does",
      '{"data":{"increment_id":"000000001","customer_email":"zoë@example.com","url":"https://x/y"}}',
      "d95bcc456ce3b250b30be5ad47ca0616b5d0e86b284cbfe47f6bd0001effce51",
    ],
  ])("is over the exact bytes, %s", (_, body, signature) => {
    expect(legacySignature(Buffer.from(body), "fD03@NpYbXYg")).toBe(signature)
  })
})
