import type { CallOptions, Query } from "./asked.ts"
import type { Caller } from "./caller.ts"

/** When workflows are run. */
export function schedulesOf(caller: Caller) {
  return {
    list: (query?: Query<"listSchedules">, options?: CallOptions) =>
      caller.list("listSchedules", { ...options, query }),

    pause: (id: string, query?: Query<"pauseSchedule">, options?: CallOptions) =>
      caller.call("pauseSchedule", { ...options, params: { id }, query }),

    resume: (id: string, query?: Query<"resumeSchedule">, options?: CallOptions) =>
      caller.call("resumeSchedule", { ...options, params: { id }, query }),

    /** An app that still has it makes it anew when it starts. */
    remove: (id: string, query?: Query<"removeSchedule">, options?: CallOptions) =>
      caller.call("removeSchedule", { ...options, params: { id }, query }),
  }
}
