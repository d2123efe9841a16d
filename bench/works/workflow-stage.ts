import { Book } from "../book.ts"
import type { Measurement, Place, ServerCost } from "../measurement.ts"
import { type BenchEvent, type Payload, payloadNamed } from "../payloads.ts"
import type { ServerWatch } from "../server/watch.ts"
import { type RunningWorkflows, STEPS, type WorkflowContender } from "../workflow-contender.ts"
import { Phases } from "./phases.ts"

/** What is noted of the runs to come: in the book a step of a run is what a delivery of an event is elsewhere. */
export interface Notes {
  readonly book: Book
  readonly phases: Phases
}

/** A contender whose workflows run, and what is noted of them. */
export interface WorkflowStage {
  readonly running: RunningWorkflows
  readonly payload: Payload
  /** Begins anew; runs are numbered from 0. */
  takeNotes(runs: number): Notes
  /** A run for each order; rejects when one does not answer what it should. */
  placeOrders(orders: BenchEvent | BenchEvent[]): Promise<unknown>
}

export async function startWorkflows(
  { contender, payload: payloadName, settings }: Measurement,
  place: Place,
): Promise<WorkflowStage> {
  const { start } = (await import(`../contenders/workflows/${contender}.ts`)) as WorkflowContender
  const payload = payloadNamed(payloadName)
  let notes = newNotes(0)
  const running = await start({
    ...place,
    settings,
    step: (index, { seq, done }) => {
      if (done !== index) throw new Error(`Expected ${index} steps before step ${index}, got ${done}.`)
      notes.book.record(index, seq)
      notes.phases.pass(index + 1, seq)
      return { seq, done: done + 1 }
    },
  })

  const placeOne = async (order: BenchEvent["data"]) => {
    const { seq } = order
    const { phases } = notes
    phases.pass(0, seq)
    const result = await running.run({ ...order, done: 0 })
    phases.pass(STEPS.length + 1, seq)
    if (result?.seq !== seq || result.done !== STEPS.length)
      throw new Error(`Expected run ${seq} to answer that it is done, got ${JSON.stringify(result)}.`)
  }

  return {
    running,
    payload,
    takeNotes: (runs) => {
      notes = newNotes(runs)
      return notes
    },
    placeOrders: (orders) => Promise.all([orders].flat().map(({ data }) => placeOne(data))),
  }
}

function newNotes(runs: number): Notes {
  return { book: new Book(runs, STEPS.length), phases: new Phases(runs) }
}

/** Whether the contender's own store has every run and every step. */
export async function checkKept({ running }: WorkflowStage, runs: number): Promise<void> {
  const kept = await running.kept()
  const wanted = { runs, steps: runs * STEPS.length }
  for (const what of ["runs", "steps"] as const) {
    if (kept[what] !== wanted[what])
      throw new Error(`Expected the store to hold ${wanted[what]} ${what} that went well, got ${kept[what]}.`)
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
