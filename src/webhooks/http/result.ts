import type { BodyForm, NotifierResult } from "../notifier.ts"
import type { Answer } from "./exchange.ts"
import { retryAfterMs } from "./retry-after.ts"

/** Statuses that speak of this one request: another event may well pass. */
const OF_THE_EVENT: ReadonlySet<number> = new Set([400, 409, 413, 414, 415, 422])

const GONE = 410

/**
 * What an answer means: 200 to 299 is success and nothing else is.
 *
 * - 410: the recipient is gone, and its subscription is disabled.
 * - 400, 409, 413, 414, 415 and 422 are held against this event; all other failures against the recipient.
 * - Whatever fails is tried again, 4xx as well: what refuses an event is often a fault that is mended within the hour.
 * - 3xx is a failure: nobody agreed to send anything to where it points.
 * - `Retry-After` is heeded with every failure, up to a day.
 */
export function resultOf(
  answer: Answer,
  { body, form, now }: ResultTerms,
): Omit<NotifierResult, "subscriptionId"> {
  const { status, headers } = answer
  if (status >= 200 && status < 300) return { success: true, responseData: body || said(answer) }
  const responseData = form === "legacy" ? body || said(answer) : told(answer)
  const fault = OF_THE_EVENT.has(status) ? "event" : "recipient"
  const waitMs = retryAfterMs(headers["retry-after"], { date: headers.date, now })
  return {
    success: false,
    responseData,
    fault,
    ...(waitMs === null ? undefined : { retryAfter: waitMs }),
    ...(status === GONE ? { disable: "gone" } : undefined),
  }
}

export interface ResultTerms {
  readonly body: string // as it is kept
  readonly form: BodyForm
  readonly now: number // epoch ms
}

/** As the Magento module keeps it: the body, else the phrase beside the status. */
function said({ reason, status }: Answer): string {
  return reason === "" ? String(status) : reason
}

/** The body is in the attempt's record. */
function told({ status, reason }: Answer): string {
  const came = `${status} ${reason}`.trim()
  if (status >= 300 && status < 400)
    return `Expected a status from 200 to 299, got ${came}. Redirects are not followed: set the recipient to where it points.`
  return `Expected a status from 200 to 299, got ${came}.`
}
