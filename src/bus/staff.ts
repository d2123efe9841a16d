import { ENDPOINT_STATES, type EndpointState, readEndpointState } from "../core/endpoint.ts"
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
  /** How the endpoint of a webhook does, by the webhook's id. */
  endpointOf(id: string): EndpointState
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
  const endpoints = await endpointsOf(sources, current)
  return {
    now: at,
    current,
    workers,
    handlersOf: (no) => live.filter((each) => each.handles.includes(no)),
    hasWorker: (group) => live.some((each) => each.group === group),
    endpointOf: (id) => readEndpointState(endpoints.get(id) ?? null),
  }
}

/** Most stores send no webhooks, and are not asked. */
async function endpointsOf(
  { engine }: StaffSources,
  current: Staff["current"],
): Promise<Map<string, string>> {
  const sends = [...current.values()].some(({ definition }) => definition.target.kind === "webhook")
  const rows = sends ? await engine.queries.records(ENDPOINT_STATES) : []
  return new Map(rows.map(({ id, value }) => [id, value]))
}
