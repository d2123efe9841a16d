import type { Bus, Engine, Flow, Sdk } from "./sdk.ts"

/** Where the programs run: one product with one engine under it. */
export interface Lane {
  readonly sdk: Sdk
  readonly container: unknown
  readonly engine: Engine | null // null = there is none: runs live in the caller's memory
  readonly bus: Bus
  /** The newest run as it is kept; null = nothing is kept. */
  look(workflow: string, transactionId: string): Promise<End | null>
  close(): Promise<void>
}

/** A run's state, and those of its steps: "invoke/compensate", by name. */
export interface End {
  readonly state: string
  readonly steps: Readonly<Record<string, string>>
}

export const LANES = [
  "medusa-local",
  "medusa-memory",
  "medusa-redis",
  "carillon-sqlite",
  "carillon-postgres",
] as const
export type LaneName = (typeof LANES)[number]

/** What an actor is told. */
export interface LaneOrder {
  readonly lane: LaneName
  readonly database: string // an empty one of its own; of local lanes unused
  readonly redis: string
  readonly only: readonly string[] | null // programs' keys; null = all
}

export function endOf(flow: Flow): End {
  const steps = Object.values(flow.steps).flatMap((step) => {
    const name = step.definition?.action ?? step.id
    const states = `${step.invoke?.state}/${step.compensate?.state}`
    return step.id === "_root" ? [] : [[name, states] as const]
  })
  return { state: flow.state, steps: Object.fromEntries(steps.sort(([a], [b]) => (a < b ? -1 : 1))) }
}

export function isOver({ state }: End): boolean {
  return state === "done" || state === "reverted" || state === "failed"
}
