import type { EventBridgeClient, PutEventsRequestEntry, PutEventsResponse } from "@aws-sdk/client-eventbridge"
import { expected, InvalidInputError } from "../../core/errors.ts"
import { formOf } from "../forms.ts"
import { type NetworkPolicy, networkPolicy } from "../http/network.ts"
import type { Notification, Notifier, NotifierResult, NotifierWish } from "../notifier.ts"
import {
  AWS_CREDENTIALS,
  AWS_OPTIONS,
  type AwsAccess,
  type AwsDefaults,
  accessKey,
  capAnswers,
  checkOwnCredentials,
  clientConfig,
  readAccess,
} from "./aws-access.ts"
import {
  delivered,
  NO_ID,
  type Refusal,
  refused,
  type Sending,
  type Sent,
  thrown,
  tooLargeToSend,
} from "./aws-outcome.ts"
import { Guard } from "./guard.ts"
import { inTime } from "./in-time.ts"
import { Kept } from "./kept.ts"
import { optionalPackage } from "./optional-package.ts"
import { Settings } from "./settings.ts"

export interface EventBridgeOptions extends AwsDefaults {
  /** Where a subscription's `endpoint` may lead. @defaultValue public addresses, by https */
  readonly network?: Partial<NetworkPolicy>
  /** The `Source` of subscriptions that name none. @defaultValue "carillon" */
  readonly source?: string
  /** The largest entry, in bytes. @defaultValue 1_048_576, which is what EventBridge takes */
  readonly mostBytes?: number
}

/**
 * Puts events on Amazon EventBridge, through the AWS SDK (`npm install @aws-sdk/client-eventbridge`).
 *
 * The recipient is the bus, by its name or its ARN. Of each event `DetailType` is the name, `Time` the time at which it
 * happened, `Detail` the body in the subscription's form. The subscription's options are `region`, `source` and
 * `endpoint`, its credentials `accessKeyId`, `secretAccessKey` and `sessionToken`.
 */
export function eventBridgeNotifier(options: EventBridgeOptions = {}): Notifier {
  return new EventBridgeNotifier(options)
}

type Sdk = typeof import("@aws-sdk/client-eventbridge")

class EventBridgeNotifier implements Notifier {
  readonly key = "eventbridge"
  readonly aliases = ["event_bridge"]
  readonly #options: EventBridgeOptions
  readonly #guard: Guard
  readonly #clients = new Kept<EventBridgeClient>({ most: 50, close: (client) => client.destroy() })

  constructor(options: EventBridgeOptions) {
    this.#options = options
    this.#guard = new Guard(networkPolicy(options.network))
  }

