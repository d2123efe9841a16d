import { Client } from "pg"
import { requirePeer } from "../../peers.ts"
import { type Progress, type RunningWorkflows, STEPS, type WorkflowWork } from "../../workflow-contender.ts"

/** The little of DBOS that is used here. */
interface Dbos {
  readonly DBOS: {
    setConfig(config: object): void
    launch(): Promise<void>
    shutdown(): Promise<void>
    registerWorkflow(
      act: (order: Progress) => Promise<Progress>,
      config: { name: string },
    ): (order: Progress) => Promise<Progress>
    runStep(act: () => Promise<Progress>, config: { name: string }): Promise<Progress>
  }
}

/** Called directly: its queues are polled. The pool has its default of 10 connections; with 20 and 50 it is slower. */
export async function start({ database, step }: WorkflowWork): Promise<RunningWorkflows> {
  const { DBOS } = requirePeer("dbos", "@dbos-inc/dbos-sdk") as Dbos
  DBOS.setConfig({
    name: "carillon-bench",
    systemDatabaseUrl: database,
    logLevel: "error",
  })
  const placeOrder = DBOS.registerWorkflow(
    async (order) => {
      let progress = order
      for (const [index, name] of STEPS.entries()) {
        const before = progress
        progress = await DBOS.runStep(async () => step(index, before), { name })
      }
      return progress
    },
    { name: "place-order" },
  )
  await DBOS.launch()

  return {
    run: (order) => placeOrder(order),
    settled: async () => {},
    kept: () => keptIn(database),
    stop: () => DBOS.shutdown(),
  }
}

async function keptIn(database: string) {
  const client = new Client({ connectionString: database })
  await client.connect()
  const { rows } = await client.query<{ runs: number; steps: number }>(
    `SELECT
       (SELECT count(*) FROM dbos.workflow_status WHERE status = 'SUCCESS')::int AS runs,
       (SELECT count(*) FROM dbos.operation_outputs WHERE output IS NOT NULL)::int AS steps`,
  )
  await client.end()
  return rows[0] ?? { runs: 0, steps: 0 }
}
