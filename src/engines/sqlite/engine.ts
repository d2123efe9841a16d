import { extname } from "node:path"
import { Worker } from "node:worker_threads"
import type { Clock } from "../../core/clock.ts"
import { CarillonError, StoreError, StoreTooNewError } from "../../core/errors.ts"
import type { Change } from "../../engine/commit.ts"
import type { Engine } from "../../engine/engine.ts"
import { processIdentity } from "../../engine/process.ts"
import type { WireChange } from "./commit.ts"
import { isBusy, type Synchronous, storeError } from "./database.ts"
import { packEvents } from "./packed.ts"
import { Patience } from "./patience.ts"
import { SqliteStore, type StoreCall, type StoreOptions, WRITES } from "./store.ts"
import type { ThreadAnswer, ThreadError, ThreadRequest } from "./thread.ts"
import { WATCH_INTERVAL_MS } from "./wakeup.ts"

export interface SqliteEngineOptions {
  readonly path: string // ":memory:" or a file
  readonly synchronous: Synchronous
  readonly thread: "worker" | "main"
  readonly clock: Clock
  /** Bring the file to this code's schema. @defaultValue true */
  readonly migrate?: boolean
}

type Call = (name: StoreCall, argument?: unknown) => Promise<never>

interface StoreHost {
  readonly call: Call
  listen(onHint: () => void): () => void
  close(): Promise<void>
}

/** Opens the file, and brings it to this code's schema unless told not to. */
export async function openSqlite(options: SqliteEngineOptions): Promise<Engine> {
  const storeOptions = { path: options.path, synchronous: options.synchronous, identity: processIdentity() }
  const host =
    options.thread === "worker"
      ? new ThreadHost(storeOptions, options.clock)
      : new LocalHost(storeOptions, options.clock)
  const engine = toEngine(host, options)
  try {
    if (options.migrate !== false) await engine.maintenance.migrate()
  } catch (error) {
    await engine.close()
    throw error
  }
  return engine
}

function toEngine(host: StoreHost, { path, synchronous }: SqliteEngineOptions): Engine {
  const { call } = host
  return {
    capabilities: {
      name: "sqlite",
      durable: path !== ":memory:" && synchronous !== "OFF",
      manyProcesses: path !== ":memory:",
      transactionalEmit: false,
    },
    commit: (changes) => call("commit", changes.map(toWire)),
    leases: {
      join: (worker) => call("join", worker),
      heartbeat: (beat) => call("heartbeat", beat),
      peek: () => call("peek"),
      take: (request) => call("take", request),
      claim: (request) => call("claim", request),
      handBack: (request) => call("handBack", request),
      leave: (worker) => call("leave", worker),
    },
    queries: {
      catalog: () => call("catalog"),
      event: (key) => call("event", key),
      findEvent: (...given) => call("findEvent", given),
      events: (query) => call("events", query),
      scan: (query) => call("scan", query),
      traceOf: (key) => call("traceOf", key),
      commits: (query) => call("commits", query),
      jobs: (query) => call("jobs", query),
      job: (id) => call("job", id),
      openWork: (query) => call("openWork", query),
      names: () => call("names"),
      scopes: (cursor) => call("scopes", cursor),
      workers: () => call("workers"),
      lag: () => call("lag"),
      staged: (...given) => call("staged", given),
      findStaged: (...given) => call("findStaged", given),
      stagedGroups: () => call("stagedGroups"),
      countBefore: (query) => call("countBefore", query),
      run: (id) => call("run", id),
      runOf: (...given) => call("runOf", given),
      runSteps: (run) => call("runSteps", run),
      runs: (query) => call("runs", query),
      runCounts: () => call("runCounts"),
      waits: (query) => call("waits", query),
      schedules: (group) => call("schedules", group),
      record: (...given) => call("record", given),
      records: (collection) => call("records", collection),
      recordPage: (...given) => call("recordPage", given),
    },
    wakeup: {
      hint: () => {}, // other processes watch the file
      listen: (onHint) => host.listen(() => onHint(null)),
    },
    maintenance: {
      migrate: () => call("migrate"),
      version: () => call("version"),
      prune: (request) => call("prune", request),
      scrub: (request) => call("scrub", request),
      stats: () => call("stats"),
      size: () => call("size"),
      inspect: () => call("inspect"),
    },
    transactions: null,
    close: () => host.close(),
  }
}

function toWire(change: Change): WireChange {
  if (change.kind === "settle-job") {
    const { record } = change
    return { ...change, record: record && { attempt: record.attempt, json: JSON.stringify(record) } }
  }
  if (change.kind !== "append" && change.kind !== "stage") return change
  const { events, ...rest } = change
  return { ...rest, packed: packEvents(events) } as WireChange
}

