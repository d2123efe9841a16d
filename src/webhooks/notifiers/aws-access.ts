import { Agent as HttpAgent } from "node:http"
import { Agent as HttpsAgent } from "node:https"
import { pipeline, type Readable, Transform } from "node:stream"
import { InvalidInputError } from "../../core/errors.ts"
import { checkedRecipient, isOpenWay } from "../http/network.ts"
import type { Guard } from "./guard.ts"
import type { Settings } from "./settings.ts"

/** Who asks which cloud where. */
export interface AwsAccess {
  readonly region: string | null // null = as the SDK finds it: AWS_REGION, its files
  readonly endpoint: string | null // null = Amazon's
  /** The endpoint was chosen with the subscription, and not by whoever runs this. */
  readonly isGuarded: boolean
  readonly credentials: AwsCredentials | null // null = as the SDK finds them
}

interface AwsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

/** What the installation says of all subscriptions of a cloud's notifier. */
export interface AwsDefaults {
  /** @defaultValue as the AWS SDK finds it: `AWS_REGION`, its configuration files */
  readonly region?: string
  /** Another place than Amazon's, which webhooks' network rules do not hold for: it is yours. @defaultValue Amazon's */
  readonly endpoint?: string
  /**
   * Subscriptions without credentials of their own use this process's: the environment, a role. Whoever makes one then
   * writes with them; those who are bound to scopes may not.
   *
   * @defaultValue true
   */
  readonly defaultCredentials?: boolean
}

export const AWS_OPTIONS = ["region", "endpoint"] as const
export const AWS_CREDENTIALS = ["accessKeyId", "secretAccessKey", "sessionToken"] as const

const REGION = /^[a-z]{2,}(?:-[a-z0-9]+){1,4}$/

/** @throws InvalidInputError */
export function readAccess(settings: Settings, guard: Guard, defaults: AwsDefaults): AwsAccess {
  const given = settings.text("endpoint", /^https?:\/\//, "a URL")
  const region = settings.text("region", REGION, "a region such as `eu-central-1`")
  return {
    region: region ?? defaults.region ?? null,
    endpoint: given === null ? (defaults.endpoint ?? null) : checkedEndpoint(given, guard),
    isGuarded: given !== null,
    credentials: readCredentials(settings, defaults),
  }
}

/**
 * A tenant writes with credentials of its own: this process's reach whatever its role does.
 *
 * @throws InvalidInputError
 */
export function checkOwnCredentials({ credentials }: AwsAccess, isBound: boolean | undefined): void {
  if (isBound !== true || credentials !== null) return
  throw new InvalidInputError(
    "Expected `credentials.accessKeyId` and `credentials.secretAccessKey`: only who may see every scope has webhooks sent with this process's own.",
  )
}

function checkedEndpoint(given: string, { policy }: Guard): string {
  try {
    return checkedRecipient(given, policy).href
  } catch (cause) {
    const { message } = cause as Error
    throw new InvalidInputError(message.replace("`recipient`", "`options.endpoint`"), { cause })
  }
}

function readCredentials(
  settings: Settings,
  { defaultCredentials = true }: AwsDefaults,
): AwsCredentials | null {
  const [accessKeyId, secretAccessKey, sessionToken] = AWS_CREDENTIALS.map((name) =>
    settings.credential(name),
  )
  if (accessKeyId && secretAccessKey)
    return sessionToken ? { accessKeyId, secretAccessKey, sessionToken } : { accessKeyId, secretAccessKey }
  if (accessKeyId || secretAccessKey || sessionToken)
    throw new InvalidInputError("Expected both `credentials.accessKeyId` and `credentials.secretAccessKey`.")
  if (defaultCredentials) return null
  throw new InvalidInputError(
    "Expected `credentials.accessKeyId` and `credentials.secretAccessKey`: subscriptions here do not write with this process's own.",
  )
}

/** What is told apart keeps connections apart. */
export function accessKey({ region, endpoint, isGuarded, credentials }: AwsAccess): string {
  return JSON.stringify([region, endpoint, isGuarded, credentials])
}

const CONNECT_MS = 5_000
const MOST_SOCKETS = 50

/** The settings of an SDK's client. It never tries again by itself: there is one retry decision, and it is not here. */
export function clientConfig({ region, endpoint, isGuarded, credentials }: AwsAccess, guard: Guard) {
  return {
    ...(region === null ? {} : { region }),
    ...(endpoint === null ? {} : { endpoint }),
    ...(credentials === null ? {} : { credentials: { ...credentials } }), // the SDK notes things in it
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      ...(endpoint !== null && isGuarded ? guardedAgents(endpoint, guard) : openAgents()),
    },
  }
}

function openAgents() {
  const options = { keepAlive: true, maxSockets: MOST_SOCKETS }
  return { httpAgent: new HttpAgent(options), httpsAgent: new HttpsAgent(options) }
}

function guardedAgents(endpoint: string, guard: Guard) {
  const lookup = guard.lookup(isOpenWay(new URL(endpoint), guard.policy))
  const options = { keepAlive: true, maxSockets: MOST_SOCKETS, lookup }
  return { httpAgent: new HttpAgent(options), httpsAgent: new HttpsAgent(options) }
}

/** An answer says what became of one message. */
const MOST_ANSWER_BYTES = 262_144

interface Answering {
  readonly middlewareStack: {
    add(middleware: unknown, options: { readonly step: "deserialize"; readonly priority: "low" }): void
  }
}

/** The SDK would read an answer to its end, however long that is. */
export function capAnswers(client: unknown): void {
  const middleware =
    (next: (args: unknown) => Promise<{ response: { body?: unknown } }>) => async (args: unknown) => {
      const result = await next(args)
      const { response } = result
      if (isStream(response.body)) response.body = capped(response.body)
      return result
    }
  ;(client as Answering).middlewareStack.add(middleware, { step: "deserialize", priority: "low" })
}

function isStream(body: unknown): body is Readable {
  return typeof (body as Partial<Readable> | null)?.pipe === "function"
}

function capped(body: Readable): Readable {
  let bytes = 0
  const cap = new Transform({
    transform(chunk: Buffer, _, done) {
      bytes += chunk.length
      if (bytes <= MOST_ANSWER_BYTES) done(null, chunk)
      else done(new Error(`Expected an answer of at most ${MOST_ANSWER_BYTES} bytes, got more.`))
    },
  })
  pipeline(body, cap, () => {}) // who reads it hears of an error
  return cap
}
