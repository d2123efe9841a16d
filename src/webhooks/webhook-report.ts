import { type EndpointState, restsUntil } from "../core/endpoint.ts"
import { patternsOf } from "../core/subscription.ts"
import type { Webhook } from "./shapes.ts"
import type { StoredWebhook } from "./store.ts"
import { unboundFromStore } from "./store-id.ts"

/** How the endpoint does, and when that is asked. */
export interface Seen {
  readonly state: EndpointState
  readonly now: number
}

/** A webhook subscription for those who look: nothing of it is opened. */
export function webhookOf({ entry, record }: StoredWebhook, seen: Seen): Webhook {
  const { no, definition } = entry
  const { id, group, recipient, notifier, form, description, storeId, fields, options } = record
  const filter = definition.filter as Readonly<Record<string, unknown>> | null
  return {
    id,
    no,
    group,
    events: patternsOf(definition),
    recipient,
    notifier,
    form,
    description,
    scope: definition.scope,
    storeId,
    filter: unboundFromStore(filter, storeId),
    sender: definition.sender,
    fields,
    headers: record.headerNames,
    options,
    credentials: record.credentialNames,
    policy: definition.policy,
    ...stateOf({ entry, record }, seen),
    oldSecretsUntil: record.oldSecretsUntil.filter((end) => end > seen.now).map((end) => new Date(end)),
    createdAt: new Date(record.createdAt),
    updatedAt: new Date(record.updatedAt),
  }
}

function stateOf(
  { entry, record: { disabled } }: StoredWebhook,
  { state, now }: Seen,
): Pick<Webhook, "state" | "disabled" | "resting" | "stalled"> {
  const nothing = { disabled: null, resting: null, stalled: null }
  if (disabled !== null) {
    const { at, reason, detail } = disabled
    return { ...nothing, state: "disabled", disabled: { at: new Date(at), reason, detail } }
  }
  if (entry.definition.paused) return { ...nothing, state: "paused" }
  const stalled = stalledOf(state)
  if (stalled !== null) return { ...nothing, state: "stalled", stalled }
  const until = restsUntil(state, now)
  if (until === null) return { ...nothing, state: "active" }
  return { ...nothing, state: "resting", resting: { until: new Date(until), why: state.why } }
}

export function stalledOf({ stalled }: EndpointState): Webhook["stalled"] {
  return stalled === null ? null : { since: new Date(stalled.since), why: stalled.why }
}
