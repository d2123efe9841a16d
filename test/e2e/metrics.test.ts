import { readFileSync } from "node:fs"
import type { Carillon } from "carillon"
import { createStep, createWorkflow, StepResponse } from "carillon/workflows"
import { Counter, Registry } from "prom-client"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { METRICS } from "../../src/telemetry/metrics.ts"
import { describeEngines } from "../support/describe.ts"
import { metricsIn, metricsInVariable } from "../support/promql.ts"
import { WorkflowShop } from "../support/workflow-shop.ts"

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8")

interface Panel {
  readonly title: string
  readonly targets?: readonly { readonly expr: string }[]
}
const dashboard = JSON.parse(read("docs/grafana/carillon.json")) as {
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly { readonly type: string; readonly definition?: string }[] }
}
const queries = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
const variables = dashboard.templating.list.flatMap(({ definition }) => definition ?? [])
const asked = [...queries.flatMap(metricsIn), ...variables.flatMap(metricsInVariable)]

/** Every line of a scrape that is a number: its name, its labels, its value. */
function samplesOf(text: string): { name: string; labels: string; value: number }[] {
  return text.split("\n").flatMap((line) => {
    const [, name, labels = "", value] = /^([a-zA-Z_:][\w:]*)(\{.*\})? (\S+)$/.exec(line) ?? []
    return name === undefined ? [] : [{ name, labels, value: Number(value) }]
  })
}

function reading(text: string, name: string, ...labels: readonly string[]): number | undefined {
  const found = samplesOf(text).filter(
    (each) => each.name === name && labels.every((label) => each.labels.includes(label)),
  )
  return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0)
}

