import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { KeyRing, keyIdOf } from "./key-ring.ts"

const [old, next] = ["an-old-secret-of-thirty-two-letters!", "a-new-secret-of-thirty-two-letters!!"]
const place = { collection: "applications", id: "app_1", field: "consumerSecret" }

const text = fc.string({ unit: "binary", maxLength: 200 }).filter((each) => each.isWellFormed())
const placeOf = fc.record({ collection: fc.string(), id: fc.string(), field: fc.string() })

function errorOf(work: () => unknown): { readonly code?: string; readonly message: string } {
  try {
    work()
  } catch (error) {
    return error as Error
  }
  return { message: "nothing was thrown" }
}

describe("a sealed value", () => {
  it("opens at its place, whatever it is", () => {
    const ring = new KeyRing(old)

    fc.assert(fc.property(text, placeOf, (secret, at) => ring.open(at, ring.seal(at, secret)) === secret))
  })

  it("does not show what it holds, nor that two hold the same", () => {
    const ring = new KeyRing(old)

    const [one, other] = [ring.seal(place, "correct horse"), ring.seal(place, "correct horse")]

    expect(one).toMatch(/^v1\.[\w-]{11}\.[\w-]{16}\.[\w-]+$/)
    expect(one).not.toBe(other)
    expect(Buffer.from(one.split(".")[3] ?? "", "base64url").toString()).not.toContain("horse")
  })

  it("is refused when any bit of it was changed", () => {
    const ring = new KeyRing(old)

    fc.assert(
      fc.property(text, fc.nat(), fc.integer({ min: 0, max: 7 }), (secret, where, bit) => {
        const [version = "", keyId = "", nonce = "", body = ""] = ring.seal(place, secret).split(".")
        const bytes = Buffer.concat([Buffer.from(nonce, "base64url"), Buffer.from(body, "base64url")])
        const at = where % bytes.length
        bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
        const parts = [bytes.subarray(0, 12), bytes.subarray(12)].map((each) => each.toString("base64url"))

        const { code } = errorOf(() => ring.open(place, [version, keyId, ...parts].join(".")))

        expect(code).toBe("CARILLON_SEAL")
      }),
    )
  })

  it("is refused when any letter of it was changed, also one that decodes to the same bytes", () => {
    const ring = new KeyRing(old)
    const sealed = ring.seal(place, "correct horse")

    for (let at = 0; at < sealed.length; at++) {
      for (const letter of ["A", "B", "_", ".", "=", " "]) {
        if (sealed[at] === letter) continue
        const changed = `${sealed.slice(0, at)}${letter}${sealed.slice(at + 1)}`

        expect(errorOf(() => ring.open(place, changed)).code).toMatch(/^CARILLON_(SEAL|UNKNOWN_KEY)$/)
      }
    }
  })

  it("is refused when it was cut, or is none", () => {
    const ring = new KeyRing(old)
    const sealed = ring.seal(place, "correct horse")

    for (let length = 0; length < sealed.length; length++)
      expect(errorOf(() => ring.open(place, sealed.slice(0, length))).code).toMatch(
        /^CARILLON_(SEAL|UNKNOWN_KEY)$/,
      )
  })

  it("cannot be moved to another row, field or collection", () => {
    const ring = new KeyRing(old)

    fc.assert(
      fc.property(placeOf, placeOf, (here, there) => {
        fc.pre(
          JSON.stringify([here.collection, here.id, here.field]) !==
            JSON.stringify([there.collection, there.id, there.field]),
        )
        expect(errorOf(() => ring.open(there, ring.seal(here, "secret"))).code).toBe("CARILLON_SEAL")
      }),
    )
  })

  it("under a key that is not there says which, and what to do, but no secret", () => {
    const sealed = new KeyRing(old).seal(place, "correct horse")

    const { code, message } = errorOf(() => new KeyRing(next).open(place, sealed))

    expect(code).toBe("CARILLON_UNKNOWN_KEY")
    expect(message).toContain(new KeyRing(old).keyId)
    expect(message).toContain("CARILLON_SECRET")
    expect([old, next, "horse"].some((each) => message.includes(each))).toBe(false)
  })
})

describe("a key ring", () => {
  it("seals with its first key and opens with all, however they are separated", () => {
    const sealed = new KeyRing(old).seal(place, "correct horse")

    for (const secrets of [`${next},${old}`, `${next} ${old}`, ` ${next} ,\n${old}, `]) {
      const ring = new KeyRing(secrets)
      expect(ring.open(place, sealed)).toBe("correct horse")
      expect(keyIdOf(ring.seal(place, "x"))).toBe(new KeyRing(next).keyId)
      expect(new KeyRing(next).open(place, ring.seal(place, "x"))).toBe("x")
    }
  })

  it("gives each purpose a key of its own, the same in every process", () => {
    const one = new KeyRing(old).derive("log-ins")
    const other = new KeyRing(`${next},${old}`)

    expect(other.deriveFrom(one.keyId, "log-ins")).toEqual(one.key)
    expect(other.deriveFrom(one.keyId, "cursors")).not.toEqual(one.key)
    expect(other.deriveFrom("another", "log-ins")).toBeNull()
    expect(other.deriveAll("log-ins")).toEqual([other.derive("log-ins").key, one.key])
  })

  it.each([
    ["nothing", ""],
    ["blanks", " , "],
    ["a short secret", "short"],
    ["one short of two", `${old},short`],
  ])("is not made of %s, and says no secret", (_, secrets) => {
    const { code, message } = errorOf(() => new KeyRing(secrets))

    expect(code).toBe("CARILLON_CONFIG")
    expect(message).toMatch(/32 characters.*openssl/)
    expect(message).not.toContain(old)
  })
})
