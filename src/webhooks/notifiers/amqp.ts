import { InvalidInputError, StoppedError, UnreachableError } from "../../core/errors.ts"
import { checkedHeaders } from "../http/custom-headers.ts"
import { type NetworkPolicy, networkPolicy } from "../http/network.ts"
import { checkedTlsOptions } from "../http/tls-options.ts"
import type { Notification, Notifier, NotifierResult, NotifierWish } from "../notifier.ts"
import { type AmqpAddress, readAmqpUrl } from "./amqp-address.ts"
import { connectAmqp } from "./amqp-connection.ts"
import { loadAmqp } from "./amqp-driver.ts"
import { confirmed, type Destination, failed, messageOf, type Outgoing, tooLarge } from "./amqp-outcome.ts"
import { AmqpPublisher } from "./amqp-publisher.ts"
import { Guard } from "./guard.ts"
import { inTime, unless } from "./in-time.ts"
import { Kept } from "./kept.ts"
import { Settings } from "./settings.ts"

export interface AmqpOptions {
  /** Where a subscription's broker may be; at allowed addresses also by plain `amqp://`. @defaultValue public addresses */
  readonly network?: Partial<NetworkPolicy>
  /** At which ports brokers at public addresses may be called, by `amqps://`. @defaultValue 5671 and 5672 */
  readonly ports?: readonly number[]
  /** The largest message, in bytes. @defaultValue 16_777_216, which is what RabbitMQ takes */
  readonly mostBytes?: number
}

/**
 * Publishes events to an exchange of RabbitMQ, or of another broker that speaks AMQP 0-9-1 (`npm install amqplib`).
 *
 * The recipient is the broker, with the virtual host as its path: `amqps://rabbit.shop.example/shop`. The subscription's
 * options are `exchange`, `routingKey` (by default the event's name) and `ca`, its credentials `username` and
 * `password`. A message is delivered when the broker has confirmed it; one that no queue wants has failed.
 */
export function amqpNotifier(options: AmqpOptions = {}): Notifier {
  return new AmqpNotifier(options)
}

/** Where messages of one subscription go. */
interface Target extends Destination {
  readonly isOpen: boolean // public addresses may be called this way
  readonly ca: string | null // null = everybody's authorities
}

const MOST_BYTES = 16_777_216
const MOST_CONNECTIONS = 50
const OPEN_MS = 15_000

class AmqpNotifier implements Notifier {
  readonly key = "amqp"
  readonly #options: AmqpOptions
  readonly #guard: Guard
  readonly #connections: Kept<Promise<AmqpPublisher>>
  readonly #closing = new AbortController()

  constructor(options: AmqpOptions) {
    this.#options = options
    this.#guard = new Guard(networkPolicy(options.network))
    this.#connections = new Kept({
      most: MOST_CONNECTIONS,
      close: (opening) => opening.then((publisher) => publisher.close(), nothing),
    })
  }

  async check({ recipient, headers, options }: NotifierWish): Promise<void> {
    const { address, isOpen, ca } = this.#target(recipient, options)
    checkedHeaders(headers)
    checkedTlsOptions(ca === null ? {} : { ca })
    await this.#guard.check(address.hostname, isOpen)
    await loadAmqp()
  }

  async notify(notification: Notification): Promise<NotifierResult> {
    const { subscription, signal } = notification
    const target = this.#target(subscription.recipient, subscription.options)
    const message = messageOf(notification, target)
    const { mostBytes = MOST_BYTES } = this.#options
    if (message.content.length > mostBytes) return tooLarge(notification, message, mostBytes)
    try {
      const open = (): Promise<AmqpPublisher> => this.#open(target)
      const publish = (time: AbortSignal) =>
        this.#connections.use(keyOf(target), open, (opening) => published(opening, message, time))
      await inTime(notification, publish)
    } catch (error) {
      if (signal.aborted) throw signal.reason
      return await failed(notification, message, error)
    }
    return confirmed(notification, message)
  }

  close(): Promise<void> {
    this.#closing.abort(new StoppedError("Expected a notifier that is open, it was closed."))
    return this.#connections.close()
  }

  #target(recipient: string, options: Readonly<Record<string, unknown>>): Target {
    const settings = new Settings(this.key, options, { options: OPTIONS, credentials: CREDENTIALS })
    const [username, password] = CREDENTIALS.map((name) => settings.credential(name))
    const address = withUser(readAmqpUrl("the recipient", recipient), recipient, username, password)
    const { ports = PORTS } = this.#options
    const isOpen = address.protocol === "amqps" && ports.includes(address.port)
    this.#guard.checkHost(address.hostname, isOpen)
    const exchange = settings.text("exchange", SHORT, "at most 255 bytes")
    const routingKey = settings.text("routingKey", SHORT, "at most 255 bytes")
    if (exchange === null && routingKey === null)
      throw new InvalidInputError(
        "Expected `options.exchange`, or the name of a queue in `options.routingKey`, got neither.",
      )
    return { address, isOpen, ca: settings.text("ca", PEM, "PEM"), exchange: exchange ?? "", routingKey }
  }

  #open({ address, isOpen, ca }: Target): Promise<AmqpPublisher> {
    const key = keyOf({ address, ca })
    const opening = this.#connect(address, isOpen, ca)
    const drop = (): void => this.#connections.drop(key, opening)
    opening.then((publisher) => publisher.closed.then(drop), drop)
    return opening
  }

  /** The driver's limit begins again with each byte, so there is one over all of it. */
  async #connect(address: AmqpAddress, isOpen: boolean, ca: string | null): Promise<AmqpPublisher> {
    const driver = await loadAmqp()
    const lookup = this.#guard.lookup(isOpen)
    const connecting = connectAmqp(driver, address, { connectionName: "carillon webhooks", lookup, ca })
    const isLate = AbortSignal.timeout(OPEN_MS)
    try {
      return new AmqpPublisher(await unless(AbortSignal.any([isLate, this.#closing.signal]), connecting))
    } catch (error) {
      connecting.then((connection) => new AmqpPublisher(connection).destroy(), nothing)
      throw isLate.aborted ? new UnreachableError(`Expected the broker to answer in ${OPEN_MS} ms.`) : error
    }
  }
}

const OPTIONS = ["exchange", "routingKey", "ca"] as const
const CREDENTIALS = ["username", "password"] as const
const PORTS: readonly number[] = [5671, 5672]
const SHORT = /^[^\p{Cc}]{0,80}$/u
const PEM = /^-----BEGIN CERTIFICATE-----/

function withUser(
  address: AmqpAddress,
  recipient: string,
  username: string | null | undefined,
  password: string | null | undefined,
): AmqpAddress {
  const { username: user, password: word } = new URL(recipient)
  if (user !== "" || word !== "")
    throw new InvalidInputError(
      "Expected the recipient to have no user and password in it: give them as `credentials.username` and `credentials.password`, which are kept sealed.",
    )
  return { ...address, username: username ?? address.username, password: password ?? address.password }
}

function keyOf({ address, ca }: Pick<Target, "address" | "ca">): string {
  return JSON.stringify([address, ca])
}

/** A broker that lets one message wait too long keeps them all: the next attempt begins with another connection. */
async function published(opening: Promise<AmqpPublisher>, message: Outgoing, signal: AbortSignal) {
  const publisher = await unless(signal, opening)
  try {
    await unless(signal, publisher.publish(message))
  } catch (error) {
    if (signal.aborted) publisher.destroy()
    throw error
  }
}

function nothing(): void {}
