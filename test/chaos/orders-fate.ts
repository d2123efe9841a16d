import { chance } from "./chance.ts"

export const ORDER_STEPS = ["reserve", "charge", "ship", "emit-event-step", "notify"] as const
export type OrderStep = (typeof ORDER_STEPS)[number]

/** What is to happen to an order, known from its number alone: to who plays it, and to who judges. */
export interface OrderFate {
  /** The step that fails for good; null = the order is done. */
  readonly failsAt: OrderStep | null
  /** It fails when its effect is done already. */
  readonly failsLate: boolean
  /** It says itself that trying again cannot help; else its attempts run out. */
  readonly failsAtOnce: boolean
  readonly stumblesAt: OrderStep // its first attempt fails
  readonly undoStumblesAt: OrderStep // the first attempt of undoing it fails
  readonly stepMs: readonly number[]
}

export function fateOf(order: string): OrderFate {
  const draw = chance(Number(order.split("_")[1]) * 7_919)
  const step = (): OrderStep => ORDER_STEPS[draw(ORDER_STEPS.length)] as OrderStep
  return {
    failsAt: draw(5) < 2 ? step() : null,
    failsLate: draw(2) === 0,
    failsAtOnce: draw(2) === 0,
    stumblesAt: step(),
    undoStumblesAt: step(),
    stepMs: ORDER_STEPS.map(() => (draw(6) === 0 ? 60 + draw(60) : draw(12))),
  }
}
