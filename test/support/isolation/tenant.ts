import { eventId } from "../../../src/core/ids.ts"
import type { Place } from "../place.ts"
import type { Asking } from "./answer.ts"

export const ACME = "acme/master"
export const GLOBEX = "globex/master"

/** A tenant as its own credential sees it, and what the store knows of its events. */
export interface Tenant {
  readonly scope: string
  readonly token: string
  readonly tokenId: string
  readonly application: string
  readonly webhook: string
  readonly user: { readonly id: string; readonly email: string }
  /** The ids that the store derives, by the ids of the tenant's own. */
  readonly events: Readonly<Record<string, string>>
  /** Of the subscription that hears every scope. */
  readonly deliveries: { readonly done: string; readonly dead: string; readonly waiting: string }
  /** By their transaction ids. */
  readonly runs: Readonly<Record<string, string>>
  readonly replay: string
}

export interface Credentials {
  readonly scope: string
  readonly token: string
  readonly tokenId: string
}

interface Listed {
  readonly items: readonly Record<string, unknown>[]
}

/** Looks up what a tenant has, by its own credential. */
export async function tenantOf(
  asking: Asking,
  place: Place,
  { scope, token, tokenId }: Credentials,
): Promise<Tenant> {
  const list = async (path: string) => (await asking.json<Listed>("GET", path, { token })).items
  const [deliveries, runs] = [await list("/api/deliveries?subscription=journal"), await list("/api/runs")]
  const deliveryOf = (event: string): string =>
    String(deliveries.find((each) => each.eventId === event && each.replay === 0)?.deliveryId)
  const [user] = await list("/api/users")
  return {
    scope,
    token,
    tokenId,
    application: String((await list("/api/applications"))[0]?.id),
    webhook: String((await list("/api/webhooks"))[0]?.id),
    user: { id: String(user?.id), email: String(user?.email) },
    events: await eventsOf(place, scope),
    deliveries: {
      done: deliveryOf("ord_1001"),
      dead: deliveryOf("ord_1002"),
      waiting: deliveryOf("ord_1003"),
    },
    runs: Object.fromEntries(runs.map((run) => [String(run.transactionId), String(run.id)])),
    replay: await replayOf(place, scope),
  }
}

async function eventsOf(place: Place, scope: string): Promise<Record<string, string>> {
  const rows = await place.sql(
    `SELECT id, commit_id, idx FROM ${place.table("event_ids")} WHERE scope = '${scope}'`,
  )
  return Object.fromEntries(
    rows.map(({ id, commit_id, idx }) => [String(id), eventId(String(commit_id), Number(idx))]),
  )
}

async function replayOf(place: Place, scope: string): Promise<string> {
  const rows = await place.sql(
    `SELECT id, data FROM ${place.table("jobs")} WHERE kind = 'replay' ORDER BY no`,
  )
  return String(rows.find(({ data }) => JSON.stringify(data).includes(scope))?.id)
}
