import { afterAll, beforeAll, expect, it } from "vitest"
import { describeEngines } from "../../test/support/describe.ts"
import { type Place, placeOn } from "../../test/support/place.ts"
import { type CarillonContainer, newContainer } from "../container.ts"
import { model } from "./define.ts"
import { Module } from "./module.ts"
import { ModuleService } from "./module-service.ts"
import { type OpenedModules, openModules } from "./open-modules.ts"
import type { Query } from "./query.ts"

const Brand = model.define("brand", { id: model.id().primaryKey(), name: model.text() })
const ProductCategory = model.define("product_category", {
  handle: model.text().primaryKey(),
  rank: model.number(),
})

class BrandModuleService extends ModuleService({ Brand }) {}
class CategoryModuleService extends ModuleService({ ProductCategory }) {}

const cms = [
  { id: "cms_2", name: "Zeta", pages: 3 },
  { id: "cms_1", name: "Acme", pages: null },
  { id: "cms_3", name: "Beta", pages: 1 },
]

class CmsModuleService {
  readonly #options: { readonly apiKey: string }

  constructor(_: unknown, options: { readonly apiKey: string }) {
    this.#options = options
  }

  brands() {
    return this.#options.apiKey === "123" ? cms : []
  }
}

await describeEngines((engine) => {
  let place: Place
  let modules: OpenedModules
  let container: CarillonContainer
  let query: Query
  let ids: string[]

  beforeAll(async () => {
    place = await placeOn(engine, "query")
    container = newContainer()
    modules = await openModules({
      container,
      database: place.database,
      modules: [
        Module("brand", { service: BrandModuleService }),
        Module("category", { service: CategoryModuleService }),
        {
          module: Module("cms", {
            service: CmsModuleService,
            entities: {
              cms_brand: {
                fields: ["name", "pages"],
                resolve() {
                  return this.brands()
                },
              },
            },
          }),
          options: { apiKey: "123" },
        },
      ],
    })
    query = container.resolve("query")
    const brands = container.resolve<BrandModuleService>("brand")
    ids = (await brands.createBrands([{ name: "B" }, { name: "A" }, { name: "C" }])).map(({ id }) => id)
    await container
      .resolve<CategoryModuleService>("category")
      .createProductCategories({ handle: "shoes", rank: 1 })
  })

  afterAll(async () => {
    await modules.close()
    await place.remove()
  })

  it("finds whole rows of a module by the model's name", async () => {
    const { data, metadata } = await query.graph({ entity: "brand", fields: ["*"], filters: { id: ids[0] } })

    expect(data).toEqual([
      { id: ids[0], name: "B", created_at: expect.any(Date), updated_at: expect.any(Date), deleted_at: null },
    ])
    expect(metadata).toBeUndefined()
  })

  it.each(["brand", "brands", "Brand"])("knows a model as %s", async (entity) => {
    expect((await query.graph({ entity, fields: ["name"] })).data).toHaveLength(3)
  })

  it.each(["product_category", "productCategory", "product_categories", "ProductCategories"])(
    "knows a model of two words as %s",
    async (entity) => {
      expect((await query.graph({ entity, fields: ["handle"] })).data).toEqual([{ handle: "shoes" }])
    },
  )

  it("says how many there are where a page was asked for", async () => {
    const page = await query.graph({
      entity: "brand",
      fields: ["name"],
      pagination: { skip: 1, take: 1, order: { name: "DESC" } },
    })

    expect(page).toEqual({ data: [{ name: "B" }], metadata: { count: 3, skip: 1, take: 1 } })
  })

  it("gives one row instead of a list", async () => {
    const request = { entity: "brand", fields: ["name"], filters: { id: ids[1] } }

    expect((await query.graph(request, { isList: false })).data).toEqual({ name: "A" })
    const none = { ...request, filters: { id: "none" } }
    expect((await query.graph(none, { isList: false })).data).toBeUndefined()
  })

  it("names the entity and every key that is not found", async () => {
    const graph = (id: unknown, more: object = {}) =>
      query.graph({ entity: "brand", fields: ["*"], filters: { id }, ...more }, { throwIfKeyNotFound: true })

    await expect(graph("brand_1")).rejects.toMatchObject({
      code: "CARILLON_NOT_FOUND",
      message: expect.stringMatching(/`brand` with `id` `brand_1`/),
    })
    await expect(graph([ids[0], "x", "y"])).rejects.toThrow(/`x`, `y`/)
    await expect(graph({ $in: [ids[0], "x"] })).rejects.toThrow(/`x`/)
    await expect(graph("x", { fields: ["name"] })).rejects.toThrow(/`x`/)
    expect((await graph(ids, { fields: ["name"] })).data).toHaveLength(3)
    expect((await graph(ids, { pagination: { take: 1 } })).data).toHaveLength(1)
    await expect(graph([...ids, "x"], { pagination: { take: 1 } })).rejects.toThrow(/`x`/)
  })

  it("refuses to insist on keys that nobody named", async () => {
    await expect(
      query.graph({ entity: "brand", fields: ["*"] }, { throwIfKeyNotFound: true }),
    ).rejects.toThrow(/`filters.id` of `brand` for `throwIfKeyNotFound`/)
    await expect(
      query.graph(
        { entity: "brand", fields: ["*"], filters: { id: undefined } },
        { throwIfKeyNotFound: true },
      ),
    ).rejects.toThrow(/filters.id/)
  })

  it.each([
    [
      { entity: "brnd", fields: ["*"] },
      /Expected an entity \(brand, .*cms_brand\), got `"brnd"`.*mean `brand`/,
    ],
    [{ entity: "brand", fields: ["nam"] }, /fields of `brand` \(id, name, .*\), got `"nam"`.*mean `name`/],
    [{ entity: "brand", fields: ["products.*"] }, /no relations yet/],
    [{ entity: "brand", fields: [] }, /`fields` of `brand` to be a list/],
    [{ entity: "brand" }, /`fields` of `brand` to be a list/],
    [{ entity: "brand", fields: ["*"], filters: { colour: 1 } }, /got `colour`/],
    [{ entity: "brand", fields: ["*"], limit: 1 }, /got `limit`/],
    [{ entity: "brand", fields: ["*"], pagination: { take: -1 } }, /`pagination.take`/],
    [{ entity: "brand", fields: ["*"], pagination: { order: { colour: "ASC" } } }, /got `colour`/],
    [{ entity: "cms_brand", fields: ["colour"] }, /fields of `cms_brand` \(id, name, pages/],
  ])("refuses %j", async (request, message) => {
    await expect(query.graph(request as never)).rejects.toThrow(message)
  })

  it("asks a module's own resolver, and pages through what it answers", async () => {
    const page = await query.graph({
      entity: "cms_brands",
      fields: ["name"],
      pagination: { take: 2, order: { pages: "ASC" } },
    })

    expect(page).toEqual({
      data: [{ name: "Beta" }, { name: "Zeta" }],
      metadata: { count: 3, skip: 0, take: 2 },
    })
    await expect(
      query.graph(
        { entity: "cms_brand", fields: ["name"], filters: { id: "cms_9" } },
        { throwIfKeyNotFound: true },
      ),
    ).rejects.toThrow(/`cms_brand` with `id` `cms_9`/)
  })

  it("takes a resolver of anybody's, which may page by itself", async () => {
    const asked: unknown[] = []
    query.register(`store_${engine}`, {
      resolve: (request) => {
        asked.push(request)
        return { rows: [{ id: "s1", city: "Ulm" }], count: 40 }
      },
    })

    const page = await query.graph({
      entity: `store_${engine}`,
      fields: ["*"],
      filters: { city: "Ulm" },
      pagination: { skip: 2, take: 1 },
      context: { locale: "de" },
    })

    expect(page).toEqual({ data: [{ id: "s1", city: "Ulm" }], metadata: { count: 40, skip: 2, take: 1 } })
    expect(asked).toEqual([
      {
        fields: ["*"],
        filters: { city: "Ulm" },
        pagination: { skip: 2, take: 1 },
        context: { locale: "de" },
        withDeleted: false,
      },
    ])
  })

  it("refuses a name that is taken, and a resolver that is none", () => {
    expect(() => query.register("brands", { resolve: () => [] })).toThrow(/`brand` is there already/)
    expect(() => query.register("shelf", {} as never)).toThrow(/a function `resolve`/)
  })
})
