import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { asValue, createContainer } from "awilix"
import { copyStore, createCarillon, Module, ModuleService, model, openModules } from "carillon"
import { afterAll, afterEach, beforeEach, expect, it } from "vitest"
import { describePostgres } from "../support/describe.ts"
import { type TestDatabase, testDatabase } from "../support/postgres.ts"

const Product = model.define("product", {
  id: model.id({ prefix: "prod" }).primaryKey(),
  title: model.text().searchable().index(),
  handle: model.text().unique(),
  order: model.number().default(7),
  weight: model.float().nullable(),
  isGiftcard: model.boolean().default(true),
  status: model.enum(["draft", "on sale"]).default("draft"),
  tags: model.array().nullable(),
  details: model.json().nullable(),
  released_at: model.dateTime().nullable(),
})
const Shelf = model.define(`shelf_${"of_the_warehouse_".repeat(2)}`, { code: model.text().primaryKey() })

class ProductService extends ModuleService({ Product, Shelf }) {}
const products = Module("product", { service: ProductService })

const ROWS = [
  {
    title: 'Tea "Earl {Grey}", \\ 250 g',
    handle: "earl-grey",
    order: -3,
    weight: 0.25,
    isGiftcard: false,
    status: "on sale",
    tags: ["a,b", 'c"d', "ü", "NULL"],
    details: { box: [1, 2.5, null, true], note: "it's" },
    released_at: new Date("2026-03-01T12:00:00.123Z"),
  },
  { title: "NULL", handle: "card" },
  { title: "", handle: "empty", details: "null" },
]

const folder = mkdtempSync(join(tmpdir(), "carillon-copy-data-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

await describePostgres("a copy of a store with the data of modules", () => {
  let database: TestDatabase
  let files = 0
  beforeEach(async () => {
    database = await testDatabase("copy-data")
  })
  afterEach(() => database.drop())

  async function open(database: string, { migrate = true } = {}) {
    const container = createContainer({ strict: true })
    container.register({ logger: asValue(console) })
    const opened = await openModules({ container, database, modules: [products], migrate } as never)
    return { service: container.resolve<ProductService>("product"), close: () => opened.close() }
  }

  /** A file with some products, of which one was softly deleted. */
  async function fill(): Promise<{ path: string; rows: readonly unknown[] }> {
    const path = join(folder, `${++files}.db`)
    const carillon = await createCarillon({ database: path, logger: false })
    await carillon.emit({ name: "product.created" })
    await carillon.stop()
    const { service, close } = await open(path)
    await service.createProducts(ROWS as never)
    const [gone] = (await service.createProducts([{ title: "gone", handle: "tea-pot" }])) as { id: string }[]
    await service.softDeleteProducts([gone?.id ?? ""])
    const rows = await all(service)
    await close()
    return { path, rows }
  }

  const all = (service: ProductService): Promise<readonly unknown[]> =>
    service.listProducts({}, { withDeleted: true, order: { handle: "ASC" } } as never)

  it("takes their tables along, with every kind of value, as the modules themselves would make them", async () => {
    const { path, rows } = await fill()

    const report = await copyStore({ from: path, to: database.url })

    expect(rows).toHaveLength(4)
    expect(report).toMatchObject({ tables: { data_product: 4, events: 1 }, leftOut: [] })
    const { service, close } = await open(database.url, { migrate: false }) // nothing is left for it to make
    expect(await all(service)).toEqual(rows)
    await expect(service.createProducts([{ title: "Tea", handle: "card" }])).rejects.toThrow(/handle/)
    await service.createProducts([{ title: "Tea", handle: "tea-pot" }])
    await close()
  })

  it("says of tables and indexes made by hand that they are not in it", async () => {
    const { path } = await fill()
    const file = new DatabaseSync(path)
    file.exec("CREATE TABLE data_by_hand (picture BLOB); CREATE INDEX by_weight ON data_product (weight)")
    file.close()

    const report = await copyStore({ from: path, to: database.url })

    expect(report.leftOut).toEqual([
      { name: "data_by_hand", why: expect.stringContaining("`picture` is `BLOB`") },
      { name: "by_weight", why: "an index that was made by hand" },
    ])
    expect(report.tables).toMatchObject({ data_product: 4 })
  })

  it("goes on where it stopped, and lets no module write meanwhile", async () => {
    const { path, rows } = await fill()
    const onProgress = ({ table, rows: done }: { table: string; rows: number }): void => {
      if (table === "data_product" && done > 0) throw new Error("the connection broke")
    }
    await expect(copyStore({ from: path, to: database.url, onProgress })).rejects.toThrow("broke")
    const early = await open(database.url)
    await expect(early.service.createProducts([{ title: "Tea", handle: "new" }])).rejects.toThrow(/copy/)
    await early.close()

    const report = await copyStore({ from: path, to: database.url })

    expect(report).toMatchObject({ resumed: true, tables: { data_product: 4 } })
    const { service, close } = await open(database.url, { migrate: false })
    expect(await all(service)).toEqual(rows)
    await close()
  })

  it("does not go on when a module's row was changed since", async () => {
    const { path } = await fill()
    const onProgress = ({ table }: { table: string }): void => {
      if (table === "data_product") throw new Error("the connection broke")
    }
    await expect(copyStore({ from: path, to: database.url, onProgress })).rejects.toThrow("broke")
    const { service, close } = await open(path)
    await service.createProducts([{ title: "Tea", handle: "new" }])
    await close()

    await expect(copyStore({ from: path, to: database.url })).rejects.toThrow(/data_product: 4.* then, 5/)
  })

  it("takes the place of tables that modules made there, and of none that has rows", async () => {
    const { path, rows } = await fill()
    const there = await open(database.url)
    const [row] = (await there.service.createProducts([{ title: "Tea", handle: "new" }])) as { id: string }[]
    await expect(copyStore({ from: path, to: database.url })).rejects.toThrow(/holds data_product already/)
    await there.service.deleteProducts([row?.id ?? ""])

    await copyStore({ from: path, to: database.url })

    expect(await all(there.service)).toEqual(rows)
    await there.close()
  })
})
