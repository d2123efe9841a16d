import type { Program } from "../stage.ts"

export const querying: readonly Program[] = [
  {
    key: "query-list",
    finding: "asks for entities, and hands on rows with their count",
    async play(stage) {
      const { WorkflowResponse, useQueryGraphStep } = stage.sdk
      const workflow = stage.workflow((input) => {
        const brands = useQueryGraphStep({
          entity: "brand",
          fields: ["id", "name", "products.*"],
          filters: { id: input.id },
          pagination: { take: 2, skip: 0, order: { name: "ASC" } },
        })
        stage.step("sync")({ first: brands.data })
        return new WorkflowResponse({ brands })
      })

      await stage.run(workflow, { input: { id: "brand_1" } })
    },
  },
  {
    key: "query-one",
    finding: "hands on one row where no list is wanted, and passes the other options on",
    async play(stage) {
      const { WorkflowResponse, useQueryGraphStep } = stage.sdk
      const workflow = stage.workflow((input) => {
        const brand = useQueryGraphStep({
          entity: "brand",
          fields: ["*"],
          filters: { id: input.id },
          options: { throwIfKeyNotFound: true, isList: false },
        })
        return new WorkflowResponse({ id: brand.data.id, brand })
      })

      await stage.run(workflow, { input: { id: "brand_1" } })
    },
  },
  {
    key: "query-twice",
    finding: "asks twice in one workflow under two names",
    async play(stage) {
      const { WorkflowResponse, useQueryGraphStep } = stage.sdk
      const ask = (entity: string) => useQueryGraphStep({ entity, fields: ["id"] })
      const workflow = stage.workflow(() => {
        const brands = ask("brand")
        const products = ask("product").config({ name: "products" })
        return new WorkflowResponse({ brands: brands.data, products: products.data })
      })

      await stage.run(workflow)
    },
  },
]
