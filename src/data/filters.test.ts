import { afterAll, beforeAll, expect, it } from "vitest"
import { describeEngines } from "../../test/support/describe.ts"
import { type Place, placeOn } from "../../test/support/place.ts"
import { newContainer } from "../container.ts"
import type { Filters } from "./conditions.ts"
import { model } from "./define.ts"
import { Module } from "./module.ts"
import { ModuleService } from "./module-service.ts"
import { type OpenedModules, openModules } from "./open-modules.ts"

const Product = model.define("product", {
  id: model.id().primaryKey(),
  title: model.text().searchable(),
  material: model.text().nullable().index(),
  stock: model.number(),
  isGiftCard: model.boolean().default(false),
  weight: model.float().nullable(),
  tags: model.array().nullable(),
  availableAt: model.dateTime().nullable(),
})

class ProductModuleService extends ModuleService({ Product }) {}

const rows = [
  { id: "p1", title: "Äpfel 100%", material: null, stock: 1, availableAt: "2026-01-01T00:00:00.000Z" },
  { id: "p2", title: "äpfel_rot", material: "wood", stock: 2, isGiftCard: true, weight: 0.5 },
  { id: "p3", title: "Birne (reif)", material: "Wood", stock: 3, availableAt: "2026-02-01T00:00:00.000Z" },
  { id: "p4", title: "C:\\temp", material: "steel", stock: 4, tags: ["new"] },
]

type Filter = Filters<typeof Product>

const cases: readonly (readonly [Filter, string])[] = [
  [{}, "p1 p2 p3 p4"],
  [{ id: "p2" }, "p2"],
  [{ id: ["p1", "p4", "p9"] }, "p1 p4"],
  [{ id: [] }, ""],
  [{ material: null }, "p1"],
  [{ material: [null, "wood"] as never }, "p1 p2"],
  [{ isGiftCard: true }, "p2"],
  [{ isGiftCard: { $ne: true } }, "p1 p3 p4"],
  [{ stock: { $gt: 1, $lte: 3 } }, "p2 p3"],
  [{ stock: { $gte: 2 }, material: "wood" }, "p2"],
  [{ stock: { $lt: 2 } }, "p1"],
  [{ weight: { $lt: 0.6 } }, "p2"],
  [{ material: { $eq: null } }, "p1"],
  [{ material: { $ne: null } }, "p2 p3 p4"],
  [{ material: { $ne: "wood" } }, "p3 p4"],
  [{ material: { $in: ["wood", null] } }, "p1 p2"],
  [{ material: { $nin: ["wood"] } }, "p3 p4"],
  [{ material: { $nin: ["wood", null] } }, "p3 p4"],
  [{ material: { $nin: [] } }, "p1 p2 p3 p4"],
  [{ material: { $not: { $in: ["wood", "steel"] } } }, "p3"],
  [{ material: { $gt: "Z" } }, "p2 p4"],
  [{ availableAt: new Date("2026-01-01T00:00:00Z") }, "p1"],
  [{ availableAt: { $gte: "2026-01-01T01:00:00+01:00" } }, "p1 p3"],
  [{ availableAt: { $gt: new Date("2026-01-01T00:00:00Z") } }, "p3"],
  [{ tags: { $ne: null } }, "p4"],
  [{ title: { $like: "%pfel%" } }, "p1 p2"],
  [{ title: { $like: "ä%" } }, "p2"],
  [{ title: { $ilike: "ä%" } }, "p1 p2"],
  [{ title: { $like: "%\\%" } }, "p1"],
  [{ title: { $like: "äpfel\\_rot" } }, "p2"],
  [{ title: { $like: "_pfel_rot" } }, "p2"],
  [{ title: { $ilike: "BIRNE (REIF)" } }, "p3"],
  [{ title: { $like: "C:\\\\temp" } }, "p4"],
  [{ material: { $not: { $ilike: "wood" } } }, "p4"],
  [{ q: "PFEL" }, "p1 p2"],
  [{ q: "100%" }, "p1"],
  [{ q: "_" }, "p2"],
  [{ q: "\\" }, "p4"],
  [{ q: "" }, "p1 p2 p3 p4"],
  [{ $or: [{ id: "p1" }, { stock: 4 }] }, "p1 p4"],
  [{ $and: [{ stock: { $gt: 1 } }, { $or: [{ id: "p1" }, { material: "Wood" }] }] }, "p3"],
  [{ $not: { stock: { $gt: 1 } } }, "p1"],
  [{ $or: [] }, ""],
  [{ $and: [] }, "p1 p2 p3 p4"],
]

const refused: readonly (readonly [unknown, RegExp])[] = [
  [{ colour: "red" }, /Expected a property of `product` \(id, title, .*\), got `colour`/],
  [{ titel: "x" }, /Did you mean `title`/],
  [{ id: undefined }, /`id` of `product` to have a value, got nothing \(undefined\). Leave it out/],
  [{ id: 5 }, /the filter `id` of `product` to be a text, got `5` \(number\)/],
  [{ stock: "5" }, /to be a whole number/],
  [{ stock: { $gt: null } }, /to be compared with a value/],
  [{ stock: { $between: [1, 2] } }, /to use one of \$eq, .*got `\$between`/],
  [{ stock: { constructor: 1 } }, /to use one of/],
  [{ stock: { $like: "1%" } }, /to be of text/],
  [{ stock: {} }, /to be a value, a list, or operators/],
  [{ title: { $like: "a\\" } }, /to have something after its last/],
  [{ title: { $in: "a" } }, /to get a list/],
  [{ tags: ["new"] }, /to be compared with `null` only/],
  [{ $or: { id: "p1" } }, /`\$or` in the filters of `product` to be a list/],
  [{ $xor: [] }, /got `\$xor`/],
  [{ q: 5 }, /the filter `q` of `product` to be a text/],
  [[], /the filters of `product` to be an object/],
  ["p1", /the filters of `product` to be an object/],
  [{ id: Array.from({ length: 10_001 }, String) }, /at most 10000 values/],
]

await describeEngines((engine) => {
  let place: Place
  let modules: OpenedModules
  let products: ProductModuleService

  beforeAll(async () => {
    place = await placeOn(engine, "filters")
    const container = newContainer()
    modules = await openModules({
      container,
      database: place.database,
      modules: [Module("product", { service: ProductModuleService })],
    })
    products = container.resolve("product")
    await products.createProducts(rows)
  })

  afterAll(async () => {
    await modules.close()
    await place.remove()
  })

  it.each(cases)("finds by %j: %s", async (filters, ids) => {
    const found = await products.listProducts(filters)

    expect(found.map(({ id }) => id).join(" ")).toBe(ids)
  })

  it.each(refused)("refuses filter %#", async (filters, message) => {
    await expect(products.listProducts(filters as Filter)).rejects.toMatchObject({
      code: "CARILLON_INVALID_INPUT",
      message: expect.stringMatching(message),
    })
  })

  it("searches only where a model says so", async () => {
    const Note = model.define("note", { id: model.id().primaryKey(), body: model.text() })
    class NoteService extends ModuleService({ Note }) {}
    const container = newContainer()
    const opened = await openModules({
      container,
      database: place.database,
      modules: [Module("note", { service: NoteService })],
    })

    await expect(container.resolve<NoteService>("note").listNotes({ q: "x" })).rejects.toThrow(
      /nothing of `note` can be searched/,
    )
    await opened.close()
  })
})
