import { required, wrongType } from "./refusals.ts"
import { checkFields, isRecord, spelled } from "./spelling.ts"
import { textOf, truthOf, wholeOf } from "./values.ts"

/** What a body says of a subscription; undefined = nothing. */
export interface GivenAsyncEvent {
  readonly subscriptionId: number | undefined
  readonly eventName: string | undefined
  readonly recipientUrl: string | undefined
  readonly verificationToken: string | undefined
  readonly metadata: string | undefined // the key of a notifier
  readonly storeId: number | undefined
  readonly status: boolean | undefined
}

/**
 * What stands under `asyncEvent`. Other names beside it mean nothing here: shops take from them whether to check
 * permissions.
 *
 * @throws ShopRefusal
 */
export function asyncEventIn(body: unknown): GivenAsyncEvent {
  const given = isRecord(body) ? spelled(body, "async_event") : undefined
  if (given === undefined) throw required("asyncEvent")
  if (!isRecord(given)) throw wrongType(given, "array")
  checkFields(given, FIELDS)
  const field = <T>(name: string, read: (value: unknown) => T): T | undefined => {
    const value = spelled(given, name)
    return value === undefined ? undefined : read(value)
  }
  return {
    subscriptionId: field("subscription_id", wholeOf),
    eventName: field("event_name", textOf),
    recipientUrl: field("recipient_url", textOf),
    verificationToken: field("verification_token", textOf),
    metadata: field("metadata", textOf),
    storeId: field("store_id", wholeOf),
    status: field("status", truthOf),
  }
}

/** The last two are told, and may come back; they are not to be set. */
const FIELDS = [
  "subscription_id",
  "event_name",
  "recipient_url",
  "verification_token",
  "metadata",
  "store_id",
  "status",
  "subscribed_at",
  "modified",
]

/** @throws ShopRefusal for what is missing, or empty */
export function needed(value: string | undefined, fieldName: string): string {
  if (value === undefined || value.trim() === "") throw required(fieldName)
  return value
}
