import { checkedResult } from "./checked-result.ts"
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
  return [...builtIn.filter(({ key }) => !names.has(key)), ...notifiers.map(checked)]
}

/** Ours say only what can be kept, and are not looked at again for each attempt. */
function checked(notifier: Notifier): Notifier {
  if (typeof notifier?.notify !== "function") return notifier // it is refused where they are gathered
  const { key, aliases } = notifier
  return {
    key,
    aliases,
    check: (wish) => notifier.check?.(wish),
    notify: async (notification) => checkedResult(await notifier.notify(notification), key),
    close: async () => notifier.close?.(),
  }
}
