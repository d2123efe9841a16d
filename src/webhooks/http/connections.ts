import { createHash } from "node:crypto"
import type { LookupFunction, Socket } from "node:net"
import { Agent, buildConnector, type Dispatcher } from "undici"
import { AddressRules } from "./addresses.ts"
import { isOurFault } from "./line.ts"
import type { ResolvedAddress, ResolveName } from "./names.ts"
import { isOpenWay, literalOf, type NetworkPolicy, NOT_PUBLIC } from "./network.ts"
import { SendError } from "./send-error.ts"

/** Whom a connection trusts, and what it shows of itself. All are PEM. */
export interface TlsCredentials {
  readonly ca?: string // instead of those that everybody trusts
  readonly certificate?: string
  readonly key?: string
}

export interface ConnectionTerms {
  readonly network: NetworkPolicy
  readonly resolve: ResolveName
  readonly connectTimeoutMs: number
  /** Of how many recipients connections are kept open for the next request. */
  readonly mostKept: number
}

// A name with hundreds of addresses is somebody else's plan; a few are tried, one after another, within the time limit.
const MOST_ADDRESSES = 4
const MOST_HEADER_BYTES = 16 * 1024
const MOST_CREDENTIALS = 200

/**
 * Connections to recipients, kept open for a few seconds. Each is made to an address that was looked at, and belongs to
 * one set of credentials.
 */
export class Connections {
  readonly #terms: ConnectionTerms
  readonly #sets = new Map<string, CredentialSet>()

  constructor(terms: ConnectionTerms) {
    this.#terms = terms
  }

  /** The set that was used longest ago makes room for a new one; what it has under way ends in peace. */
  of(credentials: TlsCredentials | undefined): CredentialSet {
    const key = credentials === undefined ? "" : fingerprint(credentials)
    const known = this.#sets.get(key)
    if (known !== undefined && this.#sets.size === 1) return known
    const set = known ?? new CredentialSet(this.#terms, credentials)
    this.#sets.delete(key)
    this.#sets.set(key, set)
    const [oldest] = this.#sets.keys()
    if (this.#sets.size > MOST_CREDENTIALS && oldest !== undefined) {
      void this.#sets.get(oldest)?.close()
      this.#sets.delete(oldest)
    }
    return set
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.#sets.values()].map((set) => set.destroy()))
  }
}

function fingerprint({ ca = "", certificate = "", key = "" }: TlsCredentials): string {
  return createHash("sha256")
    .update(JSON.stringify([ca, certificate, key]))
    .digest("base64")
}

/** All connections with the same credentials. */
export class CredentialSet {
  readonly kept: Dispatcher
  /** Where too many recipients are known already: its connections end with their request. */
  readonly overflow: Dispatcher

  constructor(terms: ConnectionTerms, credentials: TlsCredentials | undefined) {
    const connect = guardedConnector(terms, credentials)
    this.kept = new Agent({ ...AGENT, connect, maxOrigins: terms.mostKept })
    this.overflow = new Agent({ ...AGENT, connect, pipelining: 0 })
  }

  async close(): Promise<void> {
    await Promise.all([this.kept.close(), this.overflow.close()])
  }

  async destroy(): Promise<void> {
    await Promise.all([this.kept.destroy(), this.overflow.destroy()])
  }
}

/** There is one total time limit, in `exchange.ts`: those of undici begin again with each byte. */
const AGENT = {
  allowH2: false,
  bodyTimeout: 0,
  headersTimeout: 0,
  keepAliveTimeout: 4_000,
  keepAliveMaxTimeout: 30_000, // a recipient may ask for longer, and would have our sockets for nothing
  maxHeaderSize: MOST_HEADER_BYTES,
  pipelining: 1,
} as const

/**
 * Makes connections to nothing but addresses that may be dialled. A name is resolved once, all that it was resolved to is
 * looked at, and exactly that is dialled: who asks a second time may get another answer. Of literals nobody asks, so they
 * are looked at here.
 */
function guardedConnector(
  terms: ConnectionTerms,
  credentials: TlsCredentials = {},
): buildConnector.connector {
  const rules = new AddressRules(terms.network)
  const dialler = (isOpen: boolean): buildConnector.connector => {
    const mayDial = (address: string) => rules.mayDial(address, isOpen)
    const connect = plainConnector(terms, credentials, guardedLookup(terms.resolve, mayDial))
    return (options, callback) => {
      const literal = literalOf(options.hostname)
      if (literal !== null && !mayDial(literal)) queueMicrotask(() => callback(refusal(), null))
      else connect(options, (...made) => void handOver(callback, lookedAt(made, mayDial)))
    }
  }
  const [open, closed] = [dialler(true), dialler(false)]
  return (options, callback) => (isOpenWay(options, terms.network) ? open : closed)(options, callback)
}

function plainConnector(
  { connectTimeoutMs }: ConnectionTerms,
  { ca, certificate, key }: TlsCredentials,
  lookup: LookupFunction,
): buildConnector.connector {
  return buildConnector({
    lookup,
    timeout: connectTimeoutMs,
    allowH2: false,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: 1_000,
    maxCachedSessions: 0, // a session taken up again shows no certificate
    minVersion: "TLSv1.2",
    rejectUnauthorized: true, // said, since a variable of the environment would switch it off
    ca,
    cert: certificate,
    key,
  })
}

function guardedLookup(resolve: ResolveName, mayDial: (address: string) => boolean): LookupFunction {
  return (name, { all }, callback) => {
    const answer = (error: Error | null, found: readonly ResolvedAddress[]) => {
      const [first] = found
      if (error !== null || first === undefined) callback(error ?? refusal(), "")
      else if (all) callback(null, [...found])
      else callback(null, first.address, first.family)
    }
    resolve(name).then(
      (found) => {
        const isGood = found.length > 0 && found.every(({ address }) => mayDial(address))
        if (isGood) answer(null, found.slice(0, MOST_ADDRESSES))
        else answer(refusal(), [])
      },
      (error: Error) => answer(error, []),
    )
  }
}

type Made = Parameters<buildConnector.Callback>

/** The last look: whatever way it was made, a connection is used only if it is to where it may be. */
function lookedAt(made: Made, mayDial: (address: string) => boolean): Made {
  const [error, socket] = made
  if (error !== null || isGood(socket, mayDial)) return made
  socket.destroy()
  return [socket.remoteAddress === undefined ? new SendError(GONE) : refusal(), null]
}

async function handOver(callback: buildConnector.Callback, made: Made): Promise<void> {
  const [error] = made
  if (error === null || error instanceof SendError) callback(...made)
  else callback((await isOurFault(error)) ? new SendError(OURS, { fault: "sender" }) : error, null)
}

function isGood(socket: Socket, mayDial: (address: string) => boolean): boolean {
  return !socket.destroyed && socket.remoteAddress !== undefined && mayDial(socket.remoteAddress)
}

const GONE = "Expected the recipient to take the connection, it closed it at once."
const OURS = "Expected this machine to have files, ports and a network left, it has not."

function refusal(): SendError {
  return new SendError(`Expected the recipient ${NOT_PUBLIC}.`)
}
