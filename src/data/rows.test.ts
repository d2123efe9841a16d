import { afterAll, beforeAll, beforeEach, expect, it } from "vitest"
import { describeEngines } from "../../test/support/describe.ts"
import { type Place, placeOn } from "../../test/support/place.ts"
import { newContainer } from "../container.ts"
import { type MovingClock, movingClock } from "../testing/moving-clock.ts"
import { model } from "./define.ts"
import { Module } from "./module.ts"
import { ModuleService } from "./module-service.ts"
import { type OpenedModules, openModules } from "./open-modules.ts"

const Brand = model.define("brand", {
  id: model.id({ prefix: "brand" }).primaryKey(),
  name: model.text().unique().searchable(),
  rank: model.number().default(1),
  rating: model.float().nullable(),
  isVisible: model.boolean().default(true),
  kind: model.enum(["own", "foreign"]).default("own"),
  tags: model.array().default([]),
  metadata: model.json().nullable(),
  founded: model.dateTime().nullable(),
})

class BrandModuleService extends ModuleService({ Brand }) {}

await describeEngines((engine) => {
  let place: Place
  let modules: OpenedModules
  let brands: BrandModuleService
  let clock: MovingClock

  beforeAll(async () => {
    place = await placeOn(engine, "rows")
    clock = movingClock({ start: new Date("2026-03-01T12:00:00.123Z") })
    const container = newContainer()
    modules = await openModules({
      container,
      database: place.database,
      modules: [Module("brand", { service: BrandModuleService })],
      clock,
    })
    brands = container.resolve("brand")
  })

  beforeEach(async () => {
    await brands.deleteBrands({ id: { $ne: null } })
  })

  afterAll(async () => {
    await modules.close()
    await place.remove()
  })

  it("makes one row of an object, with an id, defaults and the time", async () => {
    const brand = await brands.createBrands({ name: "Acme" })

    const at = new Date(clock.now())
    expect(brand).toEqual({
      id: expect.stringMatching(/^brand_[0-9A-Z]{26}$/),
      name: "Acme",
      rank: 1,
      rating: null,
      isVisible: true,
      kind: "own",
      tags: [],
      metadata: null,
      founded: null,
      created_at: at,
      updated_at: at,
      deleted_at: null,
    })
    expect(await brands.retrieveBrand(brand.id)).toEqual(brand)
    expect(Object.keys(await brands.retrieveBrand(brand.id))).toEqual(Object.keys(brand))
  })

  it("gives every kind of value back as it was given", async () => {
    const given = {
      name: "Ünï\\'\"\n %_ 🛎",
      rank: -(2 ** 53 - 1),
      rating: 0.1 + 0.2,
      isVisible: false,
      kind: "foreign" as const,
      tags: ["a", "", "ü"],
      metadata: { nested: [1, null, "5", { deep: true }], "": "\\u0000" },
      founded: new Date("0001-02-03T04:05:06.007Z"),
    }

    const made = await brands.createBrands(given)
    const found = await brands.retrieveBrand(made.id)

    expect(made).toMatchObject(given)
    expect(found).toEqual(made)
  })

  it("makes many rows of an array in its order, and none of an empty one", async () => {
    const made = await brands.createBrands([{ name: "B" }, { name: "A" }, { name: "C" }])

    expect(made.map(({ name }) => name)).toEqual(["B", "A", "C"])
    expect((await brands.listBrands()).map(({ name }) => name)).toEqual(["B", "A", "C"])
    expect(await brands.createBrands([])).toEqual([])
  })

  it("makes more rows than fit into one statement, all or none", async () => {
    const many = Array.from({ length: 6_000 }, (_, i) => ({ name: `Brand ${i}` }))

    await expect(brands.createBrands([...many, { name: "Brand 0" }])).rejects.toThrow(/unique/)
    expect(await brands.listAndCountBrands({}, { take: 1 })).toEqual([[], 0])

    await brands.createBrands(many)
    expect((await brands.listAndCountBrands({}, { take: 1 }))[1]).toBe(6_000)
  })

  it("takes ids and times that are given, as when deleted rows are made again", async () => {
    const brand = await brands.createBrands({ name: "Acme", rank: 7 })
    await brands.deleteBrands(brand.id)
    await clock.advance("1m")

    const again = await brands.createBrands(JSON.parse(JSON.stringify(brand)))

    expect(again).toEqual(brand)
  })

  it.each([
    [{ name: "A", colour: "red" }, /Expected a property of `brand` \(id, name, .*\), got `colour`/],
    [{ name: "A", nam: "B" }, /Did you mean `name`/],
    [{}, /Expected `name` of `brand` to have a value, got nothing/],
    [{ name: null }, /Expected `name` of `brand` to have a value, got `null`/],
    [{ name: 5 }, /Expected `name` of `brand` to be a text, got `5` \(number\)/],
    [{ name: "a\0b" }, /without the character 0/],
    [{ name: "a\ud800b" }, /surrogate/],
    [{ name: "A", rank: 1.5 }, /Expected `rank` of `brand` to be a whole number/],
    [{ name: "A", rank: 2 ** 53 }, /Expected `rank` of `brand` to be a whole number/],
    [{ name: "A", rating: Number.NaN }, /to be a finite number/],
    [{ name: "A", isVisible: 1 }, /to be a boolean/],
    [{ name: "A", kind: "rented" }, /to be one of "own", "foreign"/],
    [{ name: "A", tags: "new" }, /to be a list of texts/],
    [{ name: "A", tags: [1] }, /`tags` of `brand`, at 0, to be a text/],
    [{ name: "A", metadata: { a: 1n } }, /to be JSON/],
    [{ name: "A", metadata: { a: "\0" } }, /JSON without the character 0/],
    [{ name: "A", founded: "yesterday" }, /to be a `Date`, or an ISO text/],
    [{ name: "A", founded: new Date("0000-01-01T00:00:00Z") }, /in the years 1 to 9999/],
    [{ name: "A", founded: new Date(Number.NaN) }, /to be a `Date`, or an ISO text/],
    ["Acme", /Expected the data of `brand` to be an object/],
  ])("refuses row %# and writes nothing", async (data, message) => {
    await expect(brands.createBrands([{ name: "Fine" }, data as never])).rejects.toMatchObject({
      code: "CARILLON_INVALID_INPUT",
      message: expect.stringMatching(message),
    })
    expect(await brands.listBrands()).toEqual([])
  })

  it("refuses a second row with the same of something unique, unless the first was softly deleted", async () => {
    const first = await brands.createBrands({ name: "Acme" })

    await expect(brands.createBrands({ name: "Acme" })).rejects.toMatchObject({
      code: "CARILLON_DUPLICATE",
      message: expect.stringMatching(/Expected `name` of `brand` to be unique/),
    })
    await expect(brands.createBrands({ id: first.id, name: "Other" })).rejects.toMatchObject({
      code: "CARILLON_DUPLICATE",
      message: expect.stringMatching(/Expected `id` of `brand` to be unique/),
    })

    await brands.softDeleteBrands(first.id)
    const second = await brands.createBrands({ name: "Acme" })
    expect(second.id).not.toBe(first.id)
    await expect(brands.restoreBrands(first.id)).rejects.toMatchObject({ code: "CARILLON_DUPLICATE" })
  })

  it("writes what comes at the same moment, but for the one that cannot be written", async () => {
    const names = ["A", "B", "A", "C"]

    const results = await Promise.allSettled(names.map((name) => brands.createBrands({ name })))

    const states = results.map(({ status }) => status)
    expect(states.filter((state) => state === "rejected")).toHaveLength(1)
    expect((await brands.listBrands()).map(({ name }) => name).toSorted()).toEqual(["A", "B", "C"])
  })

  it("updates one row by its id, and says when", async () => {
    const brand = await brands.createBrands({ name: "Acme", metadata: { a: 1 } })
    await clock.advance("1m")

    const updated = await brands.updateBrands({ id: brand.id, rank: 5, metadata: null })

    const expected = { ...brand, rank: 5, metadata: null, updated_at: new Date(clock.now()) }
    expect(updated).toEqual(expected)
    expect(await brands.retrieveBrand(brand.id)).toEqual(expected)
  })

  it("puts rows back that were read before, as compensations do", async () => {
    const before = await brands.createBrands([{ name: "A" }, { name: "B" }])
    await brands.updateBrands(before.map(({ id }) => ({ id, rank: 9 })))

    const after = await brands.updateBrands(JSON.parse(JSON.stringify(before)) as typeof before)

    expect(after).toEqual(before)
  })

  it("updates no row when one of them is not there, and names all that are missing", async () => {
    const brand = await brands.createBrands({ name: "Acme" })

    await expect(
      brands.updateBrands([
        { id: brand.id, rank: 5 },
        { id: "brand_1", rank: 5 },
        { id: "brand_2", rank: 5 },
      ]),
    ).rejects.toMatchObject({
      code: "CARILLON_NOT_FOUND",
      message: expect.stringMatching(/`brand` with `id` `brand_1`, `brand_2`/),
    })
    expect(await brands.retrieveBrand(brand.id)).toEqual(brand)
  })

  it("updates all rows that a selector meets", async () => {
    await brands.createBrands([
      { name: "A", rank: 1 },
      { name: "B", rank: 2 },
      { name: "C", rank: 3 },
    ])

    const updated = await brands.updateBrands({ selector: { rank: { $gte: 2 } }, data: { kind: "foreign" } })

    expect(updated.map(({ name }) => name).toSorted()).toEqual(["B", "C"])
    expect(await brands.listBrands({ kind: "foreign" })).toHaveLength(2)
    expect(await brands.updateBrands({ selector: { name: "Z" }, data: { rank: 1 } })).toEqual([])
  })

  it("refuses updates without an id, of ids and of what is not there", async () => {
    await expect(brands.updateBrands({ rank: 5 } as never)).rejects.toThrow(
      /Expected `id` of the `brand` to be updated/,
    )
    await expect(brands.updateBrands({ selector: { name: "A" }, data: { id: "x" } })).rejects.toThrow(
      /not to be changed/,
    )
    await expect(brands.updateBrands({ id: "x", colour: 1 } as never)).rejects.toThrow(/got `colour`/)
  })

  it("deletes by id, by ids and by values, and what is not there without a word", async () => {
    const [a, b, c, d, e] = await brands.createBrands(["A", "B", "C", "D", "E"].map((name) => ({ name })))

    await brands.deleteBrands(a?.id ?? "")
    await brands.deleteBrands([b?.id ?? "", "brand_none"])
    await brands.deleteBrands({ name: "C" })
    await brands.deleteBrands([{ id: d?.id }] as never)
    await brands.deleteBrands([])

    expect(await brands.listBrands({}, { withDeleted: true })).toEqual([e])
    expect(c).toBeDefined()
  })

  it.each([[undefined], [null], [{}], [[undefined]], [5]])("deletes nothing by %j", async (selection) => {
    await brands.createBrands({ name: "Acme" })

    await expect(brands.deleteBrands(selection as never)).rejects.toMatchObject({
      code: "CARILLON_INVALID_INPUT",
    })
    await expect(brands.softDeleteBrands(selection as never)).rejects.toThrow()
    expect(await brands.listBrands()).toHaveLength(1)
  })

  it("hides what was softly deleted until it is restored", async () => {
    const brand = await brands.createBrands({ name: "Acme" })

    await brands.softDeleteBrands([brand.id])

    expect(await brands.listBrands()).toEqual([])
    await expect(brands.retrieveBrand(brand.id)).rejects.toMatchObject({ code: "CARILLON_NOT_FOUND" })
    await expect(brands.updateBrands({ id: brand.id, rank: 2 })).rejects.toThrow(/there is none/)
    expect(await brands.listBrands({}, { withDeleted: true })).toEqual([
      { ...brand, deleted_at: new Date(clock.now()) },
    ])

    await brands.restoreBrands(brand.id)
    expect(await brands.retrieveBrand(brand.id)).toEqual(brand)
  })

  it("names the entity and the id of what is not found", async () => {
    await expect(brands.retrieveBrand("brand_1")).rejects.toThrow(
      "Expected `brand` with `id` `brand_1`, but there is none. It may have been deleted.",
    )
    await expect(brands.retrieveBrand(undefined as never)).rejects.toThrow(/Expected `id` of the `brand`/)
  })

  it("lists pages in an order that has neither gaps nor overlaps", async () => {
    await brands.createBrands([
      { name: "a", rating: 2 },
      { name: "B", rating: null },
      { name: "c", rating: 1 },
      { name: "Ä", rating: 2 },
    ])
    const names = async (config: Parameters<typeof brands.listBrands>[1]) =>
      (await brands.listBrands({}, config)).map(({ name }) => name)

    expect(await names({ order: { rating: "ASC" } })).toEqual(["c", "a", "Ä", "B"])
    expect(await names({ order: { rating: "DESC" } })).toEqual(["B", "a", "Ä", "c"])
    expect(await names({ order: { rating: "desc", name: "desc" } })).toEqual(["B", "Ä", "a", "c"])
    expect(await names({ order: { name: "ASC" } })).toEqual(["B", "a", "c", "Ä"])
    expect(await names({ skip: 1, take: 2 })).toEqual(["B", "c"])
    expect(await names({ skip: 3 })).toEqual(["Ä"])
    expect(await names({ take: 0 })).toEqual([])
    expect((await brands.listAndCountBrands({ name: ["a", "c"] }, { take: 1, skip: 5 }))[1]).toBe(2)
  })

  it("lists no more of a row than was selected", async () => {
    await brands.createBrands({ name: "Acme" })

    expect(await brands.listBrands({}, { select: ["name", "rank"] })).toEqual([{ name: "Acme", rank: 1 }])
  })

  it.each([
    [{ select: ["colour"] }, /got `colour`/],
    [{ order: { colour: "ASC" } }, /got `colour`/],
    [{ order: { name: "up" } }, /"ASC" or "DESC"/],
    [{ order: { metadata: "ASC" } }, /json/],
    [{ take: -1 }, /`take` to be a whole number/],
    [{ skip: "1" }, /`skip` to be a whole number/],
    [{ relations: ["products"] }, /no `relations` of `brand`/],
    [{ limit: 5 }, /got `limit`/],
  ])("refuses the configuration %j", async (config, message) => {
    await expect(brands.listBrands({}, config as never)).rejects.toThrow(message)
  })

  it("takes a step's context as the last argument of each method", async () => {
    const context = { transactionId: "1" }

    const brand = await brands.createBrands({ name: "Acme" }, context)
    await brands.updateBrands({ id: brand.id, rank: 2 }, context)
    await brands.softDeleteBrands([brand.id], {}, context)
    await brands.restoreBrands([brand.id], {}, context)

    expect((await brands.retrieveBrand(brand.id, {}, context)).rank).toBe(2)
  })
})
