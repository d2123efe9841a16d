import { Router } from "../core/route.ts"
import type { Catalog, SubscriptionVersion } from "../core/subscription.ts"
import type { QueriesPort } from "../engine/queries.ts"

/** The catalog as this process last saw it. A commit routed by an older one is refused as stale. */
export class CatalogCache {
  readonly #queries: QueriesPort
  readonly #listeners = new Set<() => void>()
  #catalog: Catalog | null = null
  #routers = new Map<number, Router>()
  #refreshing: Promise<void> | null = null
  #next: Promise<void> | null = null

  constructor(queries: QueriesPort) {
    this.#queries = queries
  }

  /** Calls whenever another catalog than before was found, until what it returns is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Whoever asks sees what was written before: a look that has begun already may have missed it. */
  refresh(): Promise<void> {
    if (this.#refreshing === null) return this.#refresh()
    this.#next ??= this.#refreshing.catch(() => {}).then(() => this.#refresh())
    return this.#next
  }

  get version(): number {
    return this.#loaded.version
  }

  /** Routes what is emitted now. */
  get router(): Router {
    return this.routerAt(this.#loaded.version)
  }

  /** Routes as a commit of that version was routed. */
  routerAt(version: number): Router {
    let router = this.#routers.get(version)
    if (router === undefined) {
      router = new Router(this.#loaded, version)
      if (this.#routers.size >= MOST_ROUTERS) this.#routers.clear()
      this.#routers.set(version, router)
    }
    return router
  }

  async routerOf(version: number): Promise<Router> {
    if (this.#catalog === null || version > this.#catalog.version) await this.refresh()
    return this.routerAt(version)
  }

  get subscriptions(): readonly SubscriptionVersion[] {
    return this.#loaded.subscriptions
  }

  get #loaded(): Catalog {
    if (this.#catalog === null) throw new Error("The catalog is used before it is loaded.")
    return this.#catalog
  }

  #refresh(): Promise<void> {
    this.#next = null
    this.#refreshing = this.#load().finally(() => {
      this.#refreshing = null
    })
    return this.#refreshing
  }

  async #load(): Promise<void> {
    const catalog = await this.#queries.catalog()
    if (this.#catalog !== null && catalog.version < this.#catalog.version) return // a later look was quicker
    const isOther = catalog.version !== this.#catalog?.version
    // What is the same version routes the same: what was worked out for it stays.
    if (isOther) this.#routers = new Map()
    this.#catalog = catalog
    if (isOther) for (const listener of this.#listeners) listener()
  }
}

const MOST_ROUTERS = 50
