import { type createPrivateKey, generateKeyPairSync, sign, verify } from "node:crypto"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { checkedSecret, newSecret, publicKeyOf, signingKeyOf } from "./secrets.ts"

/** Of the tests of Svix, which wrote the specification: seed and public key. */
const KEY = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
const PUBLIC_KEY = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
const SEED = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbc="

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64")

describe("a secret", () => {
  it("is 32 bytes by chance, another each time", () => {
    const secrets = Array.from({ length: 20 }, () => newSecret())

    expect(new Set(secrets).size).toBe(20)
    expect(secrets.every((each) => Buffer.from(each.slice(6), "base64").length === 32)).toBe(true)
  })

  it.each(["hmac", "ed25519"] as const)("of the kind %s that was made is accepted as it is", (kind) => {
    const secret = newSecret(kind)

    expect(checkedSecret(secret, "standard")).toBe(secret)
    expect(checkedSecret(secret, "cloudevents")).toBe(secret)
  })

  it("of ed25519 has a public key that checks what it signs", () => {
    const secret = newSecret("ed25519")
    const open = publicKeyOf(secret) as string
    const [signing, x] = [signingKeyOf(secret), Buffer.from(open.slice(5), "base64").toString("base64url")]
    const body = Buffer.from("order.placed")

    const signature = sign(null, body, signing.key as ReturnType<typeof createPrivateKey>)

    const key = { kty: "OKP", crv: "Ed25519", x } as const
    expect(verify(null, body, { key, format: "jwk" }, signature)).toBe(true)
    expect(publicKeyOf(newSecret("hmac"))).toBeNull()
  })

  it("of ed25519 may be a seed alone or with its public key, and is kept whole", () => {
    expect(checkedSecret(KEY, "standard")).toBe(KEY)
    expect(checkedSecret(SEED, "standard")).toBe(KEY)
    expect(publicKeyOf(SEED)).toBe(PUBLIC_KEY)
  })

  it("is kept with its padding, whether it came with it or not", () => {
    expect(checkedSecret(SEED.replace("=", ""), "standard")).toBe(KEY)
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 24, maxLength: 64 }), (bytes) => {
        const whole = `whsec_${base64(bytes)}`
        expect(checkedSecret(whole, "standard")).toBe(whole)
        expect(checkedSecret(whole.replace(/=+$/, ""), "standard")).toBe(whole)
      }),
    )
  })

  it.each([
    ["23 bytes", `whsec_${base64(new Uint8Array(23))}`],
    ["65 bytes", `whsec_${base64(new Uint8Array(65))}`],
    ["no base64", "whsec_%%%"],
    ["base64 of another alphabet", `whsec_${"_-".repeat(20)}`],
    ["a letter too many", `whsec_${"A".repeat(41)}`],
    ["nothing after its beginning", "whsec_"],
    ["a key cut short", KEY.slice(0, -4)],
    ["31 bytes of a seed", `whsk_${base64(new Uint8Array(31))}`],
    ["a seed with the public key of another", `whsk_${base64(new Uint8Array(64).fill(7))}`],
    ["a public key", PUBLIC_KEY],
    ["a token of the legacy form", "fD03@NpYbXYg"],
    ["an empty text", ""],
    ["nothing", undefined],
    ["a number", 42],
  ])("is refused with %s, and not repeated in the message", (_, secret) => {
    const refusal = (): string => checkedSecret(secret, "standard")

    expect(refusal).toThrow(/^Expected the secret to be/)
    const tail = typeof secret === "string" ? secret.slice(6, 20) : ""
    if (tail !== "") expect(refusal).not.toThrow(tail)
  })

  it("of the legacy form is any text that both sides can have", () => {
    expect(checkedSecret("fD03@NpYbXYg", "legacy")).toBe("fD03@NpYbXYg")
    expect(checkedSecret("zoë", "legacy")).toBe("zoë")
    expect(checkedSecret(newSecret(), "legacy")).toMatch(/^whsec_/)
    expect(() => checkedSecret("", "legacy")).toThrow("1 to 1,000 characters, got 0")
    expect(() => checkedSecret("x".repeat(1_001), "legacy")).toThrow("got 1001")
    expect(() => checkedSecret("\ud800", "legacy")).toThrow("text in Unicode")
    expect(() => checkedSecret("whsec_short", "legacy")).toThrow("24 to 64 bytes")
    expect(() => checkedSecret(KEY, "legacy")).toThrow("a key of ed25519")
    expect(() => checkedSecret(PUBLIC_KEY, "legacy")).toThrow("a key of ed25519")
  })

  it("that another program made as PKCS #8 is read by its seed", () => {
    const { privateKey } = generateKeyPairSync("ed25519")
    const seed = privateKey.export({ format: "der", type: "pkcs8" }).subarray(-32)

    const { key } = signingKeyOf(`whsk_${base64(seed)}`)

    expect((key as typeof privateKey).equals(privateKey)).toBe(true)
  })
})
