import type { LookupFunction } from "node:net"
import type { AmqpAddress } from "./amqp-address.ts"
import type { AmqpDriver } from "./amqp-driver.ts"

export interface AmqpSocketOptions {
  /** What the broker shows of this connection. */
  readonly connectionName: string
  readonly lookup?: LookupFunction // @defaultValue the system's
  readonly ca?: string | null // PEM; null = everybody's authorities
}

const CONNECT_MS = 5_000
const HEARTBEAT_S = 20
const MOST_FRAME_BYTES = 1_048_576 // no message of ours comes in larger pieces

/** A connection that notices within two heartbeats that its broker is gone. */
export function connectAmqp(
  { connect }: AmqpDriver,
  address: AmqpAddress,
  { connectionName, lookup, ca }: AmqpSocketOptions,
) {
  const hostname = address.hostname.replace(/^\[|\]$/g, "")
  const terms = { heartbeat: HEARTBEAT_S, maxFrameSize: MOST_FRAME_BYTES }
  return connect(
    { ...address, hostname, vhost: encodeURIComponent(address.vhost), ...terms }, // the driver decodes it
    {
      timeout: CONNECT_MS,
      noDelay: true,
      ...(lookup === undefined ? {} : { lookup }),
      ...(ca ? { ca } : {}),
      minVersion: "TLSv1.2",
      rejectUnauthorized: true, // said, since a variable of the environment would switch it off
      clientProperties: { connection_name: connectionName },
    },
  )
}
