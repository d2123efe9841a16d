import { Book } from "../book.ts"
import type { Measurement, Place, ServerCost } from "../measurement.ts"
import { type Payload, payloadNamed } from "../payloads.ts"
import type { ServerWatch } from "../server/watch.ts"
import { type RunningWorkflows, STEPS, type WorkflowContender } from "../workflow-contender.ts"

/** A contender whose workflows run, and the books on its steps: a delivery there is a step of a run here. */
export interface WorkflowStage {
  readonly running: RunningWorkflows
  readonly payload: Payload
  /** Of the runs to come, numbered from 0. */
  openBook(runs: number): Book
  /** One run, and whether it answered what it should. */
  run(seq: number): Promise<void>
}

export async function startWorkflows(
  { contender, payload: payloadName, settings }: Measurement,
  place: Place,
): Promise<WorkflowStage> {
  const { start } = (await import(`../contenders/workflows/${contender}.ts`)) as WorkflowContender
  const payload = payloadNamed(payloadName)
  let book = new Book(0, STEPS.length)
  const running = await start({
    ...place,
    settings,
    step: (index, { seq, done }) => {
      if (done !== index) throw new Error(`Expected ${index} steps before step ${index}, got ${done}.`)
      book.record(index, seq)
      return { seq, done: done + 1 }
    },
  })

  return {
    running,
    payload,
    openBook: (runs) => {
      book = new Book(runs, STEPS.length)
      return book
    },
    run: async (seq) => {
      const result = await running.run({ ...payload.event(seq).data, done: 0 })
      if (result?.seq !== seq || result.done !== STEPS.length)
        throw new Error(`Expected run ${seq} to answer that it is done, got ${JSON.stringify(result)}.`)
    },
  }
}

/** Whether the contender's own store has every run and every step; what it does not keep cannot be asked. */
export async function checkKept({ running }: WorkflowStage, runs: number): Promise<void> {
  const kept = await running.kept()
  const wanted = { runs, steps: runs * STEPS.length }
  for (const what of ["runs", "steps"] as const) {
    const count = kept[what] ?? wanted[what]
    if (count !== wanted[what])
      throw new Error(`Expected the store to hold ${wanted[what]} ${what} that went well, got ${count}.`)
  }
}

/** What servers have cost: PostgreSQL's, as it is watched, and one of the contender's own. */
export async function serverCost(
  watch: ServerWatch | null,
  ownCpuMs: number | null,
  runs: number,
): Promise<ServerCost | null> {
  if (ownCpuMs !== null) return { cpuMs: ownCpuMs, walBytes: null, commits: null }
  return (await watch?.cost(runs)) ?? null
}
