import { formOf } from "../forms.ts"
import type { Notification, Notifier, NotifierResult } from "../notifier.ts"
import { attemptDetails } from "./attempt-details.ts"
import { checkedHeaders, isReserved } from "./custom-headers.ts"
import { resultOf } from "./result.ts"
import { SendError } from "./send-error.ts"
import { Sender, type SenderOptions } from "./sender.ts"
import { checkedTlsOptions, tlsCredentialsOf } from "./tls-options.ts"
import { traceHeaders } from "./trace-headers.ts"
import { USER_AGENT } from "./user-agent.ts"

/**
 * Delivers webhooks by HTTP: each attempt is one POST in the form that the subscription wants, signed with its secrets,
 * and sent by a {@link Sender}. What an answer means stands in `result.ts`.
 *
 * Its options, in PEM: `ca`, whom to trust instead of everybody's authorities, and `certificate`, for recipients that
 * ask for one; its credential: `key`, which belongs to the certificate.
 */
export function httpNotifier(options: SenderOptions): Notifier {
  const sender = new Sender(options)
  return {
    key: "http",
    notify: (notification) => notify(notification, sender),
    close: () => sender.close(),
    async check(wish) {
      checkedHeaders(wish.headers)
      checkedTlsOptions(wish.options)
      await sender.check(wish.recipient)
    },
  }
}

async function notify(notification: Notification, sender: Sender): Promise<NotifierResult> {
  const { subscription, signal, timeoutMs, now } = notification
  const { recipient, form, options, id: subscriptionId } = subscription
  const { body, ...formed } = formOf(notification)
  const custom = ownHeaders(subscription.headers)
  const headers = {
    "user-agent": USER_AGENT,
    ...custom,
    "content-type": formed.contentType,
    "accept-encoding": "identity",
    ...traceHeaders(notification.event),
    ...formed.headers,
  }
  const sent = { recipient, headers, custom, bytes: body.length }
  try {
    const credentials = tlsCredentialsOf(options)
    const answer = await sender.send({ recipient, headers, body, timeoutMs, signal, credentials })
    const details = attemptDetails(sent, answer)
    return { subscriptionId, ...resultOf(answer, { body: details.response.body, form, now }), details }
  } catch (error) {
    if (!(error instanceof SendError)) throw error
    const { message, fault, part, isMaybeSent } = error
    const { request, ...rest } = attemptDetails(sent, part)
    const details = { ...rest, status: null, request: isMaybeSent ? request : null }
    return { subscriptionId, success: false, responseData: message, fault, details }
  }
}

/** Once more without what is not a subscription's to say: a record may be older than a rule. */
function ownHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const own: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase()
    if (!isReserved(lower)) own[lower] = value
  }
  return own
}
