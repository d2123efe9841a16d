import { type EndpointState, restsUntil } from "../core/endpoint.ts"

/** When an endpoint is sent to rest, and for how long. */
export interface BreakerSettings {
  readonly failureRate: number // of the newest attempts, from 0 to 1
  readonly leastAttempts: number // of them, before a rate means anything
  readonly timeouts: number // one after another
  readonly firstRestMs: number
  readonly longestRestMs: number
}

/** @defaultValue a rest of half a minute at first, and of half an hour at most */
export function breakerSettings(firstRestMs = 30_000): BreakerSettings {
  return { failureRate: 0.6, leastAttempts: 10, timeouts: 3, firstRestMs, longestRestMs: 60 * firstRestMs }
}

/** What an attempt says of the endpoint. That one event was refused says that it lives. */
export type Sign =
  | { readonly kind: "success" | "event" }
  | { readonly kind: "failure" | "timeout"; readonly why: string }
  /** It asks to be left alone. */
  | { readonly kind: "asked"; readonly until: number; readonly why: string }

/** The newest attempts, counted. */
export interface AttemptCounts {
  readonly attempts: number
  readonly failures: number
  readonly timeouts: number // without any answer in between, the newest included
}

export interface Learned {
  readonly sign: Sign
  readonly counts: AttemptCounts // this attempt included
  readonly now: number
  readonly random: number // from 0 up to, not including, 1
  /** Attempts that succeeded since it was taken up again, this one included. */
  readonly passed: number
  readonly concurrency: number // what the policy lets run at one time
}

/** A longer wait is not taken at its word. */
const LONGEST_ASKED_MS = 24 * 60 * 60 * 1000

/** So many successes are enough, whatever the policy lets run. */
const MOST_PASSED = 64

/** Rests are longer by this share at most, so that what failed together does not come back together. */
const JITTER = 0.2

/** How many attempts may run at one time, in this process, as far as its endpoint's state goes. */
export function slotsOf(state: EndpointState, passed: number, now: number): number {
  switch (state.phase) {
    case "sending":
      return Number.POSITIVE_INFINITY
    case "resuming":
      return 2 ** Math.floor(Math.log2(passed + 1))
    case "resting":
    case "probing":
      return restsUntil(state, now) === null ? 1 : 0
  }
}

/** One attempt is let through; nobody else tries before its time is over. */
export function probing(
  state: EndpointState,
  { until, probe }: { readonly until: number; readonly probe: string },
): EndpointState {
  return { ...state, phase: "probing", until, probe }
}

/** What an attempt makes of an endpoint's state; the same object where it changes nothing. */
export function afterAttempt(
  state: EndpointState,
  learned: Learned,
  settings: BreakerSettings,
): EndpointState {
  const { sign } = learned
  if (sign.kind === "asked") return restAsAsked(state, sign, learned.now)
  const isAlive = sign.kind === "success" || sign.kind === "event"
  switch (state.phase) {
    case "sending":
      return !isAlive && isTooMuch(learned.counts, settings) ? rest(state, learned, settings) : state
    case "resting":
      return state // it was sent before the rest began
    case "probing":
      return isAlive ? resumed(state, learned) : rest(state, learned, settings)
    case "resuming":
      return isAlive ? resumed(state, learned) : rest(state, learned, settings)
  }
}

function isTooMuch(counts: AttemptCounts, settings: BreakerSettings): boolean {
  const { attempts, failures, timeouts } = counts
  if (timeouts >= settings.timeouts) return true
  return attempts >= settings.leastAttempts && failures / attempts >= settings.failureRate
}

function rest(
  state: EndpointState,
  { sign, now, random }: Learned,
  settings: BreakerSettings,
): EndpointState {
  const trips = state.trips + 1
  const { firstRestMs, longestRestMs } = settings
  const restMs = Math.min(longestRestMs, firstRestMs * 2 ** (trips - 1))
  const until = Math.ceil(now + restMs * (1 + JITTER * random))
  return { ...known(state), phase: "resting", until, trips, why: "why" in sign ? sign.why : "" }
}

/** Whoever asks twice is heard for the later time. */
function restAsAsked(
  state: EndpointState,
  { until: asked, why }: { readonly until: number; readonly why: string },
  now: number,
): EndpointState {
  const until = Math.ceil(Math.min(asked, now + LONGEST_ASKED_MS))
  if (until <= now || (state.phase === "resting" && state.until >= until)) return state
  return { ...known(state), phase: "resting", until, why }
}

/** After enough successes everything is as it was. */
function resumed(state: EndpointState, { passed, concurrency }: Learned): EndpointState {
  if (passed + 1 >= Math.min(concurrency, MOST_PASSED)) {
    return { ...known(state), phase: "sending", until: 0, trips: 0, why: "" }
  }
  return state.phase === "resuming" ? state : { ...known(state), phase: "resuming", until: 0 }
}

/** Without who probed. */
function known({ probe: _, ...rest }: EndpointState): EndpointState {
  return rest
}
