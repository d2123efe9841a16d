import type { SubscriptionVersion } from "../core/subscription.ts"
import type { Engine } from "../engine/engine.ts"
import type { WorkerRow } from "../engine/queries.ts"
import type { CatalogCache } from "../worker/catalog-cache.ts"
import type { Handlers } from "../worker/handlers.ts"
import type { Worker } from "../worker/worker.ts"

/** Who is there at this moment: the current subscriptions, and the live workers with what they handle. */
export interface Staff {
  readonly now: number
  readonly current: ReadonlyMap<number, SubscriptionVersion>
  readonly workers: readonly WorkerRow[]
  /** The live workers that have a handler for it. */
  handlersOf(subscription: number): readonly WorkerRow[]
  hasWorker(group: string): boolean
}

export interface StaffSources {
  readonly engine: Engine
  readonly catalog: CatalogCache
  readonly handlers: Handlers
  readonly worker: Worker
  readonly now: () => number
  /** Resolves when every subscription made so far stands in the catalog. */
  readonly ready: () => Promise<void>
}

/** Looks once; what it returns does not change any more. */
export async function lookAtStaff(sources: StaffSources): Promise<Staff> {
  const { engine, catalog, handlers, worker, now } = sources
  await sources.ready()
  const [rows] = await Promise.all([engine.queries.workers(), catalog.refresh()])
  // What this process handles is known here before its next heartbeat says so.
  const workers = rows.map((row) =>
    row.no === worker.number ? { ...row, handles: worker.isRunning ? handlers.numbers() : [] } : row,
  )
  const at = now()
  const live = workers.filter((each) => each.expiresAt > at)
  const current = new Map(catalog.router.subscriptions.map((each) => [each.no, each]))
  return {
    now: at,
    current,
    workers,
    handlersOf: (no) => live.filter((each) => each.handles.includes(no)),
    hasWorker: (group) => live.some((each) => each.group === group),
  }
}
