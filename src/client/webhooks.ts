import type { Body, CallOptions, Query } from "./asked.ts"
import type { Caller } from "./caller.ts"

/** What is sent out of the house, and where to. */
export function webhooksOf(caller: Caller) {
  return {
    list: (query?: Query<"listWebhooks">, options?: CallOptions) =>
      caller.list("listWebhooks", { ...options, query }),

    get: (id: string, query?: Query<"getWebhook">, options?: CallOptions) =>
      caller.call("getWebhook", { ...options, params: { id }, query }),

    /** The answer has its secret, this once. */
    create: (webhook: Body<"createWebhook">, options?: CallOptions) =>
      caller.call("createWebhook", { ...options, body: webhook }),

    /** What is left out stays as it is. */
    update: (
      id: string,
      change: Body<"updateWebhook">,
      query?: Query<"updateWebhook">,
      options?: CallOptions,
    ) => caller.call("updateWebhook", { ...options, params: { id }, query, body: change }),

    /** Ends it for good, and cancels what waits for it. */
    remove: (id: string, query?: Query<"removeWebhook">, options?: CallOptions) =>
      caller.call("removeWebhook", { ...options, params: { id }, query }),

    /** Lets what it hears wait, in every process. */
    pause: (id: string, query?: Query<"pauseWebhook">, options?: CallOptions) =>
      caller.call("pauseWebhook", { ...options, params: { id }, query }),

    resume: (id: string, query?: Query<"resumeWebhook">, options?: CallOptions) =>
      caller.call("resumeWebhook", { ...options, params: { id }, query }),

    /** Sends again, also what came while it was disabled. */
    enable: (id: string, query?: Query<"enableWebhook">, options?: CallOptions) =>
      caller.call("enableWebhook", { ...options, params: { id }, query }),

    disable: (
      id: string,
      { scope, ...why }: Query<"disableWebhook"> & Body<"disableWebhook"> = {},
      options?: CallOptions,
    ) => caller.call("disableWebhook", { ...options, params: { id }, query: { scope }, body: why }),

    /** Another secret; the answer has it, this once. */
    rotateSecret: (
      id: string,
      { scope, ...wish }: Query<"rotateWebhookSecret"> & Body<"rotateWebhookSecret"> = {},
      options?: CallOptions,
    ) => caller.call("rotateWebhookSecret", { ...options, params: { id }, query: { scope }, body: wish }),

    /** Sends once, now, and tells what came of it. */
    test: (
      id: string,
      { scope, ...event }: Query<"testWebhook"> & Body<"testWebhook"> = {},
      options?: CallOptions,
    ) => caller.call("testWebhook", { ...options, params: { id }, query: { scope }, body: event }),

    /** How its endpoint did lately. */
    health: (id: string, query?: Query<"getWebhookHealth">, options?: CallOptions) =>
      caller.call("getWebhookHealth", { ...options, params: { id }, query }),
  }
}
