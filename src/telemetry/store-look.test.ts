import { expect, it, vi } from "vitest"
import type { Engine } from "../engine/engine.ts"
import { StoreLook } from "./store-look.ts"

const clock = { now: () => 0 } as never

/** A store whose answers are none, but for how long the first of them takes. */
function setup(lag: () => Promise<readonly never[]>) {
  const none = async () => []
  const asked = vi.fn(lag)
  const engine = {
    queries: {
      catalog: async () => ({ version: 1, subscriptions: [] }),
      lag: asked,
      runCounts: none,
      workers: none,
    },
    maintenance: { size: async () => ({ bytes: 1, staged: 0 }) },
  } as unknown as Engine
  return { look: new StoreLook(engine, clock, 20), asked }
}

it("asks once for all who look at one time, and for those who look soon after", async () => {
  const { look, asked } = setup(async () => [])

  const views = [...(await Promise.all([look.view(), look.view()])), await look.view()]

  expect(views.map((view) => view?.size.bytes)).toEqual([1, 1, 1])
  expect(asked).toHaveBeenCalledTimes(1)
})

it("says that the store is away where it fails, and asks again the next time", async () => {
  const { look, asked } = setup(async () => [])
  asked.mockRejectedValueOnce(new Error("The store is away."))

  expect([await look.view(), (await look.view())?.size.bytes]).toEqual([null, 1])
})

it("waits no longer than it has patience, does not ask beside that, and takes the answer when it comes", async () => {
  const { promise, resolve } = Promise.withResolvers<never[]>()
  const { look, asked } = setup(() => promise)

  expect([await look.view(), await look.view()]).toEqual([null, null])
  resolve([])
  expect((await look.view())?.size.bytes).toBe(1)
  expect(asked).toHaveBeenCalledTimes(1)
})
