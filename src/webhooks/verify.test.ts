import { createHmac } from "node:crypto"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { newSecret, publicKeyOf } from "./secrets.ts"
import { legacySignature, signatureHeader } from "./signing.ts"
import { type ReceivedWebhook, verifyLegacyWebhook, verifyWebhook } from "./verify.ts"

const now = new Date("2026-03-01T12:00:00Z")
const sentAt = now.getTime() / 1000
const secret = newSecret()
const key = newSecret("ed25519")
const publicKey = publicKeyOf(key) as string
const body = '{"type":"order.placed","timestamp":"2026-03-01T11:59:58.000Z","data":{"id":"ord_1001"}}'
const bytes = Buffer.from(body)

function signed({ id = "evt_01", timestamp = sentAt, secrets = [secret], of = bytes as Uint8Array } = {}) {
  return {
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": signatureHeader({ id, timestamp, body: of, secrets }),
  }
}

const request = (more: Partial<ReceivedWebhook> = {}): ReceivedWebhook => ({
  headers: signed(),
  body,
  secret,
  now,
  ...more,
})

const reasonOf = (more: Partial<ReceivedWebhook>): Promise<unknown> =>
  verifyWebhook(request(more)).then(
    () => "verified",
    (error) => error.reason ?? error,
  )

describe("a webhook that was verified", () => {
  it("says who it is, when it was sent, and what", async () => {
    expect(await verifyWebhook(request())).toEqual({
      id: "evt_01",
      timestamp: now,
      payload: JSON.parse(body),
    })
  })

  it("may come as a Headers, or as an object with names in any case and with lists", async () => {
    const headers = signed()
    const upper = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]),
    )
    const listed = { ...headers, "webhook-id": ["evt_01"], cookie: undefined }

    for (const each of [new Headers(headers), new Map(Object.entries(headers)) as never, upper, listed])
      expect(await reasonOf({ headers: each })).toBe("verified")
  })

  it("may have its body as text, as bytes, and as part of a larger buffer", async () => {
    const larger = Buffer.from(`xx${body}xx`)
    const views = [bytes, new Uint8Array(bytes), larger.subarray(2, -2), Uint8Array.from(bytes).buffer]

    for (const each of views) expect(await reasonOf({ body: each as Uint8Array })).toBe("verified")
  })

  it.each([
    ["ed25519", [key], publicKey],
    ["one of two, the new secret being known already", [newSecret(), secret], secret],
    ["one of two, the old secret being known still", [secret], [newSecret(), secret]],
    ["both kinds while one replaces the other", [key, secret], [secret, publicKey]],
  ])("is signed with %s", async (_, secrets, known) => {
    expect(await reasonOf({ headers: signed({ secrets }), secret: known })).toBe("verified")
  })

  it("may be under the names of Svix", async () => {
    const headers = Object.fromEntries(
      Object.entries(signed()).map(([name, value]) => [name.replace("webhook", "svix"), value]),
    )

    expect(await reasonOf({ headers })).toBe("verified")
    expect(await reasonOf({ headers: { ...headers, "webhook-id": "evt_02" } })).toBe("missing-header")
  })

  it("has its text where it is not JSON, and nothing where it is empty", async () => {
    const text = Buffer.from("placed ord_1001")
    const empty = new Uint8Array()
    const plain = { ...signed({ of: text }), "content-type": "text/plain" }
    const json = { ...signed(), "content-type": "application/cloudevents+json; charset=utf-8" }

    expect((await verifyWebhook(request({ headers: plain, body: text }))).payload).toBe("placed ord_1001")
    expect((await verifyWebhook(request({ headers: json }))).payload).toEqual(JSON.parse(body))
    expect(
      (await verifyWebhook(request({ headers: signed({ of: empty }), body: empty }))).payload,
    ).toBeUndefined()
  })
})

