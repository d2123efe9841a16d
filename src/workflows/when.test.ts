import { beforeEach, describe, expect, it, vi } from "vitest"
import { walkWorkflow } from "../../test/support/walk-workflow.ts"
import { workflowRegistry } from "../runs/registry.ts"
import { createStep } from "./create-step.ts"
import { createWorkflow } from "./create-workflow.ts"
import { parallelize } from "./parallelize.ts"
import { StepResponse } from "./step-response.ts"
import { transform } from "./transform.ts"
import { when } from "./when.ts"
import { WorkflowResponse } from "./workflow-response.ts"

interface Cart {
  readonly isGift: boolean
  readonly total: number
}

const pack = createStep("pack", async (cart: Cart) => new StepResponse({ parcel: cart.total }))
const label = createStep("label", async (text: string) => new StepResponse(`[${text}]`))

beforeEach(() => workflowRegistry.clear())

describe("when", () => {
  const compose = () =>
    createWorkflow("gift", (cart: Cart) => {
      const packed = when({ cart }, ({ cart }) => cart.isGift).then(() => pack(cart))
      const printed = when("large", { packed }, ({ packed }) => (packed?.parcel ?? 0) > 100).then(() => {
        const first = label("large")
        const second = label("fragile").config({ name: "label-2" })
        return { first, both: [first, second] }
      })
      return new WorkflowResponse({ packed, first: printed.first, both: printed.both })
    })

  it("runs the steps in it when the condition holds", async () => {
    const { result, skipped } = await walkWorkflow(compose(), { isGift: true, total: 200 })

    expect(skipped).toEqual([])
    expect(result).toEqual({ packed: { parcel: 200 }, first: "[large]", both: ["[large]", "[fragile]"] })
  })

  it("skips them when it does not, and what they would have answered is undefined", async () => {
    const { result, skipped } = await walkWorkflow(compose(), { isGift: false, total: 200 })

    expect(skipped).toEqual(["pack", "label", "label-2"])
    expect(result).toEqual({ packed: undefined, first: undefined, both: undefined })
  })

  it("asks its condition once a run", async () => {
    const condition = vi.fn(async ({ total }: Cart) => total > 0)
    const workflow = createWorkflow("asked", (cart: Cart) => {
      when(cart, condition).then(() => {
        parallelize(pack(cart), label("a"))
        label("b").config({ name: "label-2" })
      })
    })

    await walkWorkflow(workflow, { isGift: true, total: 1 })
    await walkWorkflow(workflow, { isGift: true, total: 2 })

    expect(condition.mock.calls).toEqual([[{ isGift: true, total: 1 }], [{ isGift: true, total: 2 }]])
  })

  it.each([
    [{ isGift: true, total: 200 }, [], "[inner]"],
    [{ isGift: true, total: 1 }, ["inner"], undefined],
    [{ isGift: false, total: 200 }, ["before", "inner", "after"], undefined],
  ])("inside another needs both conditions: %j", async (cart, expected, answer) => {
    const workflow = createWorkflow("nested", (cart: Cart) => {
      const made = when({ cart }, ({ cart }) => cart.isGift).then(() => {
        label("before").config({ name: "before" })
        const inner = when({ cart }, ({ cart }) => cart.total > 100).then(() =>
          label("inner").config({ name: "inner" }),
        )
        label("after").config({ name: "after" })
        return { inner }
      })
      return new WorkflowResponse(made.inner)
    })

    const { skipped, result } = await walkWorkflow(workflow, cart)

    expect(skipped).toEqual(expected)
    expect(result).toBe(answer)
  })

  it("is refused without `then`, and its condition when it is none", () => {
    const loose = () =>
      createWorkflow("loose", (cart: Cart) => {
        when({ cart }, () => true)
      })
    const twisted = () =>
      createWorkflow("twisted", (cart: Cart) => {
        when({ cart }, cart.isGift as never)
      })

    expect(loose).toThrow(
      "Expected `.then(() => ...)` after `when` (`when-1`) in workflow `loose`, it is missing.",
    )
    expect(twisted).toThrow("Expected the condition of `when` to be a function")
  })

  it("changes the workflow's shape, by its name and by what stands in it", () => {
    const hashOf = (id: string, composer: (cart: Cart) => void) =>
      createWorkflow(id, composer as (cart: Cart) => void).definition.hash

    const hashes = [
      hashOf("a", (cart) => void pack(cart)),
      hashOf("b", (cart) => void when(cart, () => true).then(() => pack(cart))),
      hashOf("c", (cart) => void when("gift", cart, () => true).then(() => pack(cart))),
      hashOf("d", (cart) => void pack(cart).config({ maxRetries: 9 })),
    ]

    expect(new Set(hashes).size).toBe(3)
    expect(hashes[3]).toBe(hashes[0])
  })
})

