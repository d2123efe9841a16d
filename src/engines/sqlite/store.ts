import { statSync } from "node:fs"
import { StoreError } from "../../core/errors.ts"
import type { ScrubRequest } from "../../engine/maintenance.ts"
import * as commits from "./commit.ts"
import { Database, type DatabaseOptions } from "./database.ts"
import { inspect } from "./inspect.ts"
import * as leases from "./leases.ts"
import * as maintenance from "./maintenance.ts"
import * as queries from "./queries.ts"
import { scrub } from "./scrub.ts"
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
  readonly #path: string
  readonly #inode: number | null // null = no file
  #looks = 0
  #gone: StoreError | null = null
  readonly #calls: Record<StoreCall, (argument: never, now: number) => unknown>

  constructor(options: StoreOptions) {
    this.#db = new Database(options)
    this.#identity = options.identity
    this.#path = options.path
    this.#inode = inodeOf(options.path)
    this.#watch = new WriteWatch(this.#db)
    this.#calls = callsOf(this.#db, options, this.#identity, this.#cursors)
  }

  /** Runs one call. Throws SQLite's busy error, with nothing done, when another process is writing. */
  call(name: StoreCall, argument: unknown, now: number): unknown {
    if (this.#gone !== null) throw this.#gone
    return this.#calls[name](argument as never, now)
  }

  /** Did another process write since the last look? */
  wroteElsewhere(): boolean {
    if (++this.#looks % LOOKS_PER_CHECK === 0) this.#checkFile()
    return this.#gone === null && this.#watch.changed()
  }

  /** What is written to a file that has lost its name is lost with this process: better to refuse it. */
  #checkFile(): void {
    if (this.#inode === null || this.#gone !== null || inodeOf(this.#path) === this.#inode) return
    this.#gone = new StoreError(
      `Expected \`${this.#path}\` to stay where it is, but it was removed or replaced while it was open. Stop this process, put the file back, and start again.`,
    )
  }

  close(): void {
    this.#db.close()
  }
}

/** The file itself is looked at once a second or so. */
const LOOKS_PER_CHECK = 20

function inodeOf(path: string): number | null {
  return path === ":memory:" ? null : (statSync(path, { throwIfNoEntry: false })?.ino ?? 0)
}

export type StoreCall =
  | "commit"
  | "join"
  | "heartbeat"
  | "peek"
  | "take"
  | "claim"
  | "handBack"
  | "leave"
  | queries.Query
  | "migrate"
  | "version"
  | "prune"
  | "scrub"
  | "stats"
  | "size"
  | "inspect"

type Argument<F> = F extends (db: Database, argument: infer A, ...rest: never[]) => unknown ? A : never

function callsOf(
  db: Database,
  options: DatabaseOptions,
  identity: leases.ProcessIdentity,
  cursors: leases.ClaimCursors,
): Record<StoreCall, (argument: never, now: number) => unknown> {
  return {
    ...queryCallsOf(db),
    commit: (changes: Argument<typeof commits.commit>, now) => commits.commit(db, changes, now),
    join: (worker: Argument<typeof leases.join>, now) => leases.join(db, worker, identity, now),
    heartbeat: (beat: Argument<typeof leases.heartbeat>, now) => leases.heartbeat(db, beat, identity, now),
    peek: () => leases.peek(),
    take: (request: Argument<typeof leases.take>) => leases.take(db, request),
    claim: (request: Argument<typeof leases.claim>, now) => leases.claim(db, request, cursors, now),
    handBack: (request: Argument<typeof leases.handBack>, now) => leases.handBack(db, request, now),
    leave: (worker: number, now) => leases.leave(db, worker, now),
    migrate: (_: undefined, now) => maintenance.migrate(db, now),
    version: () => maintenance.version(db),
    prune: (request: Argument<typeof maintenance.prune>, now) => maintenance.prune(db, request, now),
    scrub: (request: ScrubRequest) => scrub(db, options, request),
    stats: () => maintenance.stats(db),
    size: () => maintenance.size(db),
    inspect: () => inspect(db, options),
  }
}

function queryCallsOf(db: Database): Record<queries.Query, (argument: unknown) => unknown> {
  const calls = queries.QUERIES.map((query) => [
    query,
    (argument: unknown) => queries.answer(db, query, argumentsOf(query, argument)),
  ])
  return Object.fromEntries(calls)
}

/** A call carries one argument: those that take several get them as a list. */
function argumentsOf(query: queries.Query, argument: unknown): readonly unknown[] {
  if (TAKES_SEVERAL.has(query)) return argument as readonly unknown[]
  return argument === undefined ? [] : [argument]
}

const TAKES_SEVERAL: ReadonlySet<queries.Query> = new Set([
  "findEvent",
  "staged",
  "findStaged",
  "runOf",
  "record",
  "recordPage",
])

/** Writes, as opposed to what only reads: they meet the file's write lock. */
export const WRITES: ReadonlySet<StoreCall> = new Set([
  "commit",
  "join",
  "heartbeat",
  "take",
  "claim",
  "handBack",
  "leave",
  "migrate",
  "prune",
  "scrub",
])
