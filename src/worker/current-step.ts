import { AsyncLocalStorage } from "node:async_hooks"

/** The step whose code runs now: what it emits and what it starts come from it. */
export interface CurrentStep {
  readonly cause: {
    readonly id: string
    readonly correlationId: string | null
    readonly traceparent: string | null
  }
  /** Of its run, by its key: what it emits and starts lies there, unless it says another. */
  readonly scope: string
  /** The same in every attempt: runs that are started inside are known by it. */
  readonly key: string
}

export const currentStep = new AsyncLocalStorage<CurrentStep>()
