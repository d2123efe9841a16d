// The store's own thread: takes calls by name, answers each in order, and hints when others wrote.
import { parentPort, workerData } from "node:worker_threads"
import { isBusy } from "./database.ts"
import { Patience } from "./patience.ts"
import { SqliteStore, type StoreCall, type StoreOptions, WRITES } from "./store.ts"
import { WATCH_INTERVAL_MS } from "./wakeup.ts"

export interface ThreadRequest {
  readonly id: number
  readonly name: StoreCall | "close"
  readonly argument: unknown
  readonly now: number
}

export type ThreadAnswer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: ThreadError }
  | { readonly hint: true }

/** What of an error survives the way between threads. */
export interface ThreadError {
  readonly message: string
  readonly code: string | null
  readonly errcode: number | null
}

const port = parentPort
if (port !== null) serve(port, workerData as StoreOptions)

function serve(caller: NonNullable<typeof parentPort>, options: StoreOptions): void {
  const patience = new Patience()
  const still = new Int32Array(new SharedArrayBuffer(4))
  const pause = (ms: number): void => {
    Atomics.wait(still, 0, 0, ms)
  }
  let store: SqliteStore | null = null
  let openError: unknown = null
  try {
    store = new SqliteStore(options)
  } catch (error) {
    openError = error
  }
  const watch = setInterval(() => {
    if (store?.wroteElsewhere()) {
      patience.sawCompany(performance.now())
      caller.postMessage({ hint: true } satisfies ThreadAnswer)
    }
  }, WATCH_INTERVAL_MS)

  caller.on("message", ({ id, name, argument, now }: ThreadRequest) => {
    try {
      if (store === null) throw openError
      if (name === "close") {
        clearInterval(watch)
        store.close()
        caller.postMessage({ id, result: null } satisfies ThreadAnswer)
        caller.close()
        return
      }
      const startedAt = performance.now()
      const result = patiently(store, name, argument, now)
      caller.postMessage({ id, result } satisfies ThreadAnswer)
      if (WRITES.has(name)) {
        const ms = patience.afterWrite(startedAt, performance.now())
        if (ms > 0) pause(ms)
      }
    } catch (error) {
      caller.postMessage({ id, error: toThreadError(error) } satisfies ThreadAnswer)
    }
  })

  function patiently(open: SqliteStore, name: StoreCall, argument: unknown, now: number): unknown {
    for (;;) {
      try {
        return open.call(name, argument, now)
      } catch (error) {
        if (!isBusy(error)) throw error
        pause(patience.afterBusy(performance.now(), Math.random()))
      }
    }
  }
}

function toThreadError(error: unknown): ThreadError {
  const { message, code, errcode } = error as { message?: string; code?: string; errcode?: number }
  return { message: message ?? String(error), code: code ?? null, errcode: errcode ?? null }
}