await describeEngines((engine) => {
  let shop: WorkflowShop
  beforeEach(async () => {
    shop = await WorkflowShop.open(engine)
  })
  afterEach(() => shop.close())

  /** Something of everything: delivered, tried again, dead, refused; a run that is done, and one that is undone. */
  async function busy(): Promise<Carillon> {
    const pack = createStep("pack", async () => new StepResponse("packed"))
    const fail = createStep("fail", async () => {
      throw new Error("The card was declined.")
    })
    const ship = createWorkflow("ship", () => {
      pack()
    })
    const refuse = createWorkflow("refuse", () => {
      pack()
      fail()
    })
    const carillon = await shop.carillon()
    const broken = (): never => {
      throw new Error("The mail server is away.")
    }
    carillon.events.subscribe("order.placed", () => {}, { subscriberId: "stock" })
    carillon.events.subscribe("order.placed", broken, { subscriberId: "mail", policy: { retries: 0 } })
    carillon.events.subscribe("order.placed", broken, {
      subscriberId: "erp",
      policy: { retries: 1, initialBackoffDelay: 3_600_000 },
    })
    await carillon.emit([{ name: "order.placed", id: "ord_1001", data: 1 }, { name: "order.placed" }])
    await carillon.emit({ name: "order.placed", id: "ord_1001", data: 2 }).catch(() => {})
    await carillon.emit({ name: "order.held", metadata: { eventGroupId: "cart_7" } })
    await carillon.workflows.run(ship)
    await carillon.workflows.run(refuse, { throwOnError: false })
    await carillon.drain()
    return carillon
  }

  it("prints what this process did and what the store holds", async () => {
    const carillon = await busy()

    const text = await carillon.metrics()

    const value = (name: string, ...labels: string[]) => reading(text, name, ...labels)
    expect(value("carillon_up")).toBe(1)
    expect(value("carillon_emits_total")).toBe(2) // what is staged is none
    expect(value("carillon_emits_rejected_total", 'code="CARILLON_ID_CONFLICT"')).toBe(1)
    expect(value("carillon_events_total")).toBe(2)
    expect(value("carillon_staged_events")).toBe(1)
    expect(value("carillon_deliveries_total", "stock@", 'outcome="delivered"')).toBe(2)
    expect(value("carillon_deliveries_total", "mail@", 'outcome="dead"')).toBe(2)
    expect(value("carillon_deliveries_total", "erp@", 'outcome="retry"')).toBe(2)
    expect(value("carillon_attempt_duration_seconds_count", "stock@")).toBe(2)
    expect(value("carillon_attempt_duration_seconds_bucket", "stock@", 'le="+Inf"')).toBe(2)
    expect(value("carillon_dead_letters", "mail@", 'group="shop"')).toBe(2)
    expect(value("carillon_subscription_waiting", "erp@")).toBe(2)
    expect(value("carillon_runs_total", 'workflow="ship"', 'event="done"')).toBe(1)
    expect(value("carillon_runs_total", 'workflow="refuse"', 'event="reverted"')).toBe(1)
    expect(value("carillon_steps_total", 'workflow="refuse"', 'outcome="failed"')).toBe(1)
    expect(value("carillon_step_duration_seconds_count", 'workflow="ship"')).toBe(1)
    expect(value("carillon_workers", 'group="shop"')).toBe(1)
    expect(value("carillon_store_bytes")).toBeGreaterThan(10_000)
    expect(value("carillon_commit_events_sum")).toBe(3) // the one that was refused was in a commit too
    expect(value("carillon_pool_connections", 'lane="commits"', 'state="waiting"')).toBe(
      engine === "postgres" ? 0 : undefined,
    )
  })

  it("has every metric that the dashboard asks for, with a series", async () => {
    const carillon = await busy()

    const names = new Set(samplesOf(await carillon.metrics()).map(({ name }) => name))

    const missing = asked.filter((name) => !names.has(name))
    expect(missing).toEqual(engine === "postgres" ? [] : ["carillon_pool_connections"])
  })

  it("answers while the store is away, and says so", async () => {
    const carillon = await busy()
    await carillon.stop()

    const text = await carillon.metrics()

    expect(reading(text, "carillon_up")).toBe(0)
    expect(reading(text, "carillon_dead_letters")).toBeUndefined()
    expect(reading(text, "carillon_events_total")).toBe(2)
  })

  it("prints the application's registry as well, and nothing twice", async () => {
    const registry = new Registry()
    new Counter({ name: "shop_orders_total", help: "Orders.", registers: [registry] }).inc(3)
    new Counter({ name: "process_cpu_seconds_total", help: "Of their own.", registers: [registry] }).inc(7)
    const carillon = await shop.carillon({ metricsRegistry: registry })

    const text = await carillon.metrics()

    expect(reading(text, "shop_orders_total")).toBe(3)
    expect(reading(text, "process_cpu_seconds_total")).toBe(7)
    const types = text.split("\n").filter((line) => line.startsWith("# TYPE"))
    expect(types).toEqual([...new Set(types)])
    expect(carillon.metricsContentType).toBe(registry.contentType)
  })
})

describe("the dashboard", () => {
  it("shows every metric of ours", () => {
    const shown = new Set(asked.map((name) => name.replace(/_(bucket|sum|count)$/, "")))

    expect(METRICS.map(({ name }) => name).filter((name) => !shown.has(name))).toEqual([])
  })
})

describe("docs/how-to/observe.md", () => {
  it("alerts on metrics that there are", () => {
    const names = new Set(METRICS.map(({ name }) => name))

    const spoken = [...read("docs/how-to/observe.md").matchAll(/\bcarillon_\w+/g)].map(([name]) => name)

    expect(spoken.length).toBeGreaterThan(5)
    expect(spoken.filter((name) => !names.has(name))).toEqual([])
  })
})

describe("docs/reference/metrics.md", () => {
  it("says of every metric what the code says", () => {
    const rows = read("docs/reference/metrics.md").matchAll(
      /^\| `(carillon_\w+)` \| (\w+) \| (.*?) \| (.*) \|$/gm,
    )

    const words = METRICS.map(({ name, type, labels, help }) => [
      name,
      type,
      labels.map((label) => `\`${label}\``).join(", "),
      help,
    ])
    expect([...rows].map(([, ...cells]) => cells).toSorted()).toEqual(words.toSorted())
  })
})
