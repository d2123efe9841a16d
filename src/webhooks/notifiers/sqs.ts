import { createHash } from "node:crypto"
import type { MessageAttributeValue, SendMessageCommandInput, SQSClient } from "@aws-sdk/client-sqs"
import { InvalidInputError } from "../../core/errors.ts"
import { type FormedRequest, formOf } from "../forms.ts"
import { checkedRecipient, type NetworkPolicy, networkPolicy } from "../http/network.ts"
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
import { delivered, NO_ID, refused, type Sending, type Sent, thrown, tooLargeToSend } from "./aws-outcome.ts"
import { Guard } from "./guard.ts"
import { inTime } from "./in-time.ts"
import { Kept } from "./kept.ts"
import { optionalPackage } from "./optional-package.ts"
import { Settings } from "./settings.ts"

export interface SqsOptions extends AwsDefaults {
  /** Where a subscription's queue and `endpoint` may be, unless that is at Amazon's. @defaultValue public addresses, by https */
  readonly network?: Partial<NetworkPolicy>
  /** The largest message with its attributes, in bytes. @defaultValue 1_048_576, which is what SQS takes */
  readonly mostBytes?: number
}

/**
 * Sends events to a queue of Amazon SQS, through the AWS SDK (`npm install @aws-sdk/client-sqs`).
 *
 * The recipient is the queue's URL, the message the body in the subscription's form; what would be headers of a
 * webhook are message attributes. Into a FIFO queue events of one key go in one group, in the order in which they are
 * sent, and the same event twice within five minutes is one message. The subscription's options are `region` and
 * `endpoint`, its credentials `accessKeyId`, `secretAccessKey` and `sessionToken`.
 */
export function sqsNotifier(options: SqsOptions = {}): Notifier {
  return new SqsNotifier(options)
}

type Sdk = typeof import("@aws-sdk/client-sqs")

class SqsNotifier implements Notifier {
  readonly key = "sqs"
  readonly #options: SqsOptions
  readonly #guard: Guard
  readonly #clients = new Kept<SQSClient>({ most: 50, close: (client) => client.destroy() })

  constructor(options: SqsOptions) {
    this.#options = options
    this.#guard = new Guard(networkPolicy(options.network))
  }

