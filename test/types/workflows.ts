// Promise: what a step answers with has its type wherever it is handed on. `npm run check -- types` says so.

import type { CarillonContainer } from "carillon"
import {
  createHook,
  createStep,
  createWorkflow,
  emitEventStep,
  parallelize,
  releaseEventsStep,
  StepResponse,
  sleepStep,
  transform,
  type UnwrapWorkflowInputDataType,
  useQueryGraphStep,
  type WorkflowData,
  WorkflowResponse,
  waitForEventStep,
  when,
} from "carillon/workflows"
import * as z from "zod"

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function holds<_ extends true>(): void {}

interface Brand {
  readonly id: string
  readonly name: string
  readonly created_at: Date
}
interface CreateBrandInput {
  readonly name: string
}

const createBrandStep = createStep(
  "create-brand",
  async ({ name }: CreateBrandInput, { container, attempt, idempotencyKey }) => {
    const brands: { create(name: string): Promise<Brand> } = container.resolve("brand")
    holds<Same<typeof attempt, number>>()
    holds<Same<typeof idempotencyKey, string>>()
    const brand = await brands.create(name)
    return new StepResponse(brand, brand.id)
  },
  async (id, { container }) => {
    holds<Same<typeof id, string | undefined>>()
    holds<Same<typeof container, CarillonContainer>>()
  },
)

const countStep = createStep("count", async (input: { readonly brand: Brand; readonly tags: string[] }) => {
  if (input.tags.length === 0) return StepResponse.skip()
  return new StepResponse(input.tags.length)
})
const plainStep = createStep("plain", async () => {})
const nothingStep = createStep("nothing", async (brand: Brand) => new StepResponse(null, brand.id))
const namesStep = createStep("names", (ids: string[]) => new StepResponse(ids.map((id) => ({ id }))))
const maybeStep = createStep("maybe", async (input: { readonly id?: string }) => {
  if (input.id === undefined) return
  return new StepResponse({ found: input.id })
})

export const createBrandWorkflow = createWorkflow("create-brand", (input: CreateBrandInput) => {
  const brand = createBrandStep(input)
  const { id, name } = brand
  holds<Same<typeof id, string>>()
  holds<Same<typeof name, string>>()
  emitEventStep({ eventName: "brand.created", data: { id: brand.id } })
  const created = createHook("brandCreated", { brand, at: brand.created_at })
  return new WorkflowResponse(brand, { hooks: [created] })
})

holds<Same<UnwrapWorkflowInputDataType<typeof createBrandWorkflow>, CreateBrandInput>>()

export async function run(container: CarillonContainer): Promise<void> {
  const { result, errors, transaction } = await createBrandWorkflow(container).run({
    input: { name: "Acme" },
  })
  holds<Same<typeof result, Brand>>()
  holds<Same<(typeof errors)[number]["action"], string>>()
  holds<Same<typeof transaction.flow.hasFailedSteps, boolean>>()
  await createBrandWorkflow.run({ container, input: { name: "Acme" }, throwOnError: false })
  await createBrandWorkflow(container).run<{ name: string; vip: boolean }>({
    input: { name: "a", vip: true },
  })
  // @ts-expect-error the input has no such field
  await createBrandWorkflow(container).run({ input: { title: "Acme" } })
}

createBrandWorkflow.hooks.brandCreated(
  async ({ brand, at }, { container }) => {
    holds<Same<typeof brand, Brand>>()
    holds<Same<typeof at, Date>>()
    container.resolve("mail")
    return new StepResponse({ sent: true }, "mail_1")
  },
  async (mail) => {
    holds<Same<typeof mail, string | undefined>>()
  },
)
// @ts-expect-error there is no such hook
createBrandWorkflow.hooks.brandDeleted

