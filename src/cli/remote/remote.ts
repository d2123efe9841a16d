import type { CarillonClient } from "../../client/client.ts"
import type { Operator } from "../operator.ts"
import { revived } from "../revived.ts"
import { everything } from "./everything.ts"
import { remoteIdentity, remoteUsers } from "./identity.ts"
import { scopeOf } from "./scope.ts"
import { remoteStanding } from "./standing.ts"
import { remoteSteering } from "./steering.ts"
import { remoteTail } from "./tail.ts"
import { remoteWebhooks } from "./webhooks.ts"

/** A server, asked as a database is. What it does it writes down itself: who asked stands in the token. */
export function remoteOperator(client: CarillonClient): Operator {
  return {
    emit: (events) => client.emit(events as Parameters<typeof client.emit>[0]),
    trace: async (id, request = {}) => revived(await client.events.trace(id, { scope: scopeOf(request) })),
    eventNames: (request = {}) =>
      everything(client.eventNames.list({ limit: MOST, scope: scopeOf(request) })),
    listEvents: async ({ scopes: _, scope, ...request } = {}) =>
      revived(await client.events.list({ ...request, scope: scopeText(scope) } as EventQuery).page()),
    listDeliveries: async ({ scopes, ...request } = {}) =>
      revived(
        await client.deliveries.list({ ...request, scope: scopeOf({ scopes }) } as DeliveryQuery).page(),
      ),
    deadLetters: async ({ scopes, ...request } = {}) =>
      revived(await client.deadLetters.list({ ...request, scope: scopeOf({ scopes }) } as DeadQuery).page()),
    scopes: () => everything(client.scopes.list({ limit: MOST })),
    workers: () => everything(client.system.workers({ limit: MOST })),
    stats: async () => revived(await client.system.stats()),
    doctor: async () => revived(await client.system.doctor()),
    tail: (options) => remoteTail(client, options),
    ...remoteStanding(client),
    ...remoteSteering(client),
    workflows: {
      list: async ({ scopes, ...request } = {}) =>
        revived(await client.runs.list({ ...request, scope: scopeOf({ scopes }) } as RunQuery).page()),
      retrieve: async (id, request = {}) => revived(await client.runs.get(id, { scope: scopeOf(request) })),
      revert: async (id, reason, request = {}) =>
        revived(await client.runs.cancel(id, { reason, scope: scopeOf(request) })),
      retry: async (id, step, request = {}) =>
        revived(await client.runs.retryStep(id, step, { scope: scopeOf(request) })),
      listWorkflows: () => everything(client.workflows.list({ limit: MOST })),
      listSchedules: () => everything(client.schedules.list({ limit: MOST })),
    },
    webhooks: remoteWebhooks(client),
    users: remoteUsers(client),
    identity: remoteIdentity(client),
  }
}

const MOST = 1_000

type EventQuery = Parameters<CarillonClient["events"]["list"]>[0]
type DeliveryQuery = Parameters<CarillonClient["deliveries"]["list"]>[0]
type DeadQuery = Parameters<CarillonClient["deadLetters"]["list"]>[0]
type RunQuery = Parameters<CarillonClient["runs"]["list"]>[0]

/** The command line says scopes as text; nobody else asks here. */
function scopeText(scope: unknown): string | undefined {
  return typeof scope === "string" ? scope : undefined
}
