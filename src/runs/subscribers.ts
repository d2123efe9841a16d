import { expected, InvalidInputError } from "../core/errors.ts"
import type { RunState } from "../core/run.ts"
import { type Scope, scopeKey } from "../core/scope.ts"
import type { QueriesPort } from "../engine/queries.ts"
import type { RunFollower } from "./follow.ts"
import type { LiveRun } from "./live-run.ts"
import { call } from "./moments.ts"
import { outcomeOf, viewOfLive } from "./outcome.ts"
import { scopeOf } from "./run-scope.ts"
import type { RunEnd, RunMomentName } from "./run-seat.ts"
import type { Runs } from "./runs.ts"
import type { RunOutcome } from "./service-contract.ts"

/** Who wants to hear of runs that end. */
export interface Subscriber {
  readonly workflowId: string
  /** @defaultValue all runs of the workflow that end in this process */
  readonly transactionId?: string
  /** The scope of its runs. @defaultValue every one; with a transaction id as of `run` */
  readonly scope?: Partial<Scope> | string
  /** With an id, the same again replaces it, and it can be taken off by it. */
  readonly subscriberId?: string
  readonly subscriber: (ending: RunEnding) => unknown
}

export interface RunEnding extends RunOutcome {
  readonly eventType: "onFinish"
  readonly workflowId: string
  readonly transactionId: string
  readonly state: RunState
}

export interface SubscribersOptions {
  readonly runs: Runs
  readonly queries: QueriesPort
  readonly group: string
  readonly scope: string // of transaction ids without one, its key
  readonly logError: (error: unknown) => void
}

/** `within` is a scope's key; null = runs of every scope. */
type Listening = Subscriber & { readonly within: string | null }

/** Those who hear of the ends of runs. */
export class Subscribers {
  readonly #options: SubscribersOptions
  readonly #follower: RunFollower
  readonly #all = new Set<Listening>()
  #isObserving = false

  constructor(options: SubscribersOptions, follower: RunFollower) {
    this.#options = options
    this.#follower = follower
  }

  add(subscriber: Subscriber): void {
    if (typeof subscriber?.subscriber !== "function")
      throw new InvalidInputError(expected("`subscriber` to be a function", subscriber?.subscriber))
    this.remove({ ...subscriber, subscriberOrId: subscriber.subscriberId ?? subscriber.subscriber })
    const listening = { ...subscriber, within: this.#within(subscriber) }
    this.#all.add(listening)
    if (!this.#isObserving) {
      this.#isObserving = true
      this.#options.runs.listeners.addToAll((run, moment) => this.#heard(run, moment))
    }
    if (subscriber.transactionId !== undefined) this.#watch(listening).catch(this.#options.logError)
  }

  remove({
    workflowId,
    transactionId,
    scope,
    subscriberOrId,
  }: Omit<Subscriber, "subscriber"> & { readonly subscriberOrId: unknown }): void {
    const within = this.#within({ transactionId, scope })
    for (const each of this.#all) {
      if (each.workflowId !== workflowId || each.transactionId !== transactionId || each.within !== within)
        continue
      if (each.subscriber === subscriberOrId || each.subscriberId === subscriberOrId) this.#all.delete(each)
    }
  }

  #within({ transactionId, scope }: Pick<Subscriber, "transactionId" | "scope">): string | null {
    if (transactionId !== undefined) return scopeOf({ scope }, this.#options.scope)
    return scope === undefined ? null : scopeKey(scope)
  }

  #heard(run: LiveRun, moment: RunMomentName | RunEnd): void {
    if (typeof moment === "string" || moment.kind !== "ended") return
    const { workflow, scope, transactionId } = run
    const outcome = (): RunOutcome => outcomeOf(viewOfLive(run))
    for (const each of [...this.#all]) {
      if (each.workflowId !== workflow || (each.within !== null && each.within !== scope)) continue
      if (each.transactionId === undefined) this.#tell(each, transactionId, outcome)
      else if (each.transactionId === transactionId) this.#tellOnce(each, outcome)
    }
  }

  /** Its run may end in another process. */
  async #watch(subscriber: Listening): Promise<void> {
    const { queries, group } = this.#options
    const { workflowId, transactionId, within } = subscriber
    const row = await queries.runOf(group, workflowId, transactionId as string, within)
    if (row === null) return // it is still to be started; here we hear of it
    const view = await this.#follower.follow(row.id, { untilWaiting: false })
    this.#tellOnce(subscriber, () => outcomeOf(view))
  }

  #tellOnce(subscriber: Listening, outcome: () => RunOutcome): void {
    if (this.#all.delete(subscriber)) this.#tell(subscriber, subscriber.transactionId as string, outcome)
  }

  #tell({ subscriber, workflowId }: Subscriber, transactionId: string, outcome: () => RunOutcome): void {
    const about = (): RunEnding => {
      const ended = outcome()
      const { state } = ended.transaction
      return { eventType: "onFinish", workflowId, transactionId, state, ...ended }
    }
    call(subscriber as (about: object) => unknown, about, this.#options.logError)
  }
}
