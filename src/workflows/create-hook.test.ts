import { beforeEach, describe, expect, it, vi } from "vitest"
import * as z from "zod"
import { walkWorkflow } from "../../test/support/walk-workflow.ts"
import { workflowRegistry } from "../runs/registry.ts"
import { createHook } from "./create-hook.ts"
import { createStep } from "./create-step.ts"
import { createWorkflow } from "./create-workflow.ts"
import { StepResponse } from "./step-response.ts"
import { transform } from "./transform.ts"
import { WorkflowResponse } from "./workflow-response.ts"

const price = createStep("price", async (factor: number) => new StepResponse(100 * factor))

function setup() {
  return createWorkflow("price-order", (input: { id: string }) => {
    const pricing = createHook(
      "pricing",
      { order: input.id },
      { resultValidator: z.object({ factor: z.number() }) },
    )
    const factor = transform({ given: pricing.getResult() }, ({ given }) => given?.factor ?? 1)
    const total = price(factor)
    const priced = createHook("priced", { total })
    return new WorkflowResponse(total, { hooks: [pricing, priced] })
  })
}

beforeEach(() => workflowRegistry.clear())

describe("a hook", () => {
  it("is skipped while nobody handles it", async () => {
    const { result, skipped } = await walkWorkflow(setup(), { id: "ord_1" })

    expect(result).toBe(100)
    expect(skipped).toEqual(["pricing", "priced"])
  })

  it("calls its handler with its input, and hands on what that answers", async () => {
    const workflow = setup()
    const pricing = vi.fn(() => new StepResponse({ factor: 3 }))
    const priced = vi.fn()
    workflow.hooks.pricing(pricing)
    workflow.hooks.priced(priced)

    const { result } = await walkWorkflow(workflow, { id: "ord_1" })

    expect(result).toBe(300)
    expect(pricing).toHaveBeenCalledWith({ order: "ord_1" }, expect.objectContaining({ stepName: "pricing" }))
    expect(priced).toHaveBeenCalledWith({ total: 300 }, expect.anything())
  })

  it("takes one handler and no second", () => {
    const workflow = setup()
    workflow.hooks.priced(() => {})

    expect(() => workflow.hooks.priced(() => {})).toThrow(
      "Cannot define multiple hook handlers for the `priced` hook of workflow `price-order`.",
    )
    expect(() => workflow.hooks.pricing("no" as never)).toThrow("Expected the handler of hook `pricing`")
  })

  it("is compensated by its handler's compensation", async () => {
    const undo = vi.fn()
    const workflow = setup()
    workflow.hooks.pricing(() => new StepResponse({ factor: 2 }, "coupon_1"), undo)
    workflow.hooks.priced(() => {
      throw new Error("no")
    })

    const { error, undone } = await walkWorkflow(workflow, { id: "ord_1" })

    expect(error?.message).toBe("no")
    expect(undone).toEqual([{ step: "pricing", input: "coupon_1" }])
    expect(undo).toHaveBeenCalledWith("coupon_1", expect.objectContaining({ action: "compensate" }))
  })

  it("fails for good when the answer does not fit, and can undo what its handler did", async () => {
    const workflow = setup()
    workflow.hooks.pricing(() => new StepResponse({ factor: "two" } as never, "coupon_1"))

    const { error } = await walkWorkflow(workflow, { id: "ord_1" })

    expect(error?.message).toMatch(
      /^Expected the answer of hook `pricing` to fit its `resultValidator`. factor: /,
    )
    expect(error).toMatchObject({ code: "CARILLON_PERMANENT", compensateInput: "coupon_1" })
  })

  it("does not change the workflow's shape by having a handler", () => {
    const [bare, handled] = [setup(), setup()]
    handled.hooks.priced(() => {})

    expect(handled.definition.hash).toBe(bare.definition.hash)
  })
})
