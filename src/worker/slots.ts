import type { HandlerEntry, Pool } from "./handlers.ts"

export interface SlotsTerms {
  readonly room: number // for deliveries in this process
  /** Nobody is left out for the sake of those before him, as long as there is room for one of each. */
  readonly oneOfEach: boolean
}

/** How many deliveries of each are asked for, in this order: no more than the pools that they share have room for. */
export function slotsOf(
  handlers: readonly HandlerEntry[],
  { room, oneOfEach }: SlotsTerms,
): [subscription: number, free: number][] {
  const pools = new Pools()
  const certain = handlers.map((handler) => (oneOfEach ? pools.take(handler, Math.min(1, handler.room)) : 0))
  let rest = room - certain.reduce((sum, each) => sum + each, 0)
  const slots: [number, number][] = []
  for (const [i, handler] of handlers.entries()) {
    const first = certain[i] ?? 0
    const more = pools.take(handler, Math.min(handler.room - first, rest))
    if (first + more > 0) slots.push([handler.no, first + more])
    rest -= Math.min(more, Math.ceil(rest / 2)) // no subscription may ask for all of it
  }
  return slots
}

/** What of each pool nobody has asked for yet. */
class Pools {
  readonly #left = new Map<Pool, number>()

  take({ gate }: HandlerEntry, wanted: number): number {
    const most = Math.max(0, wanted)
    if (gate === null) return most
    const left = this.#left.get(gate.pool) ?? gate.pool.room
    const taken = Math.min(left, most)
    this.#left.set(gate.pool, left - taken)
    return taken
  }
}
