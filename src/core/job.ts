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
  readonly details?: AttemptDetails
}

/** What was sent out of the house and what came back: kept with the attempts of webhooks, with secrets masked. */
export interface AttemptDetails {
  readonly notifier: string
  readonly recipient: string // a URL without its query's values
  readonly status: number | null // of HTTP; null = there was no answer, or it is not by HTTP
  readonly request: SentRequest | null // null = nothing was sent
  readonly response: ReceivedResponse | null // null = there was none
}

export interface SentRequest {
  readonly headers: Readonly<Record<string, string>>
  readonly bytes: number // of its body
}

export interface ReceivedResponse {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string // its beginning
  readonly isCut: boolean // there was more
}

/** A job's history is cut to its newest attempts, so that a row cannot grow without bound. */
export const HISTORY_LENGTH = 50
