import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { type Carillon, PermanentError } from "carillon"
import { createStep, createWorkflow, StepResponse, WorkflowResponse } from "carillon/workflows"
import { afterEach, beforeEach, expect, it } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { filesWith, tablesWith } from "../support/traces-of.ts"
import { WorkflowShop } from "../support/workflow-shop.ts"

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url))
const ANNA = "anna.example@mail.test"
const WHERE = JSON.stringify({ data: { email: [ANNA] } })

await describeEngines((engine) => {
  let shop: WorkflowShop
  beforeEach(async () => {
    shop = await WorkflowShop.open(engine)
  })
  afterEach(() => shop.close())

  /** Orders of two people, each with a run and its child, a dead letter, and what Carillon said of that. */
  async function fill(): Promise<Carillon> {
    const pack = createStep("pack", async (email: string) => new StepResponse(`for ${email}`))
    const note = createWorkflow("note", (input: { email: string }) => new WorkflowResponse(pack(input.email)))
    const fulfil = createWorkflow("fulfil", (input: { email: string }) => {
      note.runAsStep({ input })
      return new WorkflowResponse(pack(input.email))
    })
    const carillon = await shop.carillon({ start: false })
    carillon.events
      .subscribe<{ email: string }>(
        "order.placed",
        async ({ data, key }) => {
          // A run of the order's own name is found by what started it alone.
          await fulfil(carillon.container).run({
            input: { email: `${data.email} ` },
            context: { transactionId: `order ${key}` },
          })
          throw new PermanentError(`no mailbox ${data.email}`)
        },
        { subscriberId: "fulfilment" },
      )
      .subscribe("carillon.dead_letter", () => {}, { subscriberId: "alarm" })
    await carillon.start()
    const orders = Array.from({ length: 50 }, (_, i) => ({
      name: "order.placed",
      data: { email: i % 2 ? ANNA : `bob${i}.example@mail.test` },
      key: `${i}`,
    }))
    for (let i = 0; i < orders.length; i += 10) await carillon.emit(orders.slice(i, i + 10))
    await carillon.drain()
    return carillon
  }

  interface Ran {
    readonly killed: boolean
    readonly out: string
    readonly err: string
  }

  function erase(fault: string): Promise<Ran> {
    const args = [main, "erase", "--database", shop.database, "--where", WHERE, "--yes", "--json"]
    const env = { ...process.env, CARILLON_FAULT: fault }
    return new Promise((resolve) => {
      const child = execFile(process.execPath, args, { env, maxBuffer: 2 ** 26 }, (_, out, err) =>
        resolve({ killed: child.signalCode === "SIGKILL", out, err }),
      )
    })
  }

  it("is complete in the end, wherever it was killed", { timeout: 120_000 }, async () => {
    const carillon = await fill()
    let kills = 0

    for (let ended = false; !ended; ) {
      const { killed, out, err } = await erase("erase.middle=kill@2")
      if (!killed && out === "") throw new Error(err)
      if (killed) kills++
      ended = !killed
    }

    expect(kills).toBeGreaterThanOrEqual(3)
    expect(await tablesWith(shop.place, engine, ANNA)).toEqual([])
    const report = await carillon.erase({ where: JSON.parse(WHERE), dryRun: true })
    expect(report).toMatchObject({ events: 0, runs: 0, open: { events: 0, runs: 0 } })
    const erased = (await carillon.workflows.list({ limit: 1_000 })).items.map(({ erasedAt }) => erasedAt)
    expect(erased).toHaveLength(100)
    expect(erased.filter((at) => at !== null)).toHaveLength(50)
    const { items } = await carillon.listEvents({ name: "order.placed", limit: 1_000 })
    expect(items.filter((each) => each.erasedAt === null)).toHaveLength(25)
    await carillon.stop()
    if (engine === "sqlite") expect(filesWith(shop.database, ANNA)).toEqual([])
  })
})
