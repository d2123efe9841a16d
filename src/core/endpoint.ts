/**
 * How the endpoint of a webhook subscription does, as every process sees it. A record of it stands in the store only
 * while something is wrong with it, and is written when that changes, not with each attempt.
 */
export interface EndpointState {
  readonly phase: EndpointPhase
  /** Of a rest: when it ends. Of a probe: when somebody else may try. Epoch ms; 0 = it has no end. */
  readonly until: number
  /** How often it was sent to rest without recovering in between; 0 = it asked for this rest itself, or rests not. */
  readonly trips: number
  readonly why: string // it rests, for those who look
  /** Who probes: two who say the same of one moment must not both believe that it is theirs. */
  readonly probe?: string
  readonly failing: Failing | null // null = its last attempt succeeded
  readonly stalled: Stalled | null // null = nothing keeps us from sending
}

/**
 * `sending`: as the policy says. `resting`: nothing is sent. `probing`: one attempt shows whether it is back.
 * `resuming`: it is back, and gets more little by little.
 */
export type EndpointPhase = "sending" | "resting" | "probing" | "resuming"

/** All attempts fail since then. */
export interface Failing {
  readonly since: number // epoch ms
  readonly attempts: number
}

/** Nothing could be sent there since then, for a fault of our own: one process sees it so, another may not. */
export interface Stalled {
  readonly since: number // epoch ms
  readonly why: string
}

/** The collection of the records, by subscription id. */
export const ENDPOINT_STATES = "webhook-states"

export const SENDING: EndpointState = Object.freeze({
  phase: "sending",
  until: 0,
  trips: 0,
  why: "",
  failing: null,
  stalled: null,
})

/** What a record says; nothing, and what another version wrote that is not known here, is an endpoint without trouble. */
export function readEndpointState(text: string | null): EndpointState {
  if (text === null) return SENDING
  const { phase, until, trips, why, probe, failing, stalled } = JSON.parse(text) as Partial<EndpointState>
  return {
    phase: phase !== undefined && PHASES.includes(phase) ? phase : "sending",
    until: until ?? 0,
    trips: trips ?? 0,
    why: why ?? "",
    ...(probe === undefined ? undefined : { probe }),
    failing: failing ?? null,
    stalled: stalled ?? null,
  }
}

const PHASES: readonly EndpointPhase[] = ["sending", "resting", "probing", "resuming"]

/** Until when nothing is sent there; null = something may be. */
export function restsUntil({ phase, until }: EndpointState, now: number): number | null {
  return (phase === "resting" || phase === "probing") && now < until ? until : null
}
