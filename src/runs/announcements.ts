import { StoreError, WorkflowChangedError } from "../core/errors.ts"
import type { ResolvedPolicy } from "../core/policy.ts"
import { isEnded } from "../core/run.ts"
import type { SubscriptionTarget } from "../core/subscription.ts"
import type { QueriesPort } from "../engine/queries.ts"
import type { RunRow } from "../engine/runs.ts"
import type { CatalogCache } from "../worker/catalog-cache.ts"
import type { Committer } from "../worker/committer.ts"
import { HandlerEntry } from "../worker/handlers.ts"
import type { Worker } from "../worker/worker.ts"
import type { WorkflowDefinition } from "./definition.ts"

export interface AnnouncementsOptions {
  readonly queries: QueriesPort
  readonly committer: Committer
  readonly catalog: CatalogCache
  readonly worker: Worker
  readonly group: string
  readonly policy: ResolvedPolicy
  readonly warn: (message: string) => void
}

/** No event has this name: what stands in the catalog under it wishes for none. */
const PATTERN = "carillon.none"

/** The workflows and schedules whose jobs this process may lease. */
export class Announcements {
  readonly #options: AnnouncementsOptions
  readonly #workflows = new Map<WorkflowDefinition, Promise<HandlerEntry>>()
  readonly #known = new Map<number, WorkflowDefinition>()

  constructor(options: AnnouncementsOptions) {
    this.#options = options
  }

  /** The workflow whose runs have this number. */
  workflowOf(subscription: number): WorkflowDefinition | null {
    return this.#known.get(subscription) ?? null
  }

  /** From here on this process may lease runs of the workflow. */
  workflow(definition: WorkflowDefinition): Promise<HandlerEntry> {
    let announced = this.#workflows.get(definition)
    if (announced === undefined) {
      announced = this.#announce(definition)
      this.#workflows.set(definition, announced)
      announced.catch(() => this.#workflows.delete(definition))
    }
    return announced
  }

  /** Puts what is no handler into the catalog, and its jobs among those that this process may lease. */
  async put(
    id: string,
    target: Extract<SubscriptionTarget, { kind: "workflow" | "schedule" }>,
  ): Promise<HandlerEntry> {
    const { committer, catalog, worker, group, policy } = this.#options
    const wish = { pattern: PATTERN, filter: null, sender: null, scope: null, paused: false }
    const definition = { ...wish, target, policy }
    const put = { kind: "put-subscription", group, id, worker: null, definition, startAt: null } as const
    const result = await committer.write({ ...put, keepPaused: true })
    const no = result.status === "ok" ? result.jobs?.[0]?.no : undefined
    if (no === undefined) throw new StoreError(`\`${id}\` was refused: ${JSON.stringify(result)}`)
    await catalog.refresh()
    const paused = catalog.router.subscriptions.find((each) => each.no === no)?.definition.paused ?? false
    const handler = { no, id, run: notCalled, policy, ephemeral: false, paused, handlesEvents: false }
    const entry = new HandlerEntry(handler)
    worker.handlers.add(entry)
    worker.poke()
    return entry
  }

  /** @throws WorkflowChangedError when a run that goes on was begun by another shape of the workflow */
  checkShape({ id, hash }: WorkflowDefinition, row: RunRow): void {
    if (row.hash !== hash && !isEnded(row.state))
      throw changed(id, `run ${row.id} (transaction ${row.transactionId})`)
  }

  /** Says which runs nobody here can go on with. */
  async warnOfOthers({ id, hash }: WorkflowDefinition): Promise<void> {
    const { queries, group, warn } = this.#options
    for (const state of ["invoking", "compensating"] as const) {
      const { items } = await queries.runs({ workflow: id, state, limit: 100 })
      const others = items.filter((row) => row.group === group && row.hash !== hash)
      const [first] = others
      if (first === undefined) continue
      const count = others.length === 1 ? `run ${first.id}` : `${others.length} runs (${first.id}, …)`
      warn(changed(id, count).message)
    }
  }

  async #announce(definition: WorkflowDefinition): Promise<HandlerEntry> {
    const { id, hash, options } = definition
    const { timeout, retentionTime, idempotent } = options
    const terms = { timeout, retentionTime, idempotent }
    const entry = await this.put(`workflow:${id}#${hash}`, { kind: "workflow", workflow: id, hash, terms })
    this.#known.set(entry.no, definition)
    return entry
  }
}

function notCalled(): never {
  throw new Error("Runs and ticks are no deliveries.")
}

function changed(workflow: string, what: string): WorkflowChangedError {
  return new WorkflowChangedError(
    `Expected workflow \`${workflow}\` to have the shape that ${what} was begun with, but its steps were changed. ` +
      "Let a worker with the old steps go on until such runs have ended, or give the changed workflow another id.",
  )
}
