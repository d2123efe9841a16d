// Promise: one process of an app that starts, makes brands and emits at the same time, and says how many.
import { createCarillon, Module, ModuleService, model, openModules } from "../../src/index.ts"

const [database = "", name = "", count = "0"] = process.argv.slice(2)

const Brand = model.define("brand", {
  id: model.id().primaryKey(),
  name: model.text().unique(),
  rank: model.number().default(0).index(),
})

class BrandModuleService extends ModuleService({ Brand }) {}

const carillon = await createCarillon({ database, group: "shop", logger: false })
const modules = await openModules({
  container: carillon.container,
  database,
  modules: [Module("brand", { service: BrandModuleService })],
})
const brands: BrandModuleService = carillon.container.resolve("brand")
await Promise.all(
  Array.from({ length: Number(count) }, async (_, i) => {
    const brand = await brands.createBrands({ name: `${name} ${i}` })
    await brands.updateBrands({ id: brand.id, rank: i })
    await carillon.emit({ name: "brand.created", data: { id: brand.id } })
  }),
)
await modules.close()
await carillon.stop()
