import { describe, expect, it } from "vitest"
import { Kept } from "./kept.ts"

describe("what is kept", () => {
  it("is made once for what it is made with, and used by all", async () => {
    const { kept, made } = setup(2)

    await Promise.all([use(kept, made, "a"), use(kept, made, "a"), use(kept, made, "b")])

    expect(made).toEqual(["a", "b"])
  })

  it("makes room by closing what was used least recently", async () => {
    const { kept, made, closed } = setup(2)

    for (const key of ["a", "b", "a", "c"]) await use(kept, made, key)

    expect(closed).toEqual(["b"])
    await use(kept, made, "b")
    expect(made).toEqual(["a", "b", "c", "b"])
  })

  it("is not closed while somebody uses it", async () => {
    const { kept, made, closed } = setup(1)
    const done = Promise.withResolvers<void>()
    const first = kept.use("a", made.bind("a"), () => done.promise)

    await use(kept, made, "b")
    expect(closed).toEqual(["b"])
    kept.drop("a", "a")
    expect(closed).toEqual(["b"])
    done.resolve()
    await first

    expect(closed).toEqual(["b", "a"])
  })

  it("is closed once when all are, also what was dropped and is in use", async () => {
    const { kept, made, closed } = setup(5)
    const done = Promise.withResolvers<void>()
    const first = kept.use("a", made.bind("a"), () => done.promise)
    kept.drop("a", "a")
    await use(kept, made, "b")

    await kept.close()
    done.resolve()
    await first

    expect(closed.sort()).toEqual(["a", "b"])
    await expect(use(kept, made, "c")).rejects.toThrow("closed")
  })
})

function setup(most: number) {
  const closed: string[] = []
  const kept = new Kept<string>({ most, close: (value) => closed.push(value) })
  return { kept, closed, made: new Made() }
}

class Made extends Array<string> {
  bind(key: string): () => string {
    return () => {
      this.push(key)
      return key
    }
  }
}

function use(kept: Kept<string>, made: Made, key: string): Promise<void> {
  return kept.use(key, made.bind(key), async () => {})
}
