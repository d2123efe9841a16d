import { expect, expectTypeOf, it } from "vitest"
import { model } from "./define.ts"
import type { CreateInput, InferTypeOf } from "./entity.ts"
import { ModuleService } from "./module-service.ts"

const Brand = model.define("brand", {
  id: model.id().primaryKey(),
  name: model.text(),
  country: model.text().nullable(),
  rank: model.number().default(0),
  kind: model.enum(["own", "foreign"]).default("own"),
  founded: model.dateTime().nullable(),
})

it("types rows, new rows and the generated methods", () => {
  class BrandService extends ModuleService({ Brand }) {}
  expectTypeOf<InferTypeOf<typeof Brand>>().toEqualTypeOf<{
    id: string
    name: string
    country: string | null
    rank: number
    kind: "own" | "foreign"
    founded: Date | null
    created_at: Date
    updated_at: Date
    deleted_at: Date | null
  }>()
  expectTypeOf<{ name: string }>().toExtend<CreateInput<typeof Brand>>()
  expectTypeOf<BrandService["createBrands"]>().toBeCallableWith({ name: "Acme" })
  expectTypeOf<BrandService["createBrands"]>().toBeCallableWith([{ name: "Acme" }])
  // @ts-expect-error: a brand has a name
  expectTypeOf<BrandService["createBrands"]>().toBeCallableWith({ country: "DE" })
  expectTypeOf<BrandService["retrieveBrand"]>().returns.resolves.toEqualTypeOf<InferTypeOf<typeof Brand>>()
  expectTypeOf<BrandService["updateBrands"]>().toBeCallableWith({ id: "1", rank: 2 })
  // @ts-expect-error: nobody knows which one
  expectTypeOf<BrandService["updateBrands"]>().toBeCallableWith({ rank: 2 })
  expectTypeOf<BrandService["deleteBrands"]>().toBeCallableWith(["1"])
  expectTypeOf<BrandService["listBrands"]>().toBeCallableWith({ id: ["1"], rank: { $gt: 1 } })

  expect(new BrandService()).toHaveProperty("listAndCountBrands")
})