  async check({ recipient, form, headers, options, isBound }: NotifierWish): Promise<void> {
    if (form === "cloudevents-binary" || Object.keys(headers).length > 0)
      throw new InvalidInputError(
        "Expected no headers, and the form `cloudevents`, `legacy` or `standard`: EventBridge has no place for headers.",
      )
    checkOwnCredentials(this.#read(recipient, options).access, isBound)
    await loadSdk()
  }

  async notify(notification: Notification): Promise<NotifierResult> {
    const { recipient, options } = notification.subscription
    const { access, source } = this.#read(recipient, options)
    const entry = entryOf(notification, source)
    const { mostBytes = MOST_BYTES } = this.#options
    const sent: Sent = { notification, notifier: this.key, recipient, bytes: sizeOf(entry) }
    if (sent.bytes > mostBytes) return tooLargeToSend(sent, mostBytes)
    try {
      return await inTime(notification, (signal) => this.#put(access, entry, { ...sent, signal }))
    } catch (error) {
      return await thrown(sent, error)
    }
  }

  close(): Promise<void> {
    return this.#clients.close()
  }

  async #put(access: AwsAccess, entry: PutEventsRequestEntry, sent: Sending): Promise<NotifierResult> {
    const sdk = await loadSdk()
    const make = (): EventBridgeClient => newClient(sdk, access, this.#guard)
    return this.#clients.use(accessKey(access), make, (client) => put(sdk, client, entry, sent))
  }

  #read(recipient: string, options: Readonly<Record<string, unknown>>) {
    const settings = new Settings(this.key, options, {
      options: [...AWS_OPTIONS, "source"],
      credentials: AWS_CREDENTIALS,
    })
    const busRegion = regionOfBus(recipient)
    const access = readAccess(settings, this.#guard, this.#options)
    if (busRegion !== null && settings.has("region") && access.region !== busRegion)
      throw new InvalidInputError(
        `Expected \`options.region\` to be that of the bus, \`${busRegion}\`, got \`${access.region}\`.`,
      )
    const source = settings.text("source", SOURCE, "1 to 256 characters that do not begin with `aws.`")
    return {
      access: busRegion === null ? access : { ...access, region: busRegion },
      source: source ?? this.#options.source ?? "carillon",
    }
  }
}

const MOST_BYTES = 1_048_576
const SOURCE = /^(?!aws\.)[^\p{Cc}]{1,256}$/u

/**
 * The region in a bus's ARN; null = it is named by its name.
 *
 * @throws InvalidInputError for what is no bus: an ARN of a rule, above all, which looks much the same
 */
function regionOfBus(recipient: string): string | null {
  if (recipient.includes(":rule/"))
    throw new InvalidInputError(
      "Expected the recipient to be a bus, by its name or its ARN (`arn:aws:events:…:event-bus/orders`), got the ARN of a rule: rules hear what is put on a bus.",
    )
  const arn = /^arn:aws[\w-]*:events:([a-z0-9-]+):\d{12}:event-bus\/[/.\-\w]+$/.exec(recipient)
  if (arn !== null) return arn[1] as string
  if (/^[/.\-\w]{1,256}$/.test(recipient)) return null
  throw new InvalidInputError(
    expected("the recipient to be a bus of EventBridge, by its name or its ARN", recipient),
  )
}

function entryOf(notification: Notification, source: string): PutEventsRequestEntry {
  const { event, subscription } = notification
  return {
    Source: source,
    Detail: Buffer.from(formOf(notification).body).toString(),
    DetailType: event.name,
    Resources: [],
    Time: event.at,
    EventBusName: subscription.recipient,
  }
}

/** As EventBridge counts it: the time is 14 bytes, texts are theirs in UTF-8. */
function sizeOf({ Source = "", DetailType = "", Detail = "" }: PutEventsRequestEntry): number {
  return 14 + Buffer.byteLength(Source) + Buffer.byteLength(DetailType) + Buffer.byteLength(Detail)
}

function newClient(sdk: Sdk, access: AwsAccess, guard: Guard): EventBridgeClient {
  const client = new sdk.EventBridgeClient(clientConfig(access, guard))
  capAnswers(client)
  return client
}

async function put(sdk: Sdk, client: EventBridgeClient, entry: PutEventsRequestEntry, sent: Sending) {
  const command = new sdk.PutEventsCommand({ Entries: [entry] })
  const { $metadata, ...answer } = await client.send(command, { abortSignal: sent.signal })
  const { httpStatusCode: status = null, requestId = null } = $metadata
  const refusal = refusalIn(answer)
  if (refusal !== null) return refused(sent, refusal, { status, requestId })
  return delivered(sent, { status, requestId, text: JSON.stringify(answer) })
}

/** An answer with status 200 may refuse each entry; one that names no id took none. */
function refusalIn({ FailedEntryCount = 0, Entries = [] }: PutEventsResponse): Refusal | null {
  const bad = Entries.find(({ ErrorCode }) => ErrorCode !== undefined)
  if (FailedEntryCount === 0 && bad === undefined && Entries[0]?.EventId !== undefined) return null
  const { ErrorCode, ErrorMessage } = { ...NO_ID, ...bad }
  return { ErrorCode, ErrorMessage }
}

const loadSdk = optionalPackage<Sdk>(
  () => import("@aws-sdk/client-eventbridge"),
  "@aws-sdk/client-eventbridge",
  "the notifier `eventbridge`",
)
