import { InvalidInputError } from "../core/errors.ts"
import type { Answer, Body, CallOptions, Query } from "./asked.ts"
import type { Caller } from "./caller.ts"

type One<T> = T extends readonly unknown[] ? never : T

/** An event to emit. */
export type Emitted = Omit<One<Body<"emitEvents">>, "deliverAt"> & { readonly deliverAt?: Date | string }

/** What became of an emit. */
export type Receipt = Answer<"emitEvents">["events"][number]

export interface EmitOptions extends CallOptions {
  /** A request of the same key is the same events, for 7 days. @defaultValue one of the call's own */
  readonly idempotencyKey?: string
}

export async function emit(
  caller: Caller,
  events: Emitted | readonly Emitted[],
  { idempotencyKey = newKey(), ...options }: EmitOptions = {},
): Promise<Receipt[]> {
  // Anything else cannot stand in a header, and the error of whoever tries would repeat it.
  if (!/^[\x21-\x7e]{1,255}$/.test(idempotencyKey))
    throw new InvalidInputError(
      "Expected `idempotencyKey` to be 1 to 255 letters of ASCII, got another text.",
    )
  const headers = { "idempotency-key": idempotencyKey }
  const answer = await caller.call("emitEvents", { ...options, body: events as Body<"emitEvents">, headers })
  return answer.events
}

/** `crypto.randomUUID` is only there on pages that came over TLS. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
}

/** What was emitted. */
export function eventsOf(caller: Caller) {
  return {
    /** Newest first. */
    list: (query?: Query<"listEvents">, options?: CallOptions) =>
      caller.list("listEvents", { ...options, query }),

    /** By an event's id, or a delivery's. */
    get: (id: string, query?: Omit<Query<"getEvent">, "cloudevent">, options?: CallOptions) =>
      caller.call("getEvent", { ...options, params: { id }, query }),

    /** What became of it: every subscription it went to, every attempt, what waits and why. */
    trace: (id: string, query?: Query<"traceEvent">, options?: CallOptions) =>
      caller.call("traceEvent", { ...options, params: { id }, query }),
  }
}

/** The names under which events were emitted. */
export function eventNamesOf(caller: Caller) {
  return {
    /** With a sample of each, and who listens. */
    list: (query?: Query<"listEventNames">, options?: CallOptions) =>
      caller.list("listEventNames", { ...options, query }),
  }
}

/** What the data of events looks like, where the server knows. */
export function definitionsOf(caller: Caller) {
  return {
    list: (query?: Query<"listDefinitions">, options?: CallOptions) =>
      caller.list("listDefinitions", { ...options, query }),

    get: (name: string, options?: CallOptions) =>
      caller.call("getDefinition", { ...options, params: { name } }),
  }
}

/** Events that are held back together. */
export function eventGroupsOf(caller: Caller) {
  return {
    /** Emits what is staged under an id. */
    release: (id: string, query?: Query<"releaseEventGroup">, options?: CallOptions) =>
      caller.call("releaseEventGroup", { ...options, params: { id }, query }),

    /** Drops what is staged under an id; with `eventNames` only events of these names. */
    clear: (
      id: string,
      { scope, ...which }: Query<"clearEventGroup"> & Body<"clearEventGroup"> = {},
      options?: CallOptions,
    ) => caller.call("clearEventGroup", { ...options, params: { id }, query: { scope }, body: which }),
  }
}
