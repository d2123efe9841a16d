import { afterEach, beforeEach, expect, it } from "vitest"
import { describeEngines } from "../../test/support/describe.ts"
import { type Place, placeOn } from "../../test/support/place.ts"
import { newContainer } from "../container.ts"
import { model } from "./define.ts"
import type { Schema } from "./entity.ts"
import { Module } from "./module.ts"
import { ModuleService } from "./module-service.ts"
import { openModules } from "./open-modules.ts"

const id = model.id().primaryKey()
const name = model.text()

type Row = Record<string, unknown>

interface Brands {
  createBrands(data: Row): Promise<Row>
  listBrands(): Promise<Row[]>
}

await describeEngines((engine) => {
  let place: Place

  beforeEach(async () => {
    place = await placeOn(engine, "synchronise")
  })

  afterEach(() => place.remove())

  /** Opens a module with this model of a brand, as the next version of an app does, works, and closes it. */
  async function withBrand<T>(
    schema: Schema,
    work: (brands: Brands) => Promise<T>,
    { migrate = true } = {},
  ): Promise<T> {
    const Service = ModuleService({ Brand: model.define("brand", schema) })
    const container = newContainer()
    const modules = await openModules({
      container,
      database: place.database,
      migrate,
      modules: [Module("brand", { service: Service })],
    })
    try {
      return await work(container.resolve<Brands>("brand"))
    } finally {
      await modules.close()
    }
  }

  const make = (row: Row) => (brands: Brands) => brands.createBrands(row)
  const list = (brands: Brands) => brands.listBrands()

  it("keeps rows from one start to the next", async () => {
    const made = await withBrand({ id, name }, make({ name: "Acme" }))

    expect(await withBrand({ id, name }, list)).toEqual([made])
    expect(await place.sql(`SELECT name FROM ${place.table("data_brand")}`)).toEqual([{ name: "Acme" }])
  })

  it("adds what is nullable or has a default, for old rows too", async () => {
    const more = {
      country: model.text().nullable(),
      rank: model.number().default(7),
      isVisible: model.boolean().default(true),
      note: model.text().default("it's \\ fine"),
      tags: model.array().default(["new"]),
      metadata: model.json().default({ a: ["'"] }),
      kind: model.enum(["own", "foreign"]).default("own"),
      since: model.dateTime().default(new Date("2026-01-02T03:04:05.006Z")),
      weight: model.float().default(0.5),
      level: model.enum([1, 2.5]).default(2.5),
    }
    await withBrand({ id, name }, make({ id: "b1", name: "Acme" }))

    const [brand] = await withBrand({ id, name, ...more }, list)

    const fresh = await withBrand({ id, name, ...more }, make({ name: "New" }))
    const values = Object.keys(more).map((each) => [each, fresh[each]])
    expect(brand).toMatchObject({ id: "b1", name: "Acme", country: null, ...Object.fromEntries(values) })
    expect(fresh).toMatchObject({ tags: ["new"], metadata: { a: ["'"] }, level: 2.5, note: "it's \\ fine" })
  })

  it("refuses a new property that old rows cannot have, and says what to do", async () => {
    await withBrand({ id, name }, make({ name: "Acme" }))

    await expect(withBrand({ id, name, rank: model.number() }, list)).rejects.toMatchObject({
      code: "CARILLON_CONFIG",
      message: expect.stringMatching(/`rank` is new and required.*`data_brand`.*make it `\.nullable\(\)`/),
    })
    expect(await withBrand({ id, name }, list)).toHaveLength(1)
  })

  it("refuses a default that would be the same in all rows, where none may be", async () => {
    await withBrand({ id, name }, make({ name: "Acme" }))

    await expect(withBrand({ id, name, code: model.text().unique().default("x") }, list)).rejects.toThrow(
      /`code` is new and unique/,
    )
  })

  it("lets rows alone that refer to a table that is written anew", async () => {
    await withBrand({ id, name, motto: model.text() }, make({ id: "b1", name: "Acme", motto: "Run" }))
    const brands = place.table("data_brand")
    await place.sql(
      `CREATE TABLE ${place.table("label")} (brand TEXT REFERENCES ${brands} (id) ON DELETE CASCADE)`,
    )
    await place.sql(`INSERT INTO ${place.table("label")} VALUES ('b1')`)

    await withBrand({ id, name, motto: model.text().nullable() }, list)

    expect(await place.sql(`SELECT brand FROM ${place.table("label")}`)).toEqual([{ brand: "b1" }])
    await withBrand({ id, name }, (service) =>
      (service as never as { deleteBrands(id: string): Promise<void> }).deleteBrands("b1"),
    )
    expect(await place.sql(`SELECT brand FROM ${place.table("label")}`)).toEqual([])
  })

  it("makes a table anew that has no rows to lose", async () => {
    await withBrand({ id, name, rank: model.text() }, list)

    const brand = await withBrand({ id, name, rank: model.number() }, make({ name: "Acme", rank: 1 }))

    expect(brand.rank).toBe(1)
  })

  it("refuses to turn values into another type, and another primary key", async () => {
    await withBrand({ id, name, rank: model.text() }, make({ name: "Acme", rank: "1" }))

    await expect(withBrand({ id, name, rank: model.number() }, list)).rejects.toThrow(
      /`rank` is text in `data_brand` and \w+ in the model/i,
    )
    const other = { id: model.text(), name: model.text().primaryKey(), rank: model.text() }
    await expect(withBrand(other, list)).rejects.toThrow(/primary key in only one/)
  })

  it("lets old rows be where a property may be empty from now on", async () => {
    await withBrand({ id, name, motto: model.text().index() }, make({ id: "b1", name: "Acme", motto: "Run" }))

    const loose = { id, name, motto: model.text().nullable().index() }
    await withBrand(loose, make({ id: "b2", name: "Zeta" }))

    expect((await withBrand(loose, list)).map(({ motto }) => motto)).toEqual(["Run", null])
  })

  it("requires a property from now on if every row has it", async () => {
    await withBrand(
      { id, name, motto: model.text().nullable() },
      make({ id: "b1", name: "Acme", motto: "Run" }),
    )

    await withBrand({ id, name, motto: model.text() }, list)

    await expect(
      place.sql(`UPDATE ${place.table("data_brand")} SET motto = NULL RETURNING 1`),
    ).rejects.toThrow(/not.null/i)
  })

  it("refuses to require what rows do not have", async () => {
    await withBrand({ id, name, motto: model.text().nullable() }, make({ name: "Acme" }))

    await expect(withBrand({ id, name, motto: model.text() }, list)).rejects.toThrow(
      /`motto` is required, but rows have none/,
    )
  })

  it("leaves in the table what the model has no longer, and asks for it no more", async () => {
    await withBrand({ id, name, motto: model.text() }, make({ id: "b1", name: "Acme", motto: "Run" }))

    await withBrand({ id, name }, make({ id: "b2", name: "Zeta" }))

    expect(await withBrand({ id, name }, list)).toHaveLength(2)
    expect(await place.sql(`SELECT motto FROM ${place.table("data_brand")} ORDER BY id`)).toEqual([
      { motto: "Run" },
      { motto: null },
    ])
  })

  it("keeps indexes that somebody made by hand, whatever becomes of the table", async () => {
    await withBrand({ id, name, motto: model.text() }, make({ name: "Acme", motto: "Run" }))
    await place.sql(`CREATE INDEX by_hand ON ${place.table("data_brand")} (name, motto)`)

    await withBrand({ id, name: name.index(), motto: model.text().nullable() }, list)

    const indexes =
      engine === "sqlite"
        ? "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'data_brand' ORDER BY name"
        : "SELECT indexname AS name FROM pg_indexes WHERE tablename = 'data_brand' ORDER BY 1"
    const names = (await place.sql(indexes)).map((row) => row.name)
    expect(names).toContain("by_hand")
    expect(names).toContain("data_brand.name.index")
  })

  it("makes a property unique, and no longer", async () => {
    await withBrand({ id, name }, make({ name: "Acme" }))

    await expect(withBrand({ id, name: name.unique() }, make({ name: "Acme" }))).rejects.toMatchObject({
      code: "CARILLON_DUPLICATE",
    })
    await withBrand({ id, name }, make({ name: "Acme" }))
    await expect(withBrand({ id, name: name.unique() }, list)).rejects.toThrow(
      /`name` is unique, but rows share a value/,
    )
  })

  it("only looks where it is not to migrate", async () => {
    await expect(withBrand({ id, name }, list, { migrate: false })).rejects.toMatchObject({
      code: "CARILLON_STORE_BEHIND",
    })
    await withBrand({ id, name }, list)
    expect(await withBrand({ id, name }, list, { migrate: false })).toEqual([])
  })

  it("changes nothing at a second start", async () => {
    const schema = { id, name: name.unique(), rank: model.number().default(1).index() }
    await withBrand(schema, list)

    expect(await withBrand(schema, list, { migrate: false })).toEqual([])
  })

  it("keeps long names apart", async () => {
    const long = "a".repeat(62)
    const schema = { id, name, [`${long}1`]: name.unique(), [`${long}2`]: name.index() }

    await withBrand(schema, make({ name: "Acme", [`${long}1`]: "x", [`${long}2`]: "y" }))

    await expect(
      withBrand(schema, make({ name: "B", [`${long}1`]: "x", [`${long}2`]: "y" })),
    ).rejects.toThrow(`${long}1`)
    expect(await withBrand(schema, list, { migrate: false })).toHaveLength(1)
  })
})
