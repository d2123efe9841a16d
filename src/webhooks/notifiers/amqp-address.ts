import { InvalidInputError } from "../../core/errors.ts"

/** A broker, and who asks it. */
export interface AmqpAddress {
  readonly protocol: "amqp" | "amqps"
  readonly hostname: string
  readonly port: number
  readonly vhost: string
  readonly username: string
  readonly password: string
}

/** Brokers have this user, who is let in from the broker's own machine only. */
const GUEST = "guest"

/**
 * Reads `amqps://rabbit.shop.example/orders`, where the path is a virtual host. The URL is never shown: it may hold a
 * password.
 *
 * @throws InvalidInputError
 */
export function readAmqpUrl(name: string, given: unknown): AmqpAddress {
  const url = typeof given === "string" && given.length <= 2_048 ? URL.parse(given) : null
  if (url === null || !/^amqps?:$/.test(url.protocol) || url.hostname === "" || url.search + url.hash !== "")
    throw new InvalidInputError(
      `Expected ${name} to be a broker's URL without a query, such as \`amqps://rabbit.shop.example/vhost\`.`,
    )
  const protocol = url.protocol === "amqps:" ? "amqps" : "amqp"
  return {
    protocol,
    hostname: url.hostname,
    port: url.port === "" ? (protocol === "amqps" ? 5671 : 5672) : Number(url.port),
    vhost: decoded(name, url.pathname.slice(1)) || "/",
    username: decoded(name, url.username) || GUEST,
    password: decoded(name, url.password) || GUEST,
  }
}

function decoded(name: string, part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new InvalidInputError(`Expected ${name} to be a broker's URL whose parts are percent-encoded.`)
  }
}

/** For people and logs: without the user and the password. */
export function shownBroker({ protocol, hostname, port, vhost }: AmqpAddress): string {
  return `${protocol}://${hostname}:${port}/${vhost === "/" ? "" : encodeURIComponent(vhost)}`
}
