import { DatabaseSync } from "node:sqlite"
import { createCarillon } from "../../../src/index.ts"
import { createStep, createWorkflow, StepResponse, WorkflowResponse } from "../../../src/workflows/index.ts"
import { isServer, onServer } from "../../server/server.ts"
import {
  type Kept,
  type Progress,
  type RunningWorkflows,
  STEPS,
  type WorkflowWork,
} from "../../workflow-contender.ts"

export async function start({ database, settings, step }: WorkflowWork): Promise<RunningWorkflows> {
  const { storeThread } = settings
  const carillon = await createCarillon({
    database,
    group: "bench",
    logger: false,
    ...(storeThread === undefined ? {} : { storeThread }),
  })
  const [reserve, charge, ship] = STEPS.map((name, index) =>
    createStep(name, async (before: Progress) => new StepResponse(step(index, before))),
  ) as [OrderStep, OrderStep, OrderStep]
  const placeOrder = createWorkflow(
    "place-order",
    (order: Progress) => new WorkflowResponse(ship(charge(reserve(order)))),
  )
  await carillon.start()

  return {
    run: async (input) => (await placeOrder(carillon.container).run({ input })).result as Progress,
    settled: () => carillon.drain(),
    kept: () => keptIn(database),
    stop: () => carillon.stop(),
  }
}

type OrderStep = ReturnType<typeof createStep<Progress, Progress, Progress>>

/** Straight from the tables, past everything that could be mistaken about them. */
async function keptIn(database: string): Promise<Kept> {
  const schema = isServer(database) ? "carillon." : ""
  const sql = `
    SELECT
      (SELECT count(*) FROM ${schema}runs WHERE state = 'done' AND result IS NOT NULL) AS runs,
      (SELECT count(*) FROM ${schema}run_steps WHERE outcome = 'done' AND output IS NOT NULL) AS steps`
  const row = isServer(database)
    ? await onServer(database, async (client) => (await client.query(sql)).rows[0])
    : inFile(database, sql)
  return { runs: Number(row.runs), steps: Number(row.steps) }
}

function inFile(database: string, sql: string) {
  const file = new DatabaseSync(database.replace(/^file:/, ""), { readOnly: true })
  const row = file.prepare(sql).get() as Record<"runs" | "steps", unknown>
  file.close()
  return row
}
