import type { Answer, Body, CallOptions, Query } from "./asked.ts"
import type { Caller } from "./caller.ts"

/** The installation as a whole. */
export function systemOf(caller: Caller) {
  return {
    /** The processes that work on the store. */
    workers: (query?: Query<"listWorkers">, options?: CallOptions) =>
      caller.list("listWorkers", { ...options, query }),

    /** What is in the store, counted. */
    stats: (options?: CallOptions) => caller.call("getStats", { ...options }),

    /** How the store and those who work on it do, and what to do about it. */
    doctor: (options?: CallOptions) => caller.call("getDiagnosis", { ...options }),

    /** Deletes what is past retention; with `dryRun: true` it only counts. */
    prune: (request: Body<"prune">, options?: CallOptions) =>
      caller.call("prune", { ...options, body: request }),

    /** In Prometheus's text form. */
    metrics: (options?: CallOptions) => caller.text("getMetrics", { ...options }),
  }
}

/** The server itself; but for `logIn` it needs no token. */
export function serverOf(caller: Caller) {
  return {
    /** What it is, and where its parts are. */
    about: (options?: CallOptions) => caller.call("getApi", { ...options }),

    /** The OpenAPI document of its routes. */
    document: (options?: CallOptions) => caller.call("getDocument", { ...options }),

    /** Resolves when the process lives. */
    health: (options?: CallOptions) => caller.call("getHealth", { retries: 0, ...options }),

    /** Resolves when requests can be answered; rejects at once when they cannot. */
    ready: (options?: CallOptions) => caller.call("getReady", { retries: 0, ...options }),
  }
}

/** Where events lie. */
export function scopesOf(caller: Caller) {
  return {
    list: (query?: Query<"listScopes">, options?: CallOptions) =>
      caller.list("listScopes", { ...options, query }),
  }
}

/** Takes one person's data out of what is kept; with `dryRun: true` it only counts. */
export function erase(
  caller: Caller,
  { scope, ...request }: Query<"erase"> & Body<"erase">,
  options?: CallOptions,
): Promise<Answer<"erase">> {
  return caller.call("erase", { ...options, query: { scope }, body: request as Body<"erase"> })
}
