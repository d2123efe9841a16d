import * as commits from "./commit.ts"
import { Database, type DatabaseOptions } from "./database.ts"
import * as leases from "./leases.ts"
import * as maintenance from "./maintenance.ts"
import * as queries from "./queries.ts"
import { WriteWatch } from "./wakeup.ts"

export interface StoreOptions extends DatabaseOptions {
  readonly identity: leases.ProcessIdentity
}

/**
 * The whole engine as plain synchronous calls by name, so that it runs in a thread of its own or in
 * the caller's just the same.
 */
export class SqliteStore {
  readonly #db: Database
  readonly #identity: leases.ProcessIdentity
  readonly #watch: WriteWatch
  readonly #cursors = new leases.ClaimCursors()
  readonly #calls: Record<StoreCall, (argument: never, now: number) => unknown>

  constructor(options: StoreOptions) {
    this.#db = new Database(options)
    this.#identity = options.identity
    this.#watch = new WriteWatch(this.#db)
    this.#calls = callsOf(this.#db, this.#identity, this.#cursors)
  }

  /** Runs one call. Throws SQLite's busy error, with nothing done, when another process is writing. */
  call(name: StoreCall, argument: unknown, now: number): unknown {
    return this.#calls[name](argument as never, now)
  }

  /** Did another process write since the last look? */
  wroteElsewhere(): boolean {
    return this.#watch.changed()
  }

  close(): void {
    this.#db.close()
  }
}

export type StoreCall =
  | "commit"
  | "join"
  | "heartbeat"
  | "take"
  | "claim"
  | "leave"
  | "catalog"
  | "event"
  | "findEvent"
  | "events"
  | "scan"
  | "traceOf"
  | "commits"
  | "jobs"
  | "job"
  | "openWork"
  | "names"
  | "workers"
  | "lag"
  | "staged"
  | "stagedGroups"
  | "countBefore"
  | "migrate"
  | "prune"
  | "stats"

type Argument<F> = F extends (db: Database, argument: infer A, ...rest: never[]) => unknown ? A : never

function callsOf(
  db: Database,
  identity: leases.ProcessIdentity,
  cursors: leases.ClaimCursors,
): Record<StoreCall, (argument: never, now: number) => unknown> {
  const read =
    <F extends (db: Database, argument: never) => unknown>(query: F) =>
    (argument: Argument<F>) =>
      query(db, argument as never)
  return {
    commit: (changes: Argument<typeof commits.commit>, now) => commits.commit(db, changes, now),
    join: (worker: Argument<typeof leases.join>, now) => leases.join(db, worker, identity, now),
    heartbeat: (beat: Argument<typeof leases.heartbeat>, now) => leases.heartbeat(db, beat, identity, now),
    take: read(leases.take),
    claim: (request: Argument<typeof leases.claim>, now) => leases.claim(db, request, cursors, now),
    leave: (worker: number, now) => leases.leave(db, worker, now),
    catalog: () => queries.catalog(db),
    event: read(queries.event),
    findEvent: read(queries.findEvent),
    events: read(queries.events),
    scan: read(queries.scan),
    traceOf: read(queries.traceOf),
    commits: read(queries.commits),
    jobs: read(queries.jobs),
    job: read(queries.job),
    openWork: read(queries.openWork),
    names: () => queries.names(db),
    workers: () => queries.workers(db),
    lag: () => queries.lag(db),
    staged: read(queries.staged),
    stagedGroups: () => queries.stagedGroups(db),
    countBefore: read(queries.countBefore),
    migrate: (_: undefined, now) => maintenance.migrate(db, now),
    prune: (request: Argument<typeof maintenance.prune>, now) => maintenance.prune(db, request, now),
    stats: () => maintenance.stats(db),
  }
}

/** Writes, as opposed to what only reads: they meet the file's write lock. */
export const WRITES: ReadonlySet<StoreCall> = new Set([
  "commit",
  "join",
  "heartbeat",
  "take",
  "claim",
  "leave",
  "migrate",
  "prune",
])