describe("transform", () => {
  it("is computed once a run, however many ask for it, and chains its functions", async () => {
    const total = vi.fn(async ({ cart }: { cart: Cart }) => cart.total * 2)
    const workflow = createWorkflow("totals", (cart: Cart) => {
      const doubled = transform({ cart }, total, (value) => ({ value }))
      const a = label(transform(doubled, ({ value }) => `a ${value}`))
      const b = label(transform({ doubled }, ({ doubled }) => `b ${doubled.value}`)).config({
        name: "label-2",
      })
      return new WorkflowResponse([a, b, doubled.value])
    })

    const { result } = await walkWorkflow(workflow, { isGift: true, total: 21 })

    expect(result).toEqual(["[a 42]", "[b 42]", 42])
    expect(total).toHaveBeenCalledOnce()
  })

  it("cannot change what others are handed", async () => {
    const workflow = createWorkflow("changed", (cart: Cart) => {
      const lines = transform({ cart }, () => ["b", "a"])
      const sorted = transform({ lines }, ({ lines }) => lines.sort())
      return new WorkflowResponse({ sorted, lines })
    })

    const { result } = await walkWorkflow(workflow, {})

    expect(result).toEqual({ sorted: ["a", "b"], lines: ["b", "a"] })
  })

  it.each([
    [
      "at once",
      () => {
        throw new Error("no total")
      },
    ],
    [
      "later",
      async () => {
        throw new Error("no total")
      },
    ],
  ])(
    "that fails %s is the failure of who needs it, and is computed again for the next attempt",
    async (_, fail) => {
      const compute = vi
        .fn<() => string | Promise<string>>()
        .mockImplementationOnce(fail as never)
        .mockReturnValue("ok")
      const workflow = createWorkflow("failing", (cart: Cart) => {
        label(transform(cart, compute))
      })
      const step = workflow.definition.levels[0]?.[0]
      const memos = new Map<object, unknown>()
      const values = {
        input: {},
        output: () => undefined,
        memo: (key: object, make: () => unknown) => {
          if (!memos.has(key)) memos.set(key, make())
          return memos.get(key)
        },
      }

      const read = async () => step?.input(values)

      await expect(read()).rejects.toThrow("no total")
      await expect(read()).resolves.toBe("ok")
    },
  )

  it("that fails beside another leaves no rejection unhandled", async () => {
    const unhandled = vi.fn()
    process.on("unhandledRejection", unhandled)
    const workflow = createWorkflow("failing-twice", (cart: Cart) => {
      const later = transform(cart, async (): Promise<{ text: string }> => {
        throw new Error("later")
      })
      const now = transform(cart, (): string => {
        throw new Error("now")
      })
      return new WorkflowResponse({ later: later.text, now })
    })

    const { error } = await walkWorkflow(workflow, {})
    await new Promise((resolve) => setImmediate(resolve))
    process.off("unhandledRejection", unhandled)

    expect(error?.message).toBe("now")
    expect(unhandled).not.toHaveBeenCalled()
  })

  it("awaits what can be awaited without being a promise", async () => {
    // biome-ignore lint/suspicious/noThenProperty: as query builders have it
    const query = { then: (resolve: (rows: string[]) => void) => resolve(["row"]) }
    const workflow = createWorkflow("queries", (cart: Cart) => {
      const rows = transform(
        cart,
        () => query as never as Promise<string[]>,
        (rows) => rows.length,
      )
      return new WorkflowResponse(rows)
    })

    expect((await walkWorkflow(workflow, {})).result).toBe(1)
  })
})
