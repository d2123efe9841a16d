import type { Body, CallOptions, Query } from "./asked.ts"
import type { Caller } from "./caller.ts"
import { deadLettersOf, deliveriesOf, replaysOf, steeringOf } from "./deliveries.ts"
import {
  definitionsOf,
  type EmitOptions,
  type Emitted,
  emit,
  eventGroupsOf,
  eventNamesOf,
  eventsOf,
} from "./events.ts"
import { applicationsOf, auditOf, rolesOf, tokensOf, usersOf } from "./identity.ts"
import { runsOf, workflowsOf } from "./runs.ts"
import { schedulesOf } from "./schedules.ts"
import { type StreamOptions, stream } from "./stream.ts"
import { subscriptionsOf } from "./subscriptions.ts"
import { erase, scopesOf, serverOf, systemOf } from "./system.ts"
import { webhooksOf } from "./webhooks.ts"

/** The routes of a Carillon server, as methods. */
export type CarillonClient = ReturnType<typeof clientOf>

export function clientOf(caller: Caller) {
  return {
    /**
     * Emits one event or many; resolves once they are on the server's disk, all or none. It is tried again
     * where the answer was lost, under one idempotency key, so that each is one event all the same.
     *
     * @throws ApiError when the server refused; UnreachableError when it is not known whether it was done
     */
    emit: (events: Emitted | readonly Emitted[], options?: EmitOptions) => emit(caller, events, options),

    /**
     * New events and what becomes of them, as it happens, for good: cut off, it goes on where it was, and tells
     * nothing twice. Leaving the loop, or the signal, ends it; it throws when the server was never reached, or
     * refuses.
     */
    stream: (query?: Query<"streamEvents">, options?: StreamOptions) => stream(caller, query, options),

    events: eventsOf(caller),
    eventNames: eventNamesOf(caller),
    eventGroups: eventGroupsOf(caller),
    definitions: definitionsOf(caller),
    deliveries: deliveriesOf(caller),
    deadLetters: deadLettersOf(caller),
    ...steeringOf(caller),
    replays: replaysOf(caller),
    subscriptions: subscriptionsOf(caller),
    webhooks: webhooksOf(caller),
    workflows: workflowsOf(caller),
    runs: runsOf(caller),
    schedules: schedulesOf(caller),
    scopes: scopesOf(caller),
    system: systemOf(caller),
    server: serverOf(caller),

    /** Takes one person's data out of what is kept; with `dryRun: true` it only counts. */
    erase: (request: Query<"erase"> & Body<"erase">, options?: CallOptions) =>
      erase(caller, request, options),

    /** A token of a user's own, for a client of theirs. */
    logIn: (credentials: Body<"logIn">, options?: CallOptions) =>
      caller.call("logIn", { ...options, body: credentials }),

    /** Who the token is, and what it may do. */
    me: (options?: CallOptions) => caller.call("getMe", { ...options }),

    users: usersOf(caller),
    roles: rolesOf(caller),
    tokens: tokensOf(caller),
    applications: applicationsOf(caller),
    audit: auditOf(caller),
  }
}