export const everything = createWorkflow(
  { name: "everything", retentionTime: 60, schedule: { cron: "0 3 * * *", timeZone: "Europe/Berlin" } },
  (input: WorkflowData<{ readonly name: string; readonly isGift: boolean }>) => {
    const brand = createBrandStep({ name: input.name })
    // @ts-expect-error a brand has no title
    brand.title
    // @ts-expect-error the step wants a name
    createBrandStep({ title: input.name })
    // @ts-expect-error the step wants an input
    createBrandStep()

    const count = countStep({ brand, tags: ["a"] }).config({ name: "count-2", maxRetries: 3 })
    holds<Same<typeof count, ReturnType<typeof countStep>>>()
    plainStep()
    nothingStep(brand)
    const maybe = maybeStep({})
    const names = namesStep([brand.id])
    const [first] = names
    const line = transform({ brand, count, first, plain: { deep: [brand] } }, (values) => {
      holds<Same<typeof values.brand, Brand>>()
      holds<Same<typeof values.count, number>>()
      holds<Same<(typeof values.plain.deep)[number], Brand>>()
      return `${values.brand.name} ${values.count + 1}`
    })
    const long = transform(
      line,
      (text) => text.length,
      async (length) => length > 3,
    )
    const gift = when({ input, brand }, (values) => {
      holds<Same<typeof values.input.isGift, boolean>>()
      return values.input.isGift
    }).then(() => countStep({ brand, tags: [] }))
    const known = transform({ gift, maybe }, (values) => {
      holds<Same<typeof values.gift, number | undefined>>()
      return values.gift ?? 0
    })
    const [a, b] = parallelize(countStep({ brand, tags: [] }), namesStep([]))
    sleepStep({ seconds: 1 })
    releaseEventsStep()
    const paid = waitForEventStep<{ readonly order: string }>({
      event: "order.paid",
      filter: { data: { order: [brand.id] } },
    })
    const { data: brands } = useQueryGraphStep({
      entity: "brand",
      fields: ["*"],
      filters: { id: brand.id },
      options: { throwIfKeyNotFound: true },
    })
    nothingStep(brands[0]).config({ name: "nothing-2" })
    const { data: typed } = useQueryGraphStep<Brand>({ entity: "brand", fields: ["*"] })
    namesStep([typed[0]?.id ?? ""])
    const hook = createHook("pricing", { brand }, { resultValidator: z.object({ factor: z.number() }) })
    const priced = transform(hook.getResult(), (result) => {
      holds<Same<typeof result, { factor: number } | undefined>>()
      return result?.factor ?? 1
    })
    const child = createBrandWorkflow.runAsStep({ input })
    const result = {
      brand,
      long,
      known,
      a,
      b,
      order: paid.data.order,
      priced,
      child: child.name,
      fixed: 1 as const,
    }
    return new WorkflowResponse(result, { hooks: [hook] })
  },
)

type Everything = Awaited<ReturnType<typeof everything.run>>["result"]
holds<Same<Everything["brand"], Brand>>()
holds<Same<Everything["long"], boolean>>()
holds<Same<Everything["known"], number>>()
holds<Same<Everything["a"], number>>()
holds<Same<Everything["b"], { id: string }[]>>()
holds<Same<Everything["order"], string>>()
holds<Same<Everything["child"], string>>()

everything.hooks.pricing(() => ({ factor: 2 }))
// @ts-expect-error the validator wants a number
everything.hooks.pricing(() => ({ factor: "2" }))

const none = createWorkflow("none", () => {
  plainStep()
})
export const nothing = () => none.run()
holds<Same<Awaited<ReturnType<typeof nothing>>["result"], undefined>>()

// Types that are given by hand, as much of Medusa's code does.
createStep<CreateBrandInput, Brand, string>("by-hand", async () => new StepResponse({} as Brand, "brand_1"))
createWorkflow<CreateBrandInput, Brand, []>("by-hand", (input) => {
  const brand = createBrandStep(input)
  return new WorkflowResponse(brand)
})
