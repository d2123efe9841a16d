import { beforeEach, describe, expect, it, vi } from "vitest"
import { type Walk, walkWorkflow } from "../../test/support/walk-workflow.ts"
import { workflowRegistry } from "../runs/registry.ts"
import { createStep } from "./create-step.ts"
import { createWorkflow } from "./create-workflow.ts"
import { type EmitEventStepInput, emitEventStep } from "./emit-event-step.ts"
import { releaseEventsStep } from "./release-events-step.ts"
import { type SleepStepInput, sleepStep } from "./sleep-step.ts"
import { StepResponse } from "./step-response.ts"
import { transform } from "./transform.ts"
import { useQueryGraphStep } from "./use-query-graph-step.ts"
import { waitForEventStep } from "./wait-for-event-step.ts"
import { WorkflowResponse } from "./workflow-response.ts"

const createBrand = createStep(
  "create-brand",
  async (name: string) => new StepResponse({ id: "brand_1", name }),
)
const fail = createStep("fail", async () => {
  throw new Error("no CMS")
})

function setup() {
  const event = {
    emit: vi.fn(async () => {}),
    clearGroupedEvents: vi.fn(async () => {}),
    releaseGroupedEvents: vi.fn(async () => {}),
  }
  const query = { graph: vi.fn(async () => ({ data: [{ id: "brand_1" }, { id: "brand_2" }] })) }
  const services: Record<string, unknown> = { event, query }
  const walk = (workflow: Parameters<typeof walkWorkflow>[0], runId = "run_1"): Promise<Walk> =>
    walkWorkflow(workflow, { name: "Acme" }, { runId, resolve: (name) => services[name] })
  return { event, query, walk }
}

beforeEach(() => workflowRegistry.clear())

describe("emitEventStep", () => {
  const compose = (input: (brand: { id: string }) => EmitEventStepInput) =>
    createWorkflow("emits", (given: { name: string }) => {
      emitEventStep(input(createBrand(given.name)))
    })

  it("stages the event under the run's group, with an id that is the run's and the step's", async () => {
    const { event, walk } = setup()
    const workflow = compose(({ id }) => ({
      eventName: "brand.created",
      data: { id },
      metadata: { source: "shop" },
      options: { delay: 10 },
    }))

    await walk(workflow)
    await walk(workflow, "run_2")

    expect(event.emit.mock.calls).toEqual([
      [
        [
          {
            name: "brand.created",
            data: { id: "brand_1" },
            id: "run_1:emit-event-step:0",
            metadata: { source: "shop", eventGroupId: "group_1" },
            options: { delay: 10 },
          },
        ],
      ],
      [[expect.objectContaining({ id: "run_2:emit-event-step:0" })]],
    ])
  })

  it.each<[string, (brand: { id: string }) => unknown, unknown[]]>([
    [
      "an array is one event each",
      ({ id }) => [{ id }, { id: "brand_2" }],
      [{ id: "brand_1" }, { id: "brand_2" }],
    ],
    [
      "a function is called in the step",
      () =>
        async ({ stepName }: { stepName: string }) => ({ stepName }),
      [{ stepName: "emit-event-step" }],
    ],
    ["a transform is computed", (brand) => transform({ brand }, ({ brand }) => brand.id), ["brand_1"]],
  ])("data: %s", async (_, data, expected) => {
    const { event, walk } = setup()

    await walk(compose((brand) => ({ eventName: "brand.created", data: data(brand) })))

    const [[events]] = event.emit.mock.calls as unknown as [[{ data: unknown; id: string }[]]]
    expect(events.map((each) => each.data)).toEqual(expected)
    expect(events.map((each) => each.id)).toEqual(expected.map((_, i) => `run_1:emit-event-step:${i}`))
  })

  it.each([
    ["none", undefined],
    ["null", null],
    ["an empty array", []],
    ["a function that answers nothing", () => undefined],
  ])("emits nothing for data that is %s", async (_, data) => {
    const { event, walk } = setup()

    const { error } = await walk(compose(() => ({ eventName: "brand.created", data })))

    expect(error).toBeNull()
    expect(event.emit).not.toHaveBeenCalled()
  })

  it("takes back its own events when it is undone", async () => {
    const { event, walk } = setup()
    const workflow = createWorkflow("undone", () => {
      emitEventStep({ eventName: "brand.created", data: [1, 2] })
      fail()
    })

    await walk(workflow)

    expect(event.clearGroupedEvents.mock.calls).toEqual([
      [
        "group_1",
        { eventNames: ["brand.created"], eventIds: ["run_1:emit-event-step:0", "run_1:emit-event-step:1"] },
      ],
    ])
  })
})

