import { expect, it } from "vitest"
import type { StoredEvent } from "./event.ts"
import { EventView } from "./view.ts"

const COMMIT = "01M7Y4992Z9M5210JVGXJXDD78"
const stored: StoredEvent = {
  name: "brand.created",
  scope: "acme/master",
  sender: "checkout",
  key: "brand_1",
  at: 1_795_000_000_000,
  data: '{"id":"brand_1","tags":["new"]}',
  extra: '{"metadata":{"source":"admin"},"causationId":"evt_0"}',
  id: null,
  hash: null,
}

it("compares equal to name, data and metadata alone, as Medusa's contract has it", () => {
  const view = new EventView(stored, COMMIT, 7)

  expect(view).toEqual({
    name: "brand.created",
    data: { id: "brand_1", tags: ["new"] },
    metadata: { source: "admin", created_at: expect.any(Date), published_at: expect.any(Date) },
  })
})

it("knows the rest of the event when asked, and tells all of it as JSON", () => {
  const view = new EventView(stored, COMMIT, 7)

  expect(view.id).toBe(`evt_${COMMIT}007`)
  expect(view.scope).toEqual({ account: "acme", workspace: "master" })
  expect(view.at).toEqual(new Date(stored.at))
  expect(view.causationId).toBe("evt_0")
  expect(JSON.parse(JSON.stringify(view))).toMatchObject({ id: view.id, key: "brand_1", sender: "checkout" })
})

it("cannot be changed by one handler under another's hands", () => {
  const view = new EventView(stored, COMMIT, 7)
  const data = view.data as { tags: string[] }

  expect(() => data.tags.push("sold")).toThrow(TypeError)
  expect(() => Object.assign(view, { name: "brand.deleted" })).toThrow(TypeError)
  view.metadata.created_at.setFullYear(1999)
  expect(view.metadata.created_at).toEqual(new Date(stored.at))
})
