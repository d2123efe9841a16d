import type { Policy } from "../../src/core/policy.ts"
import type { CarillonOptions } from "../../src/options.ts"

/** What an event of a crash program says: its number in the book, and what its handlers are to do. */
export interface EventData {
  readonly n: string
  readonly fails?: number // so many first attempts fail
  readonly ms?: number // each attempt lasts so long
  readonly poison?: "exit" | "memory" | "loop" | "hang"
}

export interface SubscriberPlan {
  readonly id: string
  readonly event: string
  readonly policy?: Policy
  readonly ms?: number
  readonly fails?: number
}

export interface EmitPlan {
  readonly names: readonly string[]
  readonly most?: number // events in all; until it is hushed when left out
  readonly each?: number // events of one emit
  readonly lanes?: number // emits under way at one time
  readonly pauseMs?: number
  readonly keys?: number // ordering keys beside the hot one
  readonly failEvery?: number
  readonly slowEvery?: number
  readonly slowMs?: number
  readonly groupEvery?: number // every so many emits is staged and released
}

/** Orders to be placed by a run each. */
export interface OrdersPlan {
  readonly workflow: "place-order" | "fulfil-order"
  readonly orders: readonly string[]
  readonly lanes: number // at one time
}

/** One process: everything that it is to be and do. */
export interface ActorPlan {
  readonly name: string
  readonly database: string
  readonly book: string
  readonly works: boolean
  readonly subscribers: readonly SubscriberPlan[]
  readonly emits: EmitPlan | null
  readonly orders?: OrdersPlan
  readonly mostRepeated: number
  readonly clockShiftMs?: number // its wall clock is wrong by so much
  readonly options?: Omit<CarillonOptions, "clock" | "logger" | "container" | "random" | "definitions">
}
