import type { CallOptions, Query } from "./asked.ts"
import type { Caller } from "./caller.ts"

/** Who listens to what. */
export function subscriptionsOf(caller: Caller) {
  return {
    list: (query?: Query<"listSubscriptions">, options?: CallOptions) =>
      caller.list("listSubscriptions", { ...options, query }),

    get: (id: string, query?: Query<"getSubscription">, options?: CallOptions) =>
      caller.call("getSubscription", { ...options, params: { id }, query }),

    /** Lets what is emitted for it wait, in every process. */
    pause: (id: string, query?: Query<"pauseSubscription">, options?: CallOptions) =>
      caller.call("pauseSubscription", { ...options, params: { id }, query }),

    resume: (id: string, query?: Query<"resumeSubscription">, options?: CallOptions) =>
      caller.call("resumeSubscription", { ...options, params: { id }, query }),

    /** Ends it for good, and cancels what waits for it. */
    remove: (id: string, query?: Query<"removeSubscription">, options?: CallOptions) =>
      caller.call("removeSubscription", { ...options, params: { id }, query }),
  }
}
