import { type CompiledFilter, compileFilter } from "./filter.ts"
import type { ResolvedPolicy } from "./policy.ts"
import {
  type Catalog,
  hearerOf,
  type SubscriptionDefinition,
  type SubscriptionVersion,
  wishesForEvents,
} from "./subscription.ts"
import type { EventView } from "./view.ts"

/** Which way a delivery goes: from memory, waiting with others in a part, or as a job of its own. */
export type Road = "direct" | "part" | "job"

/** The road of a delivery and why; the same answer wherever and whenever it is asked. */
export function roadOf(
  { policy, paused, target }: SubscriptionDefinition,
  event: { readonly key: string | null; readonly deliverAt: number | null },
): { road: Road; reason: string } {
  if (event.deliverAt !== null) return { road: "job", reason: "delayed" }
  if (policy.order !== null && event.key !== null) return { road: "job", reason: "ordered" }
  if (isLimited(policy, event.key)) return { road: "job", reason: "limited" }
  if (policy.transactional) return { road: "job", reason: "transactional" }
  if (paused) return { road: "part", reason: "paused" }
  if (target.kind === "webhook") return { road: "job", reason: "recorded" }
  return { road: "direct", reason: "queued" }
}

/** Limits over all workers. A definition that is older than one of them lacks its field. */
function isLimited(policy: ResolvedPolicy, key: string | null): boolean {
  const { rateLimit, globalConcurrency, keyConcurrency } = policy
  return Boolean(rateLimit || globalConcurrency || (keyConcurrency && key !== null))
}

/** The subscriptions that may want events of one name, scope and sender. */
export interface Route {
  readonly candidates: readonly Candidate[]
  readonly plain: readonly SubscriptionVersion[] | null // all of them, when nothing depends on the event; else null
}

export interface Candidate {
  readonly subscription: SubscriptionVersion
  readonly filter: CompiledFilter | null
}

/** Who gets what, at one version of the catalog. Pure, so every worker derives the same deliveries. */
export class Router {
  readonly version: number
  readonly #entries: readonly Entry[]
  readonly #routes = new Map<string, Route>()

  constructor(catalog: Catalog, version = catalog.version) {
    this.version = version
    this.#entries = catalog.subscriptions.filter((each) => isValidAt(each, version)).map(toEntry)
  }

  get subscriptions(): readonly SubscriptionVersion[] {
    return this.#entries.map((entry) => entry.subscription)
  }

  route(name: string, scope: string, sender: string | null): Route {
    const key = sender === null && scope === "" ? name : `${name}\n${scope}\n${sender}`
    let route = this.#routes.get(key)
    if (route === undefined) {
      route = this.#makeRoute(name, scope, sender)
      if (this.#routes.size >= MOST_ROUTES) this.#routes.clear()
      this.#routes.set(key, route)
    }
    return route
  }

  /** The subscriptions that want this event, filters applied. Of one that was erased, those that wanted it. */
  subscriptionsOf(view: EventView): readonly SubscriptionVersion[] {
    const { erased } = view.extra
    if (erased !== undefined) return this.subscriptions.filter((each) => erased.to.includes(each.no))
    const { name, scope, sender } = view.stored
    const { candidates, plain } = this.route(name, scope, sender)
    if (plain !== null) return plain
    return candidates.filter((each) => wants(each, view)).map((each) => each.subscription)
  }

  #makeRoute(name: string, scope: string, sender: string | null): Route {
    const candidates = this.#entries.filter((entry) => mayWant(entry, name, scope, sender))
    const plain = candidates.every(isPlain) ? candidates.map((each) => each.subscription) : null
    return { candidates, plain }
  }
}

/** Names come from data now and then; a cache of them must not grow without bound. */
const MOST_ROUTES = 10_000

interface Entry extends Candidate {
  readonly hears: (name: string) => boolean
}

function isValidAt(subscription: SubscriptionVersion, version: number): boolean {
  return (
    subscription.fromVersion <= version &&
    (subscription.toVersion === null || version < subscription.toVersion)
  )
}

function toEntry(subscription: SubscriptionVersion): Entry {
  const { filter } = subscription.definition
  return {
    subscription,
    hears: hearerOf(subscription.definition),
    filter: filter === null || filter === undefined ? null : compileFilter(filter),
  }
}

function mayWant(
  { subscription, hears }: Entry,
  name: string,
  scope: string,
  sender: string | null,
): boolean {
  const { definition } = subscription
  return (
    wishesForEvents(subscription) &&
    hears(name) &&
    (definition.scope === null || definition.scope === scope) &&
    (definition.sender === null || definition.sender === sender)
  )
}

function isPlain({ subscription, filter }: Entry): boolean {
  const { policy, paused, target } = subscription.definition
  if (target.kind === "webhook") return false
  if (filter !== null || policy.order !== null || policy.keyConcurrency || paused) return false
  return !isLimited(policy, null) && !policy.transactional
}

export function wants({ filter }: Candidate, view: EventView): boolean {
  return filter === null || filter.matches(view)
}