describe("a webhook is refused", () => {
  it.each([
    ["without an id", { "webhook-id": undefined }, "missing-header"],
    ["with an empty id", { "webhook-id": "" }, "missing-header"],
    ["without a time", { "webhook-timestamp": undefined }, "missing-header"],
    ["without a signature", { "webhook-signature": undefined }, "missing-header"],
    ["with the signature's version alone", { "webhook-signature": "v1" }, "no-match"],
    ["with an empty signature", { "webhook-signature": "v1," }, "no-match"],
    ["with a signature that is no base64", { "webhook-signature": "v1,%%%" }, "no-match"],
    ["with two ids", { "webhook-id": ["evt_01", "evt_02"] }, "no-match"],
    ["with two times", { "webhook-timestamp": [`${sentAt}`, `${sentAt}`] }, "bad-header"],
    ["with a time and something behind it", { "webhook-timestamp": `${sentAt}x` }, "bad-header"],
    ["with a time that is a fraction", { "webhook-timestamp": `${sentAt}.0` }, "bad-header"],
    ["with a time before 1970", { "webhook-timestamp": `-${sentAt}` }, "bad-header"],
    ["with a time in another notation", { "webhook-timestamp": "1e9" }, "bad-header"],
    ["with a time in milliseconds", { "webhook-timestamp": `${now.getTime()}` }, "bad-header"],
    ["with a time that was not signed", { "webhook-timestamp": `${sentAt + 1}` }, "no-match"],
    ["with a time with a zero before", { "webhook-timestamp": `0${sentAt}` }, "no-match"],
    ["with an id that was not signed", { "webhook-id": "evt_02" }, "no-match"],
  ])("%s", async (_, change, reason) => {
    expect(await reasonOf({ headers: { ...signed(), ...change } })).toBe(reason)
  })

  it("if its signature comes behind more than there can be secrets", async () => {
    const { "webhook-signature": right } = signed()
    const behind = (count: number): object => ({
      ...signed(),
      "webhook-signature": [...Array.from({ length: count }, () => "v1,AAAA"), right].join(" "),
    })

    expect(await reasonOf({ headers: behind(19) as never })).toBe("verified")
    expect(await reasonOf({ headers: behind(20) as never })).toBe("no-match")
  })

  it("exactly where the tolerance ends, in both directions", async () => {
    const ages = [0, 300, 301, -300, -301]

    const reasons = await Promise.all(
      ages.map((age) => reasonOf({ headers: signed({ timestamp: sentAt - age }) })),
    )

    expect(reasons).toEqual(["verified", "verified", "too-old", "verified", "too-new"])
    const strict = { headers: signed({ timestamp: sentAt - 11 }), toleranceSeconds: 10 }
    expect(await reasonOf(strict)).toBe("too-old")
  })

  it("with a signature of one kind under the name of the other", async () => {
    const [hmac, ed25519] = [signed(), signed({ secrets: [key] })]
    const swapped = (headers: typeof hmac, from: string, to: string) => ({
      ...headers,
      "webhook-signature": headers["webhook-signature"].replace(from, to),
    })

    expect(await reasonOf({ headers: swapped(hmac, "v1,", "v1a,"), secret: [secret, publicKey] })).toBe(
      "no-match",
    )
    expect(await reasonOf({ headers: swapped(ed25519, "v1a,", "v1,"), secret: [secret, publicKey] })).toBe(
      "no-match",
    )
  })

  it("if its body is not the JSON that it says it is, although it was signed", async () => {
    for (const broken of ["{", "\xff"]) {
      const of = Buffer.from(broken, "latin1")
      expect(await reasonOf({ headers: signed({ of }), body: of })).toBe("bad-body")
    }
  })

  it("after any change of one bit of its body, and of any character of what was signed", async () => {
    const changed = fc.record({ at: fc.nat(bytes.length - 1), bit: fc.nat(7) })
    await fc.assert(
      fc.asyncProperty(changed, async ({ at, bit }) => {
        const other = Uint8Array.from(bytes, (byte, i) => (i === at ? byte ^ (1 << bit) : byte))
        expect(await reasonOf({ body: other })).toBe("no-match")
      }),
    )
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 32, maxLength: 32 }), async (guess) => {
        const signature = `v1,${Buffer.from(guess).toString("base64")}`
        expect(await reasonOf({ headers: { ...signed(), "webhook-signature": signature } })).toBe("no-match")
      }),
    )
  })

  it("whatever the headers are, with a reason and never by another error", async () => {
    const value = fc.oneof(
      fc.string(),
      fc.string({ unit: "binary" }),
      fc.constant(`${sentAt}`),
      fc.constant(undefined),
    )
    const headers = fc.record({ "webhook-id": value, "webhook-timestamp": value, "webhook-signature": value })
    await fc.assert(
      fc.asyncProperty(headers, async (given) => {
        expect(["missing-header", "bad-header", "too-old", "too-new", "no-match"]).toContain(
          await reasonOf({ headers: given }),
        )
      }),
    )
  })
})

