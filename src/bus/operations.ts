import type { Clock } from "../core/clock.ts"
import type { Committer } from "../worker/committer.ts"
import { Eraser } from "./erase.ts"
import { Listing } from "./listing.ts"
import { Operational } from "./operational.ts"
import type { Replays } from "./replay.ts"
import { Retention } from "./retention.ts"
import { Selector } from "./selection.ts"
import type { StaffSources } from "./staff.ts"
import { Standing } from "./standing.ts"
import { Steering } from "./steering.ts"

export interface OperationsOptions {
  readonly sources: StaffSources
  readonly committer: Committer
  readonly replays: Replays
  readonly clock: Clock
  readonly group: string
  readonly leaseMs: number
  readonly laggingMs: number
  readonly stagedTtlMs: number
  readonly retentionMs: number
  readonly deadRetentionMs: number
  readonly pruneOthers: () => Promise<unknown>
  readonly onError: (error: unknown) => void
}

/** Seeing and steering: what operators ask, order, and are told. */
export class Operations {
  readonly sources: StaffSources
  readonly listing: Listing
  readonly standing: Standing
  readonly steering: Steering
  readonly retention: Retention
  readonly operational: Operational
  readonly eraser: Eraser

  constructor(options: OperationsOptions) {
    const { sources, group } = options
    this.sources = sources
    this.listing = new Listing(sources, group)
    this.standing = new Standing(options)
    const selector = new Selector(sources.engine.queries, this.standing, group)
    this.steering = new Steering({ ...options, standing: this.standing, selector })
    this.retention = new Retention({ engine: sources.engine, ...options })
    this.operational = new Operational({ orphanedMs: options.leaseMs, ...options })
    this.eraser = new Eraser(sources, (report, scopes) => this.operational.erased(report, scopes))
  }

  /** What only a worker does: retention, and watching how subscriptions do. */
  start(): void {
    this.retention.start()
    this.operational.start()
  }

  async stop(): Promise<void> {
    await Promise.all([this.retention.stop(), this.operational.stop()])
  }
}
