import { statSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import type { EventRow } from "../../src/core/event.ts"
import type { Engine } from "../../src/engine/engine.ts"
import type { JobQuery, ListedJob, TraceRows } from "../../src/engine/queries.ts"
import type { Troupe } from "./troupe.ts"

/** What is open in the store, read beside everybody who works on it. */
export interface Open {
  readonly batches: number
  readonly parts: number
  readonly jobs: number
}

export async function open(store: Engine): Promise<Open> {
  const { openBatches, openParts, openJobs } = await store.maintenance.stats()
  return { batches: openBatches, parts: openParts, jobs: openJobs }
}

export interface DeadLetter {
  readonly id: string
  readonly reason: string
  readonly data: string
  readonly subscriber: string
}

export async function deadLetters(store: Engine): Promise<readonly DeadLetter[]> {
  const dead = await jobs(store, { state: "dead", kind: "delivery" })
  const { subscriptions } = await store.queries.catalog()
  const ids = new Map(subscriptions.map(({ no, id }) => [no, id.split("@")[0] as string]))
  return Promise.all(
    dead.map(async (job) => {
      const event = await store.queries.event({ commitId: job.commitId as string, index: job.index })
      return {
        id: job.id,
        reason: job.reason,
        data: event?.data as string,
        subscriber: ids.get(job.subscription) as string,
      }
    }),
  )
}

/** Oldest first. */
export async function jobs(store: Engine, query: Partial<JobQuery> = {}): Promise<ListedJob[]> {
  const all: ListedJob[] = []
  for (let cursor: string | undefined; ; ) {
    const page = await store.queries.jobs({ ...query, cursor, limit: 1_000 })
    all.push(...page.items)
    if (page.cursor === null) return all.reverse()
    cursor = page.cursor
  }
}

/** Every event, oldest first, and the version of the catalog that routed each commit. */
export async function events(store: Engine): Promise<{ rows: EventRow[]; versions: Record<string, number> }> {
  const rows: EventRow[] = []
  const versions: Record<string, number> = {}
  for (let from = "0".repeat(26); ; ) {
    const scanned = await store.queries.scan({ names: null, fromCommit: from, toCommit: "~", limit: 1_000 })
    rows.push(...scanned.events)
    Object.assign(versions, scanned.versions)
    if (scanned.cursor === null) return { rows, versions }
    from = scanned.cursor
  }
}

/** What became of each event. */
export async function traces(store: Engine): Promise<TraceRows[]> {
  const { rows } = await events(store)
  const all: TraceRows[] = []
  for (let from = 0; from < rows.length; from += 10)
    all.push(...(await Promise.all(rows.slice(from, from + 10).map((row) => store.queries.traceOf(row)))))
  return all
}

/** Resolves when nothing is open, or when nothing has moved for so long that nothing will. */
export async function settled(troupe: Troupe, stillMs: number): Promise<Open> {
  const store = await troupe.store()
  let size = -1
  let movedAt = performance.now()
  let last = ""
  for (;;) {
    const now = await open(store)
    if (now.batches + now.parts + now.jobs === 0) return now
    const seen = statSync(troupe.book).size
    const shape = JSON.stringify(now)
    if (seen !== size || shape !== last) {
      size = seen
      last = shape
      movedAt = performance.now()
    } else if (performance.now() - movedAt > stillMs) return now
    await sleep(100)
  }
}
