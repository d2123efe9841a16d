import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it, onTestFinished } from "vitest"
import { newContainer, registerValues } from "../container.ts"
import { model } from "./define.ts"
import { Module } from "./module.ts"
import { ModuleService } from "./module-service.ts"
import { type OpenModulesOptions, openModules } from "./open-modules.ts"

const Brand = model.define("brand", { id: model.id().primaryKey(), name: model.text() })

class BrandModuleService extends ModuleService({ Brand }) {}

const brandModule = Module("brand", { service: BrandModuleService })

async function open(modules: OpenModulesOptions["modules"], more: Partial<OpenModulesOptions> = {}) {
  const container = newContainer()
  registerValues(container, { logger: { info: () => "logged" } })
  const opened = await openModules({ container, database: ":memory:", modules, ...more })
  onTestFinished(() => opened.close().catch(() => {}))
  return { container, opened }
}

it("makes a service with the container's services and the module's options", async () => {
  class CmsModuleService {
    readonly said: string
    readonly apiKey: string
    constructor({ logger }: { logger: { info(): string } }, options: { apiKey: string }) {
      this.said = logger.info()
      this.apiKey = options.apiKey
    }
  }

  const { container } = await open([
    { module: Module("cms", { service: CmsModuleService }), options: { apiKey: "123" } },
  ])

  expect(container.resolve("cms")).toMatchObject({ said: "logged", apiKey: "123" })
})

it("works with a service that has a constructor of its own", async () => {
  class Service extends ModuleService({ Brand }) {
    readonly label: string
    constructor(container: object, options: { label: string }) {
      // biome-ignore lint/complexity/noArguments: as services in the wild do it
      super(...arguments)
      this.label = `${options.label}${"logger" in container}`
    }

    async shout(name: string): Promise<string> {
      const { id } = await this.createBrands({ name })
      return (await this.retrieveBrand(id)).name.toUpperCase()
    }
  }

  const { container } = await open([
    { module: Module("brand", { service: Service }), options: { label: "x" } },
  ])

  expect(await container.resolve<Service>("brand").shout("acme")).toBe("ACME")
})

it("has a database of its own for each in memory", async () => {
  const first = await open([brandModule])
  const second = await open([brandModule])

  await first.container.resolve<BrandModuleService>("brand").createBrands({ name: "Acme" })

  expect(await second.container.resolve<BrandModuleService>("brand").listBrands()).toEqual([])
})

it("makes no file where no module has data", async () => {
  const folder = mkdtempSync(join(tmpdir(), "carillon-"))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  class MailModuleService {}

  await open([Module("mail", { service: MailModuleService })], { database: join(folder, "shop.db") })
  expect(existsSync(join(folder, "shop.db"))).toBe(false)

  await open([brandModule], { database: `file:${join(folder, "deep", "shop.db")}` })
  expect(existsSync(join(folder, "deep", "shop.db"))).toBe(true)
})

it("refuses two modules of one name, two models of one table, and two entities of one name", async () => {
  class Other extends ModuleService({
    Brand: model.define({ name: "label", tableName: "brand" }, Brand.schema),
  }) {}
  class Same extends ModuleService({
    Brand: model.define({ name: "brands", tableName: "other" }, Brand.schema),
  }) {}

  await expect(open([brandModule, brandModule])).rejects.toThrow(/`brand` to be the name of one module/)
  await expect(open([brandModule, Module("other", { service: Other })])).rejects.toThrow(
    /`brand` to be the table of one data model/,
  )
  await expect(open([brandModule, Module("other", { service: Same })])).rejects.toThrow(
    /`brands` to be the name of one entity, but `brand` is there already/,
  )
})

it("says what to do when a service is used that nobody opened", async () => {
  await expect(async () => new BrandModuleService().listBrands()).rejects.toThrow(
    /module of `brand` to be opened.*`modules` in carillon.config.ts/,
  )
})

