import type { Settings } from "./contender.ts"
import type { Place } from "./measurement.ts"

/** The workflow that everybody runs: three steps, one after another, each kept before the next begins. */
export const STEPS = ["reserve-stock", "charge-card", "create-shipment"] as const

/** What goes into a run, and from step to step. */
export interface Progress {
  readonly seq: number
  readonly done: number // steps
}

/** Somebody who runs workflows: Carillon, or a peer. */
export interface WorkflowContender {
  start(work: WorkflowWork): Promise<RunningWorkflows>
}

export interface WorkflowWork extends Place {
  readonly settings: Settings
  /** What a step does: next to nothing, but it notes that it was done, and refuses to be done out of turn. */
  step(index: number, before: Progress): Progress
}

export interface RunningWorkflows {
  /** Starts a run and resolves with its result. */
  run(order: Progress): Promise<Progress>
  /** Resolves when nothing is left to do. */
  settled(): Promise<void>
  /** What the contender's own store tells of all that ran. */
  kept(): Promise<Kept>
  /** Processor time so far of a server that is the contender's own, in milliseconds. */
  serverCpuMs?(): number
  stop(): Promise<void>
}

export interface Kept {
  readonly runs: number // that ended well
  readonly steps: number // of those, with their outputs
}
