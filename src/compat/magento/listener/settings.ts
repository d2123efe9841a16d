import { ConfigError, expected } from "../../../core/errors.ts"
import type { Scope } from "../../../core/scope.ts"
import { scopeKey } from "../../../core/scope.ts"
import { type AmqpAddress, readAmqpUrl } from "../../../webhooks/notifiers/amqp-address.ts"

/** Where a Magento shop publishes its events to, and how they are taken from there. */
export interface MagentoAmqp {
  /**
   * The shop's broker: `amqp://user:password@rabbit.internal:5672/vhost`.
   *
   * @defaultValue the environment's `CARILLON_MAGENTO_AMQP`
   */
  readonly url?: string
  /**
   * The queue that is bound to the exchange and taken from; processes with the same one share its messages. What
   * cannot become an event is moved to the queue of that name with `.refused` at its end.
   *
   * @defaultValue "carillon.event.trigger"
   */
  readonly queue?: string
  /** @defaultValue "magento" */
  readonly exchange?: string
  /** @defaultValue "event.trigger" */
  readonly routingKey?: string
  /**
   * Make exchange, queues and binding where they are missing. Say false where the broker's user may not: then they have
   * to be there.
   *
   * @defaultValue true
   */
  readonly declare?: boolean
  /** Messages that are taken before the first of them is written. @defaultValue 100 */
  readonly prefetch?: number
  /** The scope of the shop's events. @defaultValue the Carillon's own */
  readonly scope?: Partial<Scope> | string
}

export interface ListenerSettings {
  readonly address: AmqpAddress
  readonly queue: string
  readonly refusedQueue: string
  readonly exchange: string
  readonly routingKey: string
  readonly declare: boolean
  readonly prefetch: number
  readonly scope: Partial<Scope> | string | undefined
}

const KNOWN: readonly string[] = [
  "url",
  "queue",
  "exchange",
  "routingKey",
  "declare",
  "prefetch",
  "scope",
] satisfies (keyof MagentoAmqp)[]

const REFUSED = ".refused"

/** @throws ConfigError that names the setting; never the URL, which may hold a password */
export function resolveListener(
  given: unknown,
  env: Readonly<Record<string, string | undefined>> = process.env,
): ListenerSettings {
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw new ConfigError(expected("`magento.amqp` to be an object", given))
  const unknown = Object.keys(given).find((name) => !KNOWN.includes(name))
  if (unknown !== undefined)
    throw new ConfigError(`Expected \`magento.amqp\` to have ${KNOWN.join(", ")}, got \`${unknown}\`.`)
  const settings = given as MagentoAmqp
  const { declare = true, scope, prefetch = 100 } = settings
  if (typeof declare !== "boolean")
    throw new ConfigError(expected("`magento.amqp.declare` to be true or false", declare))
  if (!Number.isInteger(prefetch) || prefetch < 1 || prefetch > 10_000)
    throw new ConfigError(expected("`magento.amqp.prefetch` to be a whole number from 1 to 10000", prefetch))
  const queue = name("queue", settings.queue ?? "carillon.event.trigger")
  return Object.freeze({
    address: addressOf(settings.url ?? env.CARILLON_MAGENTO_AMQP),
    queue,
    refusedQueue: `${queue}${REFUSED}`,
    exchange: name("exchange", settings.exchange ?? "magento"),
    routingKey: name("routingKey", settings.routingKey ?? "event.trigger"),
    declare,
    prefetch,
    scope: checkedScope(scope),
  })
}

function addressOf(url: unknown): AmqpAddress {
  try {
    return readAmqpUrl("`magento.amqp.url`, or `CARILLON_MAGENTO_AMQP`,", url)
  } catch (cause) {
    throw new ConfigError((cause as Error).message, { cause })
  }
}

function name(setting: string, value: unknown): string {
  if (typeof value === "string" && /^[^\p{Cc}]{1,200}$/u.test(value) && Buffer.byteLength(value) <= 247)
    return value
  throw new ConfigError(expected(`\`magento.amqp.${setting}\` to be text of at most 247 bytes`, value))
}

function checkedScope(scope: MagentoAmqp["scope"]): MagentoAmqp["scope"] {
  if (scope !== undefined) scopeKey(scope)
  return scope
}
