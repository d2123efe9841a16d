import type { Body, CallOptions, Query } from "./asked.ts"
import type { Caller } from "./caller.ts"

/** What became of events, subscription by subscription. */
export function deliveriesOf(caller: Caller) {
  return {
    /** Newest first. */
    list: (query?: Query<"listDeliveries">, options?: CallOptions) =>
      caller.list("listDeliveries", { ...options, query }),

    /** With its attempts. */
    get: (id: string, query?: Query<"getDelivery">, options?: CallOptions) =>
      caller.call("getDelivery", { ...options, params: { id }, query }),

    /** Sends a dead letter again. */
    redrive: (id: string, query?: Query<"redriveDelivery">, options?: CallOptions) =>
      caller.call("redriveDelivery", { ...options, params: { id }, query }),

    /** Cancels one that waits, or a dead letter. */
    cancel: (id: string, query?: Query<"cancelDelivery">, options?: CallOptions) =>
      caller.call("cancelDelivery", { ...options, params: { id }, query }),
  }
}

/** Deliveries that have no attempts left. */
export function deadLettersOf(caller: Caller) {
  return {
    /** Newest first. */
    list: (query?: Query<"listDeadLetters">, options?: CallOptions) =>
      caller.list("listDeadLetters", { ...options, query }),
  }
}

/** Past events, once more or for the first time. */
export function replaysOf(caller: Caller) {
  return {
    /** How far one is. */
    get: (id: string, options?: CallOptions) => caller.call("getReplay", { ...options, params: { id } }),
  }
}

/** What is done to many deliveries at once. */
export function steeringOf(caller: Caller) {
  return {
    /** Sends dead letters again: by ids, by subscription, by event name, or all. */
    redrive: (selection: Body<"redrive">, query?: Query<"redrive">, options?: CallOptions) =>
      caller.call("redrive", { ...options, body: selection, query }),

    /** Cancels deliveries that wait; by id also dead letters. */
    cancel: (selection: Body<"cancel">, query?: Query<"cancel">, options?: CallOptions) =>
      caller.call("cancel", { ...options, body: selection, query }),

    /** Delivers past events to a subscription; with `dryRun: true` it only counts. */
    replay: (request: Body<"startReplay">, query?: Query<"startReplay">, options?: CallOptions) =>
      caller.call("startReplay", { ...options, body: request, query }),
  }
}
