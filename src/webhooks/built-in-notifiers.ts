import { httpNotifier } from "./http/http-notifier.ts"
import type { Notifier } from "./notifier.ts"
import { amqpNotifier } from "./notifiers/amqp.ts"
import { eventBridgeNotifier } from "./notifiers/eventbridge.ts"
import { sqsNotifier } from "./notifiers/sqs.ts"
import type { ResolvedWebhookSettings } from "./settings.ts"

/** The ways of delivering that every Carillon has, but for those that the application has better ones of. */
export function notifiersOf({
  notifiers,
  network,
  concurrency,
}: ResolvedWebhookSettings): readonly Notifier[] {
  const names = new Set(notifiers.flatMap((each) => [each?.key, ...(each?.aliases ?? [])]))
  const builtIn = [
    // Many customers may be at one host: those that hang there must not keep the others waiting.
    httpNotifier({ network, mostUnderWay: concurrency }),
    eventBridgeNotifier({ network }),
    sqsNotifier({ network }),
    amqpNotifier({ network }),
  ]
  return [...builtIn.filter(({ key }) => !names.has(key)), ...notifiers]
}