  async check({ recipient, form, headers, options, isBound }: NotifierWish): Promise<void> {
    checkOwnCredentials(this.#access(recipient, options), isBound)
    if (form === "cloudevents-binary")
      throw new InvalidInputError(
        "Expected the form `cloudevents`, `legacy` or `standard`: SQS takes ten attributes, which is less than a CloudEvent in headers may need.",
      )
    checkHeaders(headers)
    await loadSdk()
  }

  async notify(notification: Notification): Promise<NotifierResult> {
    const { recipient, options } = notification.subscription
    const access = this.#access(recipient, options)
    const message = messageOf(notification)
    const { mostBytes = MOST_BYTES } = this.#options
    const sent: Sent = { notification, notifier: this.key, recipient, bytes: sizeOf(message) }
    if (sent.bytes > mostBytes) return tooLargeToSend(sent, mostBytes)
    try {
      return await inTime(notification, (signal) => this.#send(access, message, { ...sent, signal }))
    } catch (error) {
      return await thrown(sent, error)
    }
  }

  close(): Promise<void> {
    return this.#clients.close()
  }

  async #send(access: AwsAccess, message: SendMessageCommandInput, sent: Sending): Promise<NotifierResult> {
    const sdk = await loadSdk()
    const make = (): SQSClient => newClient(sdk, access, this.#guard)
    return this.#clients.use(accessKey(access), make, (client) => send(sdk, client, message, sent))
  }

  /** Who keeps the queue is asked at its URL, unless another endpoint is named; Amazon's are known by their names. */
  #access(recipient: string, options: Readonly<Record<string, unknown>>): AwsAccess {
    const settings = new Settings(this.key, options, { options: AWS_OPTIONS, credentials: AWS_CREDENTIALS })
    const access = readAccess(settings, this.#guard, this.#options)
    const region = regionOfQueue(recipient)
    if (region !== null) return { ...access, region: access.region ?? region }
    if (access.endpoint !== null) return access
    return { ...access, endpoint: checkedRecipient(recipient, this.#guard.policy).origin, isGuarded: true }
  }
}

const MOST_BYTES = 1_048_576
const AMAZONS =
  /^https:\/\/sqs(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|api\.aws)\/\d{12}\/[\w-]+(?:\.fifo)?$/

/**
 * The region of a queue at Amazon's; null = it is elsewhere.
 *
 * @throws InvalidInputError for what is no queue's URL
 */
function regionOfQueue(recipient: string): string | null {
  const { pathname = "", search = "" } = URL.parse(recipient) ?? {}
  if (/^https?:/.test(recipient) && /^\/\w+\/[\w-]{1,80}(?:\.fifo)?$/.test(pathname) && search === "")
    return AMAZONS.exec(recipient)?.[1] ?? null
  throw new InvalidInputError(
    "Expected the recipient to be the URL of a queue, such as `https://sqs.eu-central-1.amazonaws.com/123456789012/orders`.",
  )
}

/** SQS takes ten attributes, and the forms need up to eight. */
const MOST_HEADERS = 2

function checkHeaders(headers: Readonly<Record<string, string>>): void {
  const names = Object.keys(headers)
  const wrong = names.find((name) => !/^(?!aws\.|amazon\.)[\w-]{1,256}$/i.test(name) || headers[name] === "")
  if (names.length <= MOST_HEADERS && wrong === undefined) return
  throw new InvalidInputError(
    `Expected at most ${MOST_HEADERS} headers, each with a value and a name of letters, digits, \`-\` and \`_\`: they are sent as attributes of the message, of which SQS takes ten. Got ${wrong === undefined ? names.length : `\`${wrong}\``}.`,
  )
}

function messageOf(notification: Notification): SendMessageCommandInput {
  const { subscription, event } = notification
  const formed = formOf(notification)
  const message = {
    QueueUrl: subscription.recipient,
    MessageBody: Buffer.from(formed.body).toString(),
    MessageAttributes: attributesOf(formed, subscription.headers),
  }
  if (!subscription.recipient.endsWith(".fifo")) return message
  return {
    ...message,
    MessageGroupId: fifoId(event.key ?? event.id),
    MessageDeduplicationId: fifoId(event.id),
  }
}

/** Those of the form win. */
function attributesOf(
  { contentType, headers }: FormedRequest,
  own: Readonly<Record<string, string>>,
): Record<string, MessageAttributeValue> {
  const all = Object.entries({ ...own, ...headers, "content-type": contentType })
  return Object.fromEntries(all.map(([name, StringValue]) => [name, { DataType: "String", StringValue }]))
}

/** Groups and repetitions are known by 128 characters of ASCII; what else there is goes by its hash. */
function fifoId(text: string): string {
  if (/^[!-~]{1,128}$/.test(text)) return text
  return createHash("sha256").update(text).digest("base64url")
}

/** As SQS counts it: the body, and each attribute's name, type and value. */
function sizeOf({ MessageBody = "", MessageAttributes = {} }: SendMessageCommandInput): number {
  let bytes = Buffer.byteLength(MessageBody)
  for (const [name, { DataType = "", StringValue = "" }] of Object.entries(MessageAttributes))
    bytes += Buffer.byteLength(name) + DataType.length + Buffer.byteLength(StringValue)
  return bytes
}

/** The SDK would else ask whatever host a queue's URL names. */
function newClient(sdk: Sdk, access: AwsAccess, guard: Guard): SQSClient {
  const client = new sdk.SQSClient({ ...clientConfig(access, guard), useQueueUrlAsEndpoint: false })
  capAnswers(client)
  return client
}

async function send(sdk: Sdk, client: SQSClient, message: SendMessageCommandInput, sent: Sending) {
  const command = new sdk.SendMessageCommand(message)
  const { $metadata, ...answer } = await client.send(command, { abortSignal: sent.signal })
  const { httpStatusCode: status = null, requestId = null } = $metadata
  if (answer.MessageId === undefined) return refused(sent, NO_ID, { status, requestId })
  return delivered(sent, { status, requestId, text: JSON.stringify(answer) })
}

const loadSdk = optionalPackage<Sdk>(
  () => import("@aws-sdk/client-sqs"),
  "@aws-sdk/client-sqs",
  "the notifier `sqs`",
)
