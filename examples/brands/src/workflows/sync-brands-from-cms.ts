import type { InferTypeOf } from "carillon"
import { createStep, createWorkflow, StepResponse, transform, WorkflowResponse } from "carillon/workflows"
import { BRAND_MODULE } from "../modules/brand"
import type { Brand } from "../modules/brand/models/brand"
import type BrandModuleService from "../modules/brand/service"
import { CMS_MODULE } from "../modules/cms"
import type CmsModuleService from "../modules/cms/service"

type CmsBrand = { id: string; name: string }

const retrieveBrandsFromCmsStep = createStep("retrieve-brands-from-cms", async (_, { container }) => {
  const cmsModuleService: CmsModuleService = container.resolve(CMS_MODULE)
  const brandModuleService: BrandModuleService = container.resolve(BRAND_MODULE)

  const brands = (await cmsModuleService.retrieveBrands()) as CmsBrand[]
  const known = await brandModuleService.listBrands({ id: brands.map((brand) => brand.id) })

  return new StepResponse({ brands, knownIds: known.map((brand) => brand.id) })
})

const createBrandsStep = createStep(
  "create-brands-step",
  async ({ brands }: { brands: CmsBrand[] }, { container }) => {
    const brandModuleService: BrandModuleService = container.resolve(BRAND_MODULE)

    const created = await brandModuleService.createBrands(brands)

    return new StepResponse(
      created,
      created.map((brand) => brand.id),
    )
  },
  async (ids, { container }) => {
    if (!ids) {
      return
    }

    const brandModuleService: BrandModuleService = container.resolve(BRAND_MODULE)

    await brandModuleService.deleteBrands(ids)
  },
)

const updateBrandsStep = createStep(
  "update-brands-step",
  async ({ brands }: { brands: CmsBrand[] }, { container }) => {
    const brandModuleService: BrandModuleService = container.resolve(BRAND_MODULE)

    const before = await brandModuleService.listBrands({ id: brands.map((brand) => brand.id) })
    const updated = await brandModuleService.updateBrands(brands)

    return new StepResponse(updated, before)
  },
  async (before: InferTypeOf<typeof Brand>[] | undefined, { container }) => {
    if (!before) {
      return
    }

    const brandModuleService: BrandModuleService = container.resolve(BRAND_MODULE)

    await brandModuleService.updateBrands(before.map(({ id, name }) => ({ id, name })))
  },
)

export const syncBrandsFromCmsWorkflow = createWorkflow("sync-brands-from-cms", () => {
  const retrieved = retrieveBrandsFromCmsStep()

  const { toCreate, toUpdate } = transform({ retrieved }, ({ retrieved: { brands, knownIds } }) => ({
    toCreate: brands.filter((brand) => !knownIds.includes(brand.id)),
    toUpdate: brands.filter((brand) => knownIds.includes(brand.id)),
  }))

  const created = createBrandsStep({ brands: toCreate })
  const updated = updateBrandsStep({ brands: toUpdate })

  return new WorkflowResponse({ created, updated })
})
