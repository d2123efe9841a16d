import { beforeEach, describe, expect, it, vi } from "vitest"
import { walkWorkflow } from "../../test/support/walk-workflow.ts"
import { codeOf } from "../core/errors.ts"
import { workflowRegistry } from "../runs/registry.ts"
import { createStep } from "./create-step.ts"
import { createWorkflow } from "./create-workflow.ts"
import { parallelize } from "./parallelize.ts"
import { StepResponse } from "./step-response.ts"
import { transform } from "./transform.ts"
import { WorkflowResponse } from "./workflow-response.ts"

interface Order {
  readonly id: string
  readonly lines: readonly { readonly sku: string; readonly amount: number }[]
  readonly customer: { readonly name: string }
}

const order: Order = {
  id: "ord_1",
  lines: [
    { sku: "bell", amount: 2 },
    { sku: "rope", amount: 1 },
  ],
  customer: { name: "Ada" },
}

const loadOrder = createStep("load-order", async (id: string) => new StepResponse({ ...order, id }))
const echo = createStep("echo", async (value: unknown) => new StepResponse(value))

beforeEach(() => workflowRegistry.clear())

describe("a composed workflow", () => {
  it("hands each step the outputs of those before it, in order", async () => {
    const called: unknown[] = []
    const reserve = createStep("reserve", async (input: { readonly sku: string }) => {
      called.push(input)
      return new StepResponse(`reserved ${input.sku}`)
    })
    const workflow = createWorkflow("place-order", (input: { id: string }) => {
      const loaded = loadOrder(input.id)
      const reserved = reserve({ sku: loaded.lines[1]?.sku as string })
      return new WorkflowResponse({ id: loaded.id, reserved })
    })

    const { result } = await walkWorkflow(workflow, { id: "ord_7" })

    expect(workflow.definition.levels.map((level) => level.map((step) => step.name))).toEqual([
      ["load-order"],
      ["reserve"],
    ])
    expect(called).toEqual([{ sku: "rope" }])
    expect(result).toEqual({ id: "ord_7", reserved: "reserved rope" })
  })

  it("does not mix runs and compositions that go on side by side", async () => {
    const workflows = ["a", "b", "c"].map((id) =>
      createWorkflow(id, (input: { n: number }) => {
        const first = echo({ id, n: input.n })
        return new WorkflowResponse(transform({ first }, ({ first }) => first))
      }),
    )

    const walks = await Promise.all(
      workflows.flatMap((workflow) => [walkWorkflow(workflow, { n: 1 }), walkWorkflow(workflow, { n: 2 })]),
    )

    expect(walks.map((walk) => walk.result)).toEqual([
      { id: "a", n: 1 },
      { id: "a", n: 2 },
      { id: "b", n: 1 },
      { id: "b", n: 2 },
      { id: "c", n: 1 },
      { id: "c", n: 2 },
    ])
  })

  it.each([
    ["a property", (loaded: Order) => loaded.customer.name, "Ada"],
    [
      "destructured properties",
      ({ id, customer: { name } }: Order) => ({ id, name }),
      { id: "ord_1", name: "Ada" },
    ],
    ["destructured elements", ({ lines: [first] }: Order) => first, order.lines[0]],
    ["a whole output", (loaded: Order) => loaded, order],
    ["an array", (loaded: Order) => [loaded.id, 7, [loaded.customer]], ["ord_1", 7, [order.customer]]],
    [
      "a spread",
      (loaded: Order) => ({ ...{ id: "old" }, ...loaded, customer: null }),
      { ...order, customer: null },
    ],
    [
      "the rest of a destructuring",
      ({ id, ...rest }: Order) => ({ rest, id }),
      { id: "ord_1", rest: { lines: order.lines, customer: order.customer } },
    ],
    [
      "a spread after a property was read",
      (loaded: Order) => ({ ...{ name: loaded.customer.name }, ...loaded.customer, ...loaded }),
      { name: "Ada", ...order },
    ],
    ["a property that is not there", (loaded: Order) => ({ x: loaded.lines[9]?.sku }), { x: undefined }],
    [
      "a property with a method's name",
      (loaded: Order) => (loaded as never as { map: string }).map,
      undefined,
    ],
    ["a fixed value", () => ({ fixed: [1, "two", null] }), { fixed: [1, "two", null] }],
    ["nothing", () => undefined, undefined],
  ])("answers with %s", async (_, compose, expected) => {
    const workflow = createWorkflow("answer", () => {
      const loaded = loadOrder("ord_1")
      return new WorkflowResponse(compose(loaded))
    })

    const { result } = await walkWorkflow(workflow)

    expect(result).toEqual(expected)
  })

  it("keeps dates, bytes and objects of other classes in what it is handed", async () => {
    const at = new Date("2026-01-01T00:00:00Z")
    const workflow = createWorkflow("dates", () => {
      echo({ at, bytes: new Uint8Array([1, 2]) })
    })

    const { outputs } = await walkWorkflow(workflow)

    expect(outputs.get("echo")).toEqual({ at, bytes: Buffer.from([1, 2]) })
  })

  it("takes the same step twice under another name, and refuses the same name twice", () => {
    const twice = () =>
      createWorkflow("twice", () => {
        loadOrder("a")
        loadOrder("b")
      })

    expect(twice).toThrow(
      'Step `load-order` is already defined in workflow `twice`. Give one of the two a name of its own: `.config({ name: "load-order-2" })`.',
    )
    const { definition } = createWorkflow("twice", () => {
      loadOrder("a").config({ name: "load-first" })
      loadOrder("b")
    })
    expect(definition.levels.flat().map((step) => step.name)).toEqual(["load-first", "load-order"])
  })

  it("reads the output of a step that was renamed after it was handed on", async () => {
    const workflow = createWorkflow("renamed", () => {
      const loaded = loadOrder("ord_9")
      const { id } = loaded
      loaded.config({ name: "load" })
      return new WorkflowResponse(id)
    })

    expect((await walkWorkflow(workflow)).result).toBe("ord_9")
  })
})