it("releaseEventsStep releases the run's group", async () => {
  const { event, walk } = setup()

  await walk(
    createWorkflow("releases", () => {
      releaseEventsStep()
    }),
  )

  expect(event.releaseGroupedEvents).toHaveBeenCalledWith("group_1")
})

describe("useQueryGraphStep", () => {
  const compose = (options: object | undefined) =>
    createWorkflow("asks", (input: { name: string }) => {
      const { data } = useQueryGraphStep({
        entity: "brand",
        fields: ["*"],
        filters: { name: input.name },
        options,
      })
      return new WorkflowResponse(data)
    })

  it.each([
    [undefined, {}, [{ id: "brand_1" }, { id: "brand_2" }]],
    [{ throwIfKeyNotFound: true }, { throwIfKeyNotFound: true }, [{ id: "brand_1" }, { id: "brand_2" }]],
    [{ isList: false }, {}, { id: "brand_1" }],
  ])("asks `query.graph`, with options %j", async (options, handedOn, expected) => {
    const { query, walk } = setup()

    const { result } = await walk(compose(options))

    expect(query.graph).toHaveBeenCalledWith(
      { entity: "brand", fields: ["*"], filters: { name: "Acme" } },
      handedOn,
    )
    expect(result).toEqual(expected)
  })
})

describe("sleepStep", () => {
  const compose = (input: SleepStepInput) =>
    createWorkflow("sleeps", () => {
      sleepStep(input)
    })

  it.each<[SleepStepInput, number | Date]>([
    [{ ms: 5 }, 5],
    [{ seconds: 2.5 }, 2_500],
    [{ seconds: 0 }, 0],
    [{ until: "2030-01-01T00:00:00Z" }, new Date("2030-01-01T00:00:00Z")],
  ])("told %j sleeps so long", async (input, expected) => {
    const { outputs } = await setup().walk(compose(input))

    expect(outputs.get("sleep-step")).toEqual(expected)
  })

  it.each([
    [{}, "got 0 of them"],
    [{ ms: 1, seconds: 1 }, "got 2 of them"],
    [{ ms: -1 }, "`ms` of `sleepStep` to be a number from 0 to ten years, got `-1`"],
    [{ seconds: "3" }, "`seconds` of `sleepStep` to be a number"],
    [{ until: "soon" }, "`until` of `sleepStep` to be a date"],
  ])("refuses %j where it is composed", (input, message) => {
    expect(() => compose(input as never)).toThrow(message)
  })

  it("refuses a value of the run in the run", async () => {
    const workflow = createWorkflow("sleeps", (input: { name: string }) => {
      sleepStep({ seconds: input.name as never })
    })

    const { error } = await setup().walk(workflow)

    expect(error?.message).toContain('got `"Acme"` (string)')
  })
})

describe("waitForEventStep", () => {
  it("waits for what it is told, in milliseconds", async () => {
    const workflow = createWorkflow("waits", (input: { name: string }) => {
      waitForEventStep({ event: "order.paid", filter: { data: { brand: [input.name] } }, timeout: 60 })
    })

    const { outputs } = await setup().walk(workflow)

    expect(outputs.get("wait-for-event-step")).toEqual({
      event: "order.paid",
      filter: { data: { brand: ["Acme"] } },
      timeoutMs: 60_000,
    })
  })

  it.each([
    [{ event: "" }, /name/],
    [{ event: "order.paid", filter: { data: "x" } }, /data/],
    [{ event: "order.paid", timeout: 0 }, /`timeout` of `waitForEventStep`/],
  ])("refuses %j where it is composed", (input, message) => {
    const compose = () =>
      createWorkflow("waits", () => {
        waitForEventStep(input)
      })

    expect(compose).toThrow(message)
  })
})
