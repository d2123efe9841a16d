import type { Body, CallOptions, Query } from "./asked.ts"
import type { Caller } from "./caller.ts"

export function workflowsOf(caller: Caller) {
  return {
    /** In each of their shapes. */
    list: (query?: Query<"listWorkflows">, options?: CallOptions) =>
      caller.list("listWorkflows", { ...options, query }),
  }
}

/** Executions of workflows. */
export function runsOf(caller: Caller) {
  return {
    /** Newest first. */
    list: (query?: Query<"listRuns">, options?: CallOptions) =>
      caller.list("listRuns", { ...options, query }),

    /** With every attempt of its steps. */
    get: (id: string, query?: Query<"getRun">, options?: CallOptions) =>
      caller.call("getRun", { ...options, params: { id }, query }),

    /** With `waitMs` it waits so long for the run's end, beside the time that a call may take anyway. */
    start: (workflow: string, request?: Body<"startRun">, options?: CallOptions) =>
      caller.call("startRun", {
        ...options,
        params: { workflow },
        body: request,
        patienceMs: request?.waitMs,
      }),

    /** Has it undone, also when it is done. */
    cancel: (
      id: string,
      { reason, ...query }: Query<"cancelRun"> & Body<"cancelRun"> = {},
      options?: CallOptions,
    ) => caller.call("cancelRun", { ...options, params: { id }, query, body: { reason } }),

    /** Gives a step one more attempt. */
    retryStep: (id: string, step: string, query?: Query<"retryStep">, options?: CallOptions) =>
      caller.call("retryStep", { ...options, params: { id, step }, query }),

    /** Ends a step that waits for a response, well. */
    setStepSuccess: (
      id: string,
      step: string,
      { scope, ...response }: Query<"setStepSuccess"> & Body<"setStepSuccess"> = {},
      options?: CallOptions,
    ) =>
      caller.call("setStepSuccess", { ...options, params: { id, step }, query: { scope }, body: response }),

    /** Ends a step that waits for a response, with an error. */
    setStepFailure: (
      id: string,
      step: string,
      { scope, ...response }: Query<"setStepFailure"> & Body<"setStepFailure"> = {},
      options?: CallOptions,
    ) =>
      caller.call("setStepFailure", { ...options, params: { id, step }, query: { scope }, body: response }),
  }
}
