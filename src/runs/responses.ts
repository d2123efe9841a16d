import type { Clock } from "../core/clock.ts"
import { InvalidInputError } from "../core/errors.ts"
import { isEnded, type StepRecord } from "../core/run.ts"
import type { QueriesPort } from "../engine/queries.ts"
import type { RunRow, RunSignal } from "../engine/runs.ts"
import type { Committer } from "../worker/committer.ts"
import { pause } from "../worker/patience.ts"
import { stepOf } from "./plan.ts"
import { workflowRegistry } from "./registry.ts"

export type StepResponse = Extract<RunSignal, { kind: "step" }>

export interface ResponsesOptions {
  readonly queries: QueriesPort
  readonly committer: Committer
  readonly clock: Clock
  /** A run was told something; it may be held here. */
  readonly onSignal: (run: string) => void
}

const ASK_AGAIN_MS = 20
const LONGEST_MS = 5_000
const CLOCKS_DIFFER_MS = 200

/**
 * Ends steps from outside.
 *
 * Whoever was asked for a response may be quicker with it than the step is with saying that it waits: then
 * the response waits for the step.
 */
export class Responses {
  readonly #options: ResponsesOptions

  constructor(options: ResponsesOptions) {
    this.#options = options
  }

  /** @throws InvalidInputError when the step does not wait */
  async send(run: RunRow, response: StepResponse): Promise<void> {
    const newest = await this.#whenItWaits(run, response)
    const signal = this.#signalOf(run, response, newest)
    const result = await this.#options.committer.write({
      kind: "signal-run",
      run: run.id,
      group: run.group,
      signal,
    })
    if (result.status === "conflict") throw new InvalidInputError(result.message)
    this.#options.onSignal(run.id)
  }

  /** Without retries left, a failure is for good; with some, the next attempt comes when it would by itself. */
  #signalOf({ workflow }: RunRow, response: StepResponse, newest: StepRecord | null): StepResponse {
    if (response.outcome !== "failed") return response
    const definition = workflowRegistry.get(workflow)
    // Where none waits yet it can only meet the next.
    const config = definition === null ? null : stepOf(definition, response.step)?.config
    const attempt = newest?.outcome === "waiting" ? newest.attempt : (newest?.attempt ?? 0) + 1
    if (config == null || attempt > config.maxRetries) return { ...response, outcome: "permanent" }
    const { retryInterval } = config
    return {
      ...response,
      dueAt: retryInterval === 0 ? null : this.#options.clock.now() + retryInterval * 1000,
    }
  }

  /** The attempt that the response is for. One that does not wait is refused by the store, which knows best. */
  async #whenItWaits(run: RunRow, response: StepResponse): Promise<StepRecord | null> {
    for (let waitedMs = 0; ; waitedMs += ASK_AGAIN_MS) {
      const newest = await this.#newest(run, response)
      const isEarly = waitedMs < LONGEST_MS && (await this.#isToWait(run, response, newest))
      if (!isEarly) return newest
      await pause(ASK_AGAIN_MS)
    }
  }

  async #newest(run: RunRow, { step, phase }: StepResponse): Promise<StepRecord | null> {
    const records = await this.#options.queries.runSteps(run.no)
    return records.findLast((each) => each.step === step && each.phase === phase) ?? null
  }

  /** Somebody holds the run, or is about to, and the step may be under way. */
  async #isToWait(run: RunRow, { step, outcome }: StepResponse, newest: StepRecord | null): Promise<boolean> {
    const mayBegin = newest === null || newest.outcome === "failed" || newest.outcome === "again"
    if (outcome === "again" || !mayBegin) return false
    const definition = workflowRegistry.get(run.workflow)
    if (definition !== null && stepOf(definition, step) === null) return false
    const now = await this.#options.queries.run(run.id)
    if (now === null || now.job === null || isEnded(now.state)) return false
    return (
      now.job.state === "leased" ||
      (now.job.state === "waiting" && now.job.dueAt <= this.#options.clock.now() + CLOCKS_DIFFER_MS)
    )
  }
}
