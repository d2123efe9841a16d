import { describe, expect, it } from "vitest"
import { SharedRoom } from "./shared-room.ts"

describe("room that requests share", () => {
  it("is there for all of them together, and comes back with their answers", () => {
    const room = roomOf({ mostOfOne: 100 })
    const [first, second] = [room.share("token A"), room.share("token B")]
    first.take(60)

    expect(() => second.take(50)).toThrow(expect.objectContaining({ status: 503 }))
    first.free()
    second.take(50)

    expect(room.taken).toBe(50)
  })

  it("is given back once, however often that is said", () => {
    const room = roomOf({ mostOfOne: 100 })
    const share = room.share("token A")
    share.take(60)

    share.free()
    share.free()

    expect(room.taken).toBe(0)
  })

  it("is never all taken by one, however many requests they have", () => {
    const room = roomOf({ mostOfOne: 50 })
    const own = room.share("token A")
    own.take(30)

    expect(() => room.share("token A").take(30)).toThrow(/bodies are being read for one credential/)
    room.share("token B").take(50)
    own.free()
    room.share("token A").take(50)

    expect(room.taken).toBe(100)
  })
})

function roomOf({ mostOfOne }: { mostOfOne: number }): SharedRoom {
  return new SharedRoom({ most: 100, mostOfOne, what: "bodies are being read" })
}