it("disposes of services in reverse order, and is asked for no more data", async () => {
  const disposed: string[] = []
  class First extends ModuleService({ Brand }) {
    async [Symbol.asyncDispose]() {
      await this.listBrands()
      disposed.push("first")
    }
  }
  class Second {
    [Symbol.dispose]() {
      disposed.push("second")
      throw new Error("no way out")
    }
  }
  const { container, opened } = await open([
    Module("first", { service: First }),
    Module("second", { service: Second }),
  ])

  await expect(opened.close()).rejects.toThrow("no way out")

  expect(disposed).toEqual(["second", "first"])
  await expect(container.resolve<First>("first").listBrands()).rejects.toMatchObject({
    code: "CARILLON_STOPPED",
  })
})

it("disposes of what was made when a later service cannot be", async () => {
  const disposed: string[] = []
  class First {
    [Symbol.dispose]() {
      disposed.push("first")
    }
  }
  class Second {
    constructor() {
      throw new Error("no key")
    }
  }

  await expect(
    open([Module("first", { service: First }), Module("second", { service: Second })]),
  ).rejects.toThrow("no key")
  expect(disposed).toEqual(["first"])
})

it.each([
  [{ database: "" }, /`database` to be `file:…`/],
  [{ database: "mysql://localhost/shop" }, /`database` to be `file:…`/],
  [{ database: "postgres://localhost/shop?schema=public" }, /the schema to be/],
  [{ modules: [{}] as never }, /a module, made by `Module/],
  [{ modules: [BrandModuleService] as never }, /a module, made by `Module/],
])("refuses %j", async (more, message) => {
  await expect(open([brandModule], more)).rejects.toMatchObject({
    code: "CARILLON_CONFIG",
    message: expect.stringMatching(message),
  })
})

it.each([
  [
    "a second primary key",
    { id: model.id().primaryKey(), no: model.text().primaryKey() },
    /one primary key, got 2/,
  ],
  ["no primary key", { id: model.id() }, /one primary key, got 0.*model\.id\(\)\.primaryKey\(\)/],
  [
    "a number as the key",
    { id: model.number().primaryKey() },
    /primary key `id` of `brand` to be a `model.id/,
  ],
  ["a key that may be null", { id: model.text().nullable().primaryKey() }, /not nullable/],
  [
    "what is always there",
    { id: model.id().primaryKey(), created_at: model.dateTime() },
    /it is always there/,
  ],
  ["the search", { id: model.id().primaryKey(), q: model.text() }, /searches for text/],
  ["no property", { id: model.id().primaryKey(), name: "text" }, /`name` of `brand` to be a property/],
  ["names that only differ in case", { id: model.id().primaryKey(), ID: model.text() }, /case of letters/],
  ["a name with a space", { id: model.id().primaryKey(), "my name": model.text() }, /letters, digits/],
  ["a prototype", JSON.parse('{"__proto__":{"traits":{"kind":"text"}}}'), /letters, digits/],
  [
    "a default of another type",
    { id: model.id().primaryKey(), no: model.number().default("1" as never) },
    /whole/,
  ],
])("refuses a model with %s", (_, schema, message) => {
  expect(() => model.define("brand", schema as never)).toThrow(message)
})

it("refuses what models do not have yet, and says what to do instead", () => {
  for (const missing of [model.hasMany, model.belongsTo, model.hasOne, model.manyToMany])
    expect(missing).toThrow(/no relations yet.*model\.text\(\)\.index\(\)/)
  expect(model.bigNumber).toThrow(/smallest unit/)
  expect(() => model.number().searchable()).toThrow(/`model.text\(\)` only/)
  expect(() => model.enum([])).toThrow(/list of texts or of numbers/)
  expect(() => model.define("", {})).toThrow(/a data model's name/)
  expect(() => model.define({ name: "brand", tableName: "Brand Table" }, {})).toThrow(/a table's name/)
})

it("refuses a module that is none", () => {
  expect(() => Module("", { service: BrandModuleService })).toThrow(/a module's name/)
  expect(() => Module("brand", {} as never)).toThrow(/`service` of the module `brand` to be a class/)
  expect(() => ModuleService({ Brand: {} as never })).toThrow(/`Brand` to be what `model.define` returns/)
})

it("takes enums of TypeScript's making", () => {
  const Size = { SMALL: "small", LARGE: "large" } as const
  const Level = { 0: "LOW", 1: "HIGH", LOW: 0, HIGH: 1 } as const

  expect(model.enum(Size).traits.choices).toEqual(["small", "large"])
  expect(model.enum(Level).traits.choices).toEqual([0, 1])
})
