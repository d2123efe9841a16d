import { Client } from "pg"
import { requirePeer } from "../../peers.ts"
import { type Progress, type RunningWorkflows, STEPS, type WorkflowWork } from "../../workflow-contender.ts"
import { silentLogger } from "../medusa.ts"

/** The little of Medusa's framework that is used here. */
interface ModulesSdk {
  MedusaApp(options: object): Promise<App>
}

interface App {
  readonly modules: { readonly workflows: Engine }
  runMigrations(): Promise<void>
  onApplicationStart(): Promise<void>
  onApplicationPrepareShutdown(): Promise<void>
  onApplicationShutdown(): Promise<void>
}

interface Engine {
  run(workflow: string, options: { input: Progress }): Promise<{ result: Progress }>
}

interface WorkflowsSdk {
  createWorkflow(definition: object, compose: (input: Progress) => unknown): unknown
  createStep(name: string, invoke: (before: Progress) => Promise<unknown>): (input: Progress) => Progress
  StepResponse: new (output: Progress) => unknown
  WorkflowResponse: new (result: unknown) => unknown
}

export const WORKFLOW = "place-order"

/** As an application loads an engine: with its module's loader, its migrations, and its hooks. */
export async function startEngine(
  work: WorkflowWork,
  engine: { readonly resolve: string; readonly options: object },
): Promise<RunningWorkflows> {
  const { MedusaApp } = requirePeer("medusa", "@medusajs/framework/modules-sdk") as ModulesSdk
  const app = await MedusaApp({
    modulesConfig: { workflows: engine },
    sharedResourcesConfig: { database: { clientUrl: work.database } },
    injectedDependencies: { logger: silentLogger },
    cwd: work.directory,
  })
  await app.runMigrations()
  await app.onApplicationStart()
  defineWorkflow(work)

  return {
    run: async (input) => (await app.modules.workflows.run(WORKFLOW, { input })).result,
    settled: async () => {},
    kept: () => keptIn(work.database),
    stop: async () => {
      await app.onApplicationPrepareShutdown()
      await app.onApplicationShutdown()
    },
  }
}

/** With `store` and a time of retention a run is written at its start and at its end; nothing else is to be had. */
function defineWorkflow({ step }: WorkflowWork): void {
  const sdk = requirePeer("medusa", "@medusajs/framework/workflows-sdk") as WorkflowsSdk
  const steps = STEPS.map((name, index) =>
    sdk.createStep(name, async (before) => new sdk.StepResponse(step(index, before))),
  )
  sdk.createWorkflow(
    { name: WORKFLOW, store: true, retentionTime: 3_600 },
    (input) => new sdk.WorkflowResponse(steps.reduce((progress, invoke) => invoke(progress), input)),
  )
}

async function keptIn(database: string) {
  const client = new Client({ connectionString: database })
  await client.connect()
  const { rows } = await client.query<{ runs: number; steps: number }>(
    `SELECT
       count(*)::int AS runs,
       coalesce(sum((SELECT count(*) FROM jsonb_object_keys(context -> 'data' -> 'invoke'))), 0)::int AS steps
     FROM workflow_execution
     WHERE state = 'done'`,
  )
  await client.end()
  return rows[0] ?? { runs: 0, steps: 0 }
}
