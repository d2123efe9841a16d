import { ConfigError, expected } from "../core/errors.ts"
import { type NetworkPolicy, networkPolicy } from "./http/network.ts"
import type { Notifier } from "./notifier.ts"

/** How webhooks are sent from this process. */
export interface WebhookSettings {
  /** Other ways of delivering them than those that come with Carillon. One of theirs is replaced by its name. @defaultValue none */
  readonly notifiers?: readonly Notifier[]
  /**
   * Where they may go. The environment's `CARILLON_WEBHOOKS_ALLOW` allows more, for development: addresses, networks
   * and `loopback`, with commas between.
   *
   * @defaultValue public addresses, by https
   */
  readonly network?: Partial<NetworkPolicy>
  /** Attempts that may run at one time in this process, of all webhooks. @defaultValue three quarters of `concurrency` */
  readonly concurrency?: number
  /**
   * How long an endpoint that fails is left alone at first, in milliseconds; each further time twice as long, up to sixty
   * times that. What it would get waits, and uses up no attempt.
   *
   * @defaultValue 30_000
   */
  readonly restMs?: number
  /**
   * Disable a webhook all of whose attempts have failed for so long, in milliseconds; `false` = never.
   *
   * @defaultValue 432_000_000 (5 days)
   */
  readonly disableAfterMs?: number | false
  /** How many attempts these must be at least. @defaultValue 10 */
  readonly disableAfterAttempts?: number
  /**
   * How many webhooks somebody who is bound to scopes may have in each of these: an event is sent as often as there are
   * webhooks that hear it. The application itself, and who may see every scope, has as many as it wants.
   *
   * @defaultValue 1_000
   */
  readonly mostPerScope?: number
}

export interface ResolvedWebhookSettings {
  readonly sends: boolean // false = not by this process
  readonly notifiers: readonly Notifier[]
  readonly network: NetworkPolicy
  readonly opened: readonly string[] // what the environment allows beside, for development
  readonly concurrency: number
  readonly restMs: number
  readonly disableAfterMs: number | null // null = never
  readonly disableAfterAttempts: number
  readonly mostPerScope: number
}

interface Surroundings {
  readonly capacity: number
  readonly env: Readonly<Record<string, string | undefined>>
}

const DAY_MS = 24 * 60 * 60 * 1000

/** @throws ConfigError */
export function resolveWebhookSettings(
  given: false | WebhookSettings | undefined,
  { capacity, env }: Surroundings,
): ResolvedWebhookSettings {
  const settings = checked(given === false || given === undefined ? {} : given)
  const opened = openedBy(env)
  const network = networkPolicy(settings.network)
  const { disableAfterMs = 5 * DAY_MS } = settings
  return Object.freeze({
    sends: given !== false,
    notifiers: settings.notifiers ?? [],
    network: networkPolicy({ ...network, allow: [...network.allow, ...opened] }),
    opened,
    concurrency: whole("concurrency", settings.concurrency, Math.max(1, Math.floor((capacity * 3) / 4))),
    restMs: whole("restMs", settings.restMs, 30_000),
    disableAfterMs: disableAfterMs === false ? null : whole("disableAfterMs", disableAfterMs, 0),
    disableAfterAttempts: whole("disableAfterAttempts", settings.disableAfterAttempts, 10),
    mostPerScope: whole("mostPerScope", settings.mostPerScope, 1_000),
  })
}

const KNOWN: readonly string[] = [
  "notifiers",
  "network",
  "concurrency",
  "restMs",
  "disableAfterMs",
  "disableAfterAttempts",
  "mostPerScope",
] satisfies (keyof WebhookSettings)[]

function checked(settings: unknown): WebhookSettings {
  if (typeof settings !== "object" || settings === null || Array.isArray(settings))
    throw new ConfigError(expected("`webhooks` to be an object or false", settings))
  const unknown = Object.keys(settings).find((name) => !KNOWN.includes(name))
  if (unknown !== undefined)
    throw new ConfigError(`Expected \`webhooks\` to have ${KNOWN.join(", ")}, got \`${unknown}\`.`)
  const { notifiers = [], network = {} } = settings as WebhookSettings
  if (!Array.isArray(notifiers))
    throw new ConfigError(expected("`webhooks.notifiers` to be an array", notifiers))
  if (typeof network !== "object" || network === null || Array.isArray(network))
    throw new ConfigError(expected("`webhooks.network` to be an object", network))
  return settings
}

/** @throws ConfigError in production, where nobody should reach what only this machine can */
function openedBy(env: Surroundings["env"]): readonly string[] {
  const networks = (env[ALLOW] ?? "").split(/[\s,]+/).filter((each) => each !== "")
  if (networks.length > 0 && env.NODE_ENV === "production")
    throw new ConfigError(
      `Expected \`${ALLOW}\` to be left out in production, got ${networks.join(", ")}. What webhooks may reach there says \`webhooks.network.allow\`.`,
    )
  return networks
}

export const ALLOW = "CARILLON_WEBHOOKS_ALLOW"

function whole(name: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new ConfigError(expected(`\`webhooks.${name}\` to be a whole number from 1 up`, value))
}
