import type { Operational } from "../bus/operational.ts"
import type { EndpointState } from "../core/endpoint.ts"
import type { QueriesPort } from "../engine/queries.ts"
import { AutoDisable } from "./auto-disable.ts"
import { breakerSettings } from "./breaker.ts"
import { Outbound, type OutboundOptions, type WebhookTold } from "./outbound.ts"
import type { ResolvedWebhookSettings } from "./settings.ts"
import type { Webhooks } from "./webhooks.ts"

type Parts = Omit<OutboundOptions, "slots" | "breaker" | "onMoved" | "onFailing" | "onStalled" | "onGone"> & {
  readonly queries: QueriesPort
  readonly webhooks: Webhooks
  readonly operational: Operational
  readonly settings: ResolvedWebhookSettings
}

/** What sends webhooks, with what follows from how it goes: who is told, and what is given up. */
export function outgoing(parts: Parts): Outbound {
  const { queries, clock, webhooks, operational, settings, onError } = parts
  const autoDisable = new AutoDisable({
    queries,
    clock,
    afterMs: settings.disableAfterMs,
    afterAttempts: settings.disableAfterAttempts,
    disable: (id, why) => webhooks.disable(id, why),
    onDisabled: (webhook, data) =>
      operational.webhook("disabled", { webhook, data: { ...data }, at: clock.now() }),
    onError,
  })
  return new Outbound({
    ...parts,
    slots: settings.concurrency,
    breaker: breakerSettings(settings.restMs),
    onMoved: (webhook, from, to) => tellMove(operational, { webhook, from, to, now: clock.now() }),
    onFailing: (webhook, failing) => autoDisable.failing(webhook, failing),
    onStalled: (webhook, { since, why }) => {
      const data = { since: new Date(since).toISOString(), why }
      operational.webhook("stalled", { webhook, data, at: since })
    },
    onGone: (webhook, said) => autoDisable.gone(webhook, said),
  })
}

interface Move {
  readonly webhook: WebhookTold
  readonly from: EndpointState
  readonly to: EndpointState
  readonly now: number
}

/** Its first rest is told of, not each that follows; one that it asked for is its own business. */
function tellMove(operational: Operational, { webhook, from, to, now }: Move): void {
  const { phase, trips, until, why } = to
  if (phase === "resting" && from.phase === "sending" && trips > 0)
    operational.webhook("resting", {
      webhook,
      data: { until: new Date(until).toISOString(), why },
      at: until,
    })
  else if (phase === "sending" && from.trips > 0)
    operational.webhook("recovered", { webhook, data: {}, at: now })
}