describe("nothing is verified", () => {
  it.each([
    ["no secret", undefined],
    ["an empty one", ""],
    ["an empty list", []],
    ["one of several that is missing", [secret, undefined]],
    ["a token of Magento", "fD03@NpYbXYg"],
    ["a key too short to be safe", `whsec_${Buffer.alloc(23).toString("base64")}`],
    ["something else than base64", "whsec_%%%"],
    ["a public key cut short", publicKey.slice(0, -4)],
    ["the sender's own key", key],
    ["a wrong one among right ones", [secret, "whpk_AAAA"]],
  ])("with %s, and the error says so without repeating it", async (_, given) => {
    const error = (await reasonOf({ secret: given as string })) as Error

    expect(error).toMatchObject({ code: "CARILLON_INVALID_INPUT" })
    if (typeof given === "string" && given.length > 5) expect(error.message).not.toContain(given.slice(5))
  })

  it("of a body that was parsed already", async () => {
    expect(await reasonOf({ body: JSON.parse(body) })).toMatchObject({
      message: expect.stringContaining("Read it before anything parses it"),
    })
  })

  it("with a tolerance or a time that are no numbers, which would let everything in", async () => {
    for (const toleranceSeconds of [Number.NaN, -1, "300", null])
      expect(await reasonOf({ toleranceSeconds: toleranceSeconds as number })).toMatchObject({
        code: "CARILLON_INVALID_INPUT",
      })
    expect(await reasonOf({ now: new Date("never") })).toMatchObject({ code: "CARILLON_INVALID_INPUT" })
  })
})

describe("a webhook in the legacy form", () => {
  const token = "fv38u07Wdh$R@mRd"
  const told = Buffer.from('{"data":{"increment_id":"000000001"}}')
  const alone = { "x-magento-signature": legacySignature(told, token) }
  const beside = { ...alone, ...signed({ secrets: [token], of: told }) }

  it("is verified by its token, and knows no time", async () => {
    expect(await verifyLegacyWebhook({ headers: alone, body: told, token })).toEqual({
      id: null,
      timestamp: null,
      payload: { data: { increment_id: "000000001" } },
    })
    expect(await verifyLegacyWebhook({ headers: alone, body: told, token: ["other", token] })).toBeDefined()
  })

  it("is verified with its time where Carillon signed it, too", async () => {
    const given = { headers: beside, body: told, token, toleranceSeconds: 300 }

    expect(await verifyLegacyWebhook({ ...given, now })).toMatchObject({ id: "evt_01", timestamp: now })
    const later = verifyLegacyWebhook({ ...given, now: now.getTime() + 301_000 })
    await expect(later).rejects.toMatchObject({ reason: "too-old" })
    const stripped = verifyLegacyWebhook({ ...given, headers: alone, now })
    await expect(stripped).rejects.toMatchObject({ reason: "missing-header" })
  })

  it("with a `whsec_` secret is verified as Standard Webhooks as well, so that a receiver can change over", async () => {
    const both = { "x-magento-signature": legacySignature(told, secret), ...signed({ of: told }) }

    expect(
      await verifyLegacyWebhook({ headers: both, body: told, token: secret, toleranceSeconds: 5, now }),
    ).toBeDefined()
    expect(await reasonOf({ headers: both, body: told })).toBe("verified")
  })

  it.each([
    ["without a signature", {}, "missing-header"],
    [
      "with one in upper case",
      { "x-magento-signature": alone["x-magento-signature"].toUpperCase() },
      "bad-header",
    ],
    ["with one cut short", { "x-magento-signature": "00" }, "bad-header"],
    ["with another", { "x-magento-signature": "0".repeat(64) }, "no-match"],
    ["with one by an empty token", { "x-magento-signature": createEmpty(told) }, "no-match"],
  ])("is refused %s", async (_, headers, reason) => {
    await expect(verifyLegacyWebhook({ headers, body: told, token })).rejects.toMatchObject({ reason })
  })

  it("is refused after any change of its body, and without a token", async () => {
    const other = verifyLegacyWebhook({ headers: alone, body: `${told} `, token })
    await expect(other).rejects.toMatchObject({ reason: "no-match" })
    const none = verifyLegacyWebhook({ headers: alone, body: told, token: "" })
    await expect(none).rejects.toMatchObject({ code: "CARILLON_INVALID_INPUT" })
  })
})

/** What a shop signs whose subscription was made without a token. */
function createEmpty(of: Uint8Array): string {
  return createHmac("sha256", "").update(of).digest("hex")
}