describe("an id", () => {
  it("that has another shape is refused, with both shapes in the message", () => {
    createWorkflow("sync", () => {
      loadOrder("a")
    })

    expect(() =>
      createWorkflow("sync", () => {
        echo("a")
        parallelize(loadOrder("a"), echo("b").config({ name: "echo-2" }))
      }),
    ).toThrow(
      "Workflow `sync` is already defined with another shape: before load-order, now echo → load-order + echo-2. Give one of the two another id.",
    )
  })

  it("of the same shape is the same workflow, with the newer functions", () => {
    const compose = (name: string) =>
      createWorkflow("sync", () => {
        createStep("name", () => new StepResponse(name))().config({ maxRetries: name.length })
      })

    const [first, second] = [compose("a"), compose("bb")]

    expect(second.definition.hash).toBe(first.definition.hash)
    expect(workflowRegistry.get("sync")).toBe(second.definition)
  })

  it.each([[""], [" padded"], ["x".repeat(201)], [undefined], [7]])("like %j is refused", (id) => {
    expect(() => createWorkflow(id as string, () => {})).toThrow(/Expected a workflow's id|or `\{ name/)
  })
})

describe("a composer", () => {
  it("that is async is refused", () => {
    const compose = () => createWorkflow("late", (async () => {}) as never)

    expect(compose).toThrow("Expected the composer of workflow `late` not to be async")
  })

  it("that fails leaves nothing behind", () => {
    const broken = () =>
      createWorkflow("broken", () => {
        loadOrder("a")
        throw new Error("no")
      })

    expect(broken).toThrow("no")
    expect(workflowRegistry.get("broken")).toBeNull()
    expect(() => loadOrder("a")).toThrow(
      "Expected step `load-order` to be called in the composer of a workflow",
    )
  })

  it("that returns no WorkflowResponse is told to", () => {
    const compose = () => createWorkflow("bare", (() => loadOrder("a")) as never)

    expect(compose).toThrow("Write `return new WorkflowResponse(result)`.")
  })

  it.each<[string, (loaded: Order) => unknown]>([
    ["compares", (loaded) => loaded.lines.length > 1],
    ["computes", (loaded) => (loaded.lines[0]?.amount as number) * 2],
    ["writes a text", (loaded) => `Order ${loaded.id}`],
    ["maps", (loaded) => loaded.lines.map((line) => line.sku)],
    ["goes through an array", (loaded) => [...loaded.lines]],
    ["makes JSON", (loaded) => JSON.stringify(loaded)],
    ["looks for a property", (loaded) => "id" in loaded],
    ["changes a property", (loaded) => Object.assign(loaded, { id: "x" })],
  ])("that %s with an output is told to transform", (_, act) => {
    const compose = () =>
      createWorkflow("reads", () => {
        act(loadOrder("a"))
      })

    expect(compose).toThrow(/the output of step `load-order`.* Do that in `transform\(/)
  })

  it("that hands on another workflow's output is refused", () => {
    let leaked: unknown
    createWorkflow("one", () => {
      leaked = loadOrder("a")
    })

    const compose = () =>
      createWorkflow("two", () => {
        echo(leaked)
      })

    expect(compose).toThrow("is handed the output of step `load-order`, which is a step of another workflow")
  })

  it("cannot configure a step when it is over", () => {
    let step: { config(settings: { maxRetries: number }): unknown } | undefined
    createWorkflow("over", () => {
      step = loadOrder("a")
    })

    expect(() => step?.config({ maxRetries: 3 })).toThrow("cannot be configured any more")
  })
})

it("steps and composers of different copies of the door work together", async () => {
  vi.resetModules()
  const other = await import("./index.ts")
  const otherEcho = other.createStep("other-echo", async (value: unknown) => new other.StepResponse(value))

  const workflow = createWorkflow("copies", (input: { id: string }) => {
    const loaded = loadOrder(input.id)
    const made = other.transform({ loaded }, ({ loaded }) => loaded.id)
    const said = other.when({ loaded }, ({ loaded }) => loaded.id !== "").then(() => otherEcho(made))
    return new other.WorkflowResponse({ said })
  })

  expect(other.createWorkflow).not.toBe(createWorkflow)
  expect((await walkWorkflow(workflow, { id: "ord_3" })).result).toEqual({ said: "ord_3" })
})

describe("parallelize", () => {
  it("puts steps into one level and answers with their outputs in order", async () => {
    const workflow = createWorkflow("side-by-side", () => {
      const loaded = loadOrder("ord_1")
      const [a, b, c] = parallelize(
        echo(loaded.id).config({ name: "a" }),
        echo("b").config({ name: "b" }),
        echo("c").config({ name: "c" }),
      )
      const last = echo([a, b, c])
      return new WorkflowResponse(last)
    })

    const { result } = await walkWorkflow(workflow)

    expect(workflow.definition.levels.map((level) => level.map((step) => step.name))).toEqual([
      ["load-order"],
      ["a", "b", "c"],
      ["echo"],
    ])
    expect(result).toEqual(["ord_1", "b", "c"])
  })

  it("refuses a step that needs its sibling", () => {
    const compose = () =>
      createWorkflow("tangled", () => {
        const loaded = loadOrder("a")
        parallelize(loaded, echo(loaded.id))
      })

    expect(compose).toThrow(
      "Step `echo` of workflow `tangled` needs the output of step `load-order`, but `parallelize` has them run side by side.",
    )
  })
})

describe("settings of a step", () => {
  it.each([
    [{ retries: 3 }, "A step has no setting `retries` (step `load-order`). Did you mean `maxRetries`?"],
    [{ maxRetries: -1 }, "Expected `maxRetries` of step `load-order` to be a whole number from 0 to 10000"],
    [{ timeout: "5" }, "Expected `timeout` of step `load-order` to be null or a number of seconds"],
    [{ compensateAsync: true }, "await in it what it has to wait for"],
    [{ skipOnPermanentFailure: "nowhere" }, "to name a later step of workflow `configured`, got `nowhere`"],
  ])("like %j are refused with a mend", (settings, message) => {
    const compose = () =>
      createWorkflow("configured", () => {
        loadOrder("a").config(settings as never)
        echo("b")
      })

    expect(compose).toThrow(message)
  })

  it("given to createStep hold in every workflow, and `.config` changes one", () => {
    const charge = createStep({ name: "charge", maxRetries: 2, timeout: 30 }, () => new StepResponse("paid"))

    const [first, second] = [
      createWorkflow("first", () => {
        charge().config({ maxRetries: 5, noWait: true })
      }),
      createWorkflow("second", () => {
        charge()
      }),
    ]

    expect(first.definition.levels[0]?.[0]?.config).toMatchObject({
      maxRetries: 5,
      timeout: 30,
      noWait: true,
    })
    expect(second.definition.levels[0]?.[0]?.config).toMatchObject({
      maxRetries: 2,
      timeout: 30,
      noWait: false,
    })
  })
})

it("a workflow without a container says how to get one", async () => {
  const workflow = createWorkflow("alone", () => {})

  const run = workflow.run()

  await expect(run).rejects.toThrow("Hand it over: `workflow(container).run({ ... })`")
  await expect(run).rejects.toSatisfy((error) => codeOf(error) === "CARILLON_INVALID_INPUT")
})
