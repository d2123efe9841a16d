import type { Outcome } from "./outcome.ts"

/** The states of a job; numbers in the store, words everywhere else. */
export const JOB_STATES = ["waiting", "leased", "delivered", "dead", "cancelled"] as const
export type JobState = (typeof JOB_STATES)[number]

export const WAITING = 0
export const LEASED = 1
export const DELIVERED = 2
export const DEAD = 3
export const CANCELLED = 4

export function stateAfter(outcome: Outcome): number {
  switch (outcome.kind) {
    case "delivered":
      return DELIVERED
    case "retry":
      return WAITING
    case "dead":
      return DEAD
    case "cancelled":
      return CANCELLED
  }
}

/** One try, as kept in a job's history. */
export interface AttemptRecord {
  readonly attempt: number
  readonly at: number // when it began, epoch ms
  readonly ms: number
  readonly outcome: "delivered" | "retry" | "dead" | "cancelled" | "crashed"
  readonly error?: string
  readonly worker: number
}

/** A job's history is cut to its newest attempts, so that a row cannot grow without bound. */
export const HISTORY_LENGTH = 50