/** The store in the caller's thread: the quickest answer, at the price of the event loop. */
class LocalHost implements StoreHost {
  readonly #store: SqliteStore
  readonly #clock: Clock
  readonly #patience = new Patience()

  constructor(options: StoreOptions, clock: Clock) {
    this.#clock = clock
    try {
      this.#store = new SqliteStore(options)
    } catch (error) {
      throw cannotOpen(options.path, error)
    }
  }

  call: Call = async (name, argument) => {
    for (;;) {
      try {
        const startedAt = performance.now()
        const result = this.#store.call(name, argument, this.#clock.now())
        if (WRITES.has(name)) {
          const ms = this.#patience.afterWrite(startedAt, performance.now())
          if (ms > 0) await pause(ms)
        }
        return result as never
      } catch (error) {
        if (!isBusy(error)) throw storeError(error)
        await pause(this.#patience.afterBusy(performance.now(), Math.random()))
      }
    }
  }

  listen(onHint: () => void): () => void {
    const watch = setInterval(() => {
      if (!this.#store.wroteElsewhere()) return
      this.#patience.sawCompany(performance.now())
      onHint()
    }, WATCH_INTERVAL_MS)
    watch.unref()
    return () => clearInterval(watch)
  }

  async close(): Promise<void> {
    this.#store.close()
  }
}

/** The store in a thread of its own: a slow disk costs the application nothing but latency. */
class ThreadHost implements StoreHost {
  readonly #worker: Worker
  readonly #clock: Clock
  readonly #path: string
  readonly #waiting = new Map<number, { resolve: (result: never) => void; reject: (error: Error) => void }>()
  readonly #listeners = new Set<() => void>()
  #nextId = 1
  #gone: Error | null = null

  constructor(options: StoreOptions, clock: Clock) {
    this.#clock = clock
    this.#path = options.path
    const file = new URL(`./thread${extname(import.meta.url)}`, import.meta.url)
    this.#worker = new Worker(file, { workerData: options, execArgv: [], name: "carillon-store" })
    this.#worker.on("message", (answer: ThreadAnswer) => this.#receive(answer))
    this.#worker.on("error", (error) =>
      this.#fail(new StoreError(`The store's thread failed: ${error.message}`, { cause: error })),
    )
    this.#worker.on("exit", () => this.#fail(new StoreError("The store is closed.")))
    this.#worker.unref()
  }

  call: Call = (name, argument) => this.#send(name, argument)

  listen(onHint: () => void): () => void {
    this.#listeners.add(onHint)
    return () => this.#listeners.delete(onHint)
  }

  async close(): Promise<void> {
    if (this.#gone !== null) return
    await this.#send("close", null)
    await this.#worker.terminate()
  }

  #send(name: ThreadRequest["name"], argument: unknown): Promise<never> {
    if (this.#gone !== null) return Promise.reject(this.#gone)
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      if (this.#waiting.size === 0) this.#worker.ref() // a promise that waits for the store keeps the process alive
      this.#waiting.set(id, { resolve, reject })
      this.#worker.postMessage({ id, name, argument, now: this.#clock.now() } satisfies ThreadRequest)
    })
  }

  #receive(answer: ThreadAnswer): void {
    if ("hint" in answer) {
      for (const onHint of this.#listeners) onHint()
      return
    }
    const call = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if (this.#waiting.size === 0) this.#worker.unref()
    if ("error" in answer) call?.reject(toError(answer.error, this.#path))
    else call?.resolve(answer.result as never)
  }

  #fail(error: Error): void {
    this.#gone ??= error
    for (const call of this.#waiting.values()) call.reject(this.#gone)
    this.#waiting.clear()
  }
}

function toError({ message, code, errcode }: ThreadError, path: string): Error {
  if (code === "CARILLON_STORE_TOO_NEW") return new StoreTooNewError(message)
  if (code?.startsWith("CARILLON_")) return new CarillonError(code, message)
  if (errcode === 14 || errcode === 26) return cannotOpen(path, new Error(message))
  return errcode === null ? new StoreError(message) : new StoreError(`SQLite: ${message} (${errcode})`)
}

function cannotOpen(path: string, cause: unknown): StoreError {
  return new StoreError(
    `Expected \`${path}\` to be a SQLite file that can be opened and written, got: ${(cause as Error).message}. Check the path, the permissions of its folder, and that no other program made the file.`,
    { cause },
  )
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
