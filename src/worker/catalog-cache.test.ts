import { expect, it } from "vitest"
import type { Catalog } from "../core/subscription.ts"
import type { QueriesPort } from "../engine/queries.ts"
import { CatalogCache } from "./catalog-cache.ts"

/** A store whose answers come when the test says so, as it was when it was asked. */
function setup() {
  const store = { version: 1, answers: [] as (() => void)[] }
  const queries = {
    catalog: () => {
      const seen: Catalog = { version: store.version, subscriptions: [] }
      return new Promise<Catalog>((resolve) => store.answers.push(() => resolve(seen)))
    },
  } as unknown as QueriesPort
  return { store, catalog: new CatalogCache(queries) }
}

it("shows whoever asks what was written before, also while an earlier look is under way", async () => {
  const { store, catalog } = setup()
  const first = catalog.refresh()
  store.version = 2

  const second = catalog.refresh()
  const third = catalog.refresh()
  store.answers.shift()?.()
  await first
  expect(catalog.version).toBe(1)
  await Promise.resolve()
  store.answers.shift()?.()
  await Promise.all([second, third])

  expect(catalog.version).toBe(2)
  expect(store.answers).toEqual([])
})

it("looks again after a look that failed", async () => {
  const { store, catalog } = setup()
  const failing = new CatalogCache({ catalog: () => Promise.reject(new Error("away")) } as never)
  const [one, two] = [failing.refresh(), failing.refresh()]

  await expect(one).rejects.toThrow("away")
  await expect(two).rejects.toThrow("away")
  const fine = catalog.refresh()
  store.answers.shift()?.()
  await expect(fine).resolves.toBeUndefined()
})
