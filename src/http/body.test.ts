import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { jsonIn, readBytes } from "./body.ts"
import { SharedRoom } from "./shared-room.ts"
import { WebRequest } from "./web-request.ts"

const MIB = 1024 * 1024

/** A request of which a part has come, and no more. */
function halfSent({ said, came }: { said: number; came: number }): WebRequest {
  const body = new ReadableStream({ start: (sender) => sender.enqueue(new Uint8Array(came)) })
  const headers = { "content-length": String(said) }
  return new WebRequest(
    new Request("http://shop/", { method: "POST", headers, body, duplex: "half" } as RequestInit),
  )
}

describe("the room that a body takes", () => {
  it("is what came of it, where much was said", async () => {
    const room = new SharedRoom({ most: 4 * MIB, mostOfOne: 4 * MIB, what: "bodies are being read" })

    void readBytes(halfSent({ said: 4 * MIB, came: 10 }), { mostBytes: 4 * MIB, room: room.share("token A") })
    await new Promise(setImmediate)

    expect(room.taken).toBe(10)
  })

  it("is what was said, where that is little", async () => {
    const room = new SharedRoom({ most: 4 * MIB, mostOfOne: 4 * MIB, what: "bodies are being read" })

    void readBytes(halfSent({ said: 1_000, came: 10 }), { mostBytes: 4 * MIB, room: room.share("token A") })
    await new Promise(setImmediate)

    expect(room.taken).toBe(1_000)
  })
})

describe("JSON", () => {
  it("that is nested deeply is refused before it is parsed, however long it goes on", () => {
    expect(() => jsonIn(Buffer.from("[".repeat(1_000_000)))).toThrow("nested at most 100 deep")
  })

  it("with numbers that would be lost is refused, and goes as far as numbers do", () => {
    expect(() => jsonIn(Buffer.from('{"total":1e400}'))).toThrow("less than 309 digits")
    expect(() => jsonIn(Buffer.from("1e400"))).toThrow("less than 309 digits")
    expect(() => jsonIn(Buffer.from('{"totals":[[1,-1e309]]}'))).toThrow("less than 309 digits")

    expect(jsonIn(Buffer.from('{"total":1e308,"cents":1e-400}'))).toEqual({ total: 1e308, cents: 0 })
  })

  it("with a trap in it is refused, and no other, however it is written", () => {
    const name = fc.constantFrom("__proto__", "constructor", "prototype", "total", "\\", '"')
    const key = fc.tuple(name, fc.boolean()).map(([text, isHidden]) => {
      const plain = JSON.stringify(text)
      return isHidden
        ? plain.replace(/[a-z_]/, (letter) => `\\u00${letter.charCodeAt(0).toString(16)}`)
        : plain
    })
    const scalar = fc.constantFrom(
      "1",
      "true",
      "1e5",
      "-1E309",
      "9".repeat(309),
      `"${"9".repeat(309)}"`,
      '"1e999"',
    )
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof({ maxDepth: 4 }, scalar, tie("list"), tie("object")),
      list: fc.array(tie("value"), { maxLength: 3 }).map((all) => `[${all.join(" ,")}]`),
      object: fc
        // Of two values under one name V8 takes now the one and now the other.
        .uniqueArray(fc.tuple(key, tie("value")), { maxLength: 3, selector: ([one]) => JSON.parse(one) })
        .map((all) => `{${all.map(([one, other]) => `${one}:${other}`).join()}}`),
    }))
    fc.assert(
      fc.property(value as fc.Arbitrary<string>, (text) => {
        const given = Buffer.from(text)

        if (isTrap(JSON.parse(text))) expect(() => jsonIn(given), text).toThrow("Expected")
        else expect(jsonIn(given), text).toEqual(JSON.parse(text))
      }),
      { numRuns: 500 },
    )
  })

  it("that is nested a hundred deep is taken, whatever stands in the middle", () => {
    for (const inner of ["null", "1", '""', "[]"]) {
      const text = `${"[".repeat(100)}${inner}${"]".repeat(100)}`
      expect(jsonIn(Buffer.from(text))).toEqual(JSON.parse(text))
    }
    expect(() => jsonIn(Buffer.from(`${"[".repeat(102)}${"]".repeat(102)}`))).toThrow("at most 100 deep")
  })

  it("that is large is what it says, whatever stands in its texts", () => {
    const filler = "x".repeat(70_000)
    const text = fc.oneof(fc.string(), fc.stringMatching(/^["\\[\]{}]{0,300}$/))
    fc.assert(
      fc.property(fc.array(fc.jsonValue({ maxDepth: 8 })), fc.array(text), (values, texts) => {
        fc.pre(!isTrap(values))
        const given = JSON.stringify({ filler, values, texts: [texts, { texts }] })

        expect(jsonIn(Buffer.from(given))).toEqual(JSON.parse(given))
      }),
    )
  })
})

/** Found by walking through all of it. */
function isTrap(value: unknown): boolean {
  if (typeof value === "number") return !Number.isFinite(value)
  if (typeof value !== "object" || value === null) return false
  const own = Object.getOwnPropertyDescriptor(value, "constructor")?.value
  const isReaching = typeof own === "object" && own !== null && Object.hasOwn(own, "prototype")
  return isReaching || Object.hasOwn(value, "__proto__") || Object.values(value).some(isTrap)
}
