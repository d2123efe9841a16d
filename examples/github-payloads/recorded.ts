import { createRequire } from "node:module"
import type { WebhookName } from "./schemas.ts"

/** One webhook as GitHub once sent it. */
export interface RecordedWebhook {
  readonly name: WebhookName
  readonly payload: unknown
}

/** Every recorded webhook of github.com, in the order of the package that keeps them. */
export function recordedWebhooks(): RecordedWebhook[] {
  // CommonJS whose declaration says `export default`: required, it is the array itself.
  const definitions = createRequire(import.meta.url)("@octokit/webhooks-examples") as {
    readonly name: WebhookName
    readonly examples: readonly unknown[]
  }[]

  return definitions.flatMap(({ name, examples }) => examples.map((payload) => ({ name, payload })))
}
