import { chance } from "./chance.ts"

/** What is done for an order, level by level; `pack` and `label` are a child's. */
export const LEVELS = [
  ["reserve"],
  ["charge", "invoice"],
  ["pack"],
  ["label"],
  ["ask-payment"],
  ["approve"],
  ["notify"],
] as const
export type FulfilmentStep = (typeof LEVELS)[number][number]
export const STEPS: readonly FulfilmentStep[] = LEVELS.flat()

/** What is to happen to an order, known from its number alone: to who plays it, and to who judges. */
export interface FulfilmentFate {
  readonly failsAt: FulfilmentStep | null // null = nothing fails for good
  readonly stumblesAt: FulfilmentStep // its first attempt fails
  readonly undoStumblesAt: FulfilmentStep
  readonly ships: boolean // else the child is left out
  readonly pays: "before" | "after" | "never" // the event comes before the wait, after it, or the step is left out
  readonly sleepMs: number
  /** Its caller changes their mind so long after its start. */
  readonly cancelledAfterMs: number | null
  readonly stepMs: readonly number[]
}

export function fateOf(order: string): FulfilmentFate {
  const draw = chance(Number(order.split("_")[1]) * 104_729)
  const step = (): FulfilmentStep => STEPS[draw(STEPS.length)] as FulfilmentStep
  return {
    failsAt: draw(3) === 0 ? step() : null,
    stumblesAt: step(),
    undoStumblesAt: step(),
    ships: draw(4) > 0,
    pays: (["before", "after", "never"] as const)[draw(3)] as FulfilmentFate["pays"],
    sleepMs: draw(3) === 0 ? 50 + draw(600) : 0,
    cancelledAfterMs: draw(6) === 0 ? draw(900) : null,
    stepMs: STEPS.map(() => (draw(6) === 0 ? 60 + draw(60) : draw(12))),
  }
}

/** Is this step reached at all, where nothing goes wrong? */
export function isWanted(step: FulfilmentStep, { ships, pays }: FulfilmentFate): boolean {
  if (step === "pack" || step === "label") return ships
  return step !== "ask-payment" || pays !== "never"
}
