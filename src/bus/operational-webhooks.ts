import { INSTALLATION } from "../core/scope.ts"
import { isOperational, patternsOf, type SubscriptionVersion } from "../core/subscription.ts"
import type { Voice } from "./operational-runs.ts"

const DISABLED = "carillon.webhook.disabled"
const RESTING = "carillon.webhook.resting"
const RECOVERED = "carillon.webhook.recovered"
const STALLED = "carillon.webhook.stalled"

/** What happened to a webhook. */
export interface WebhookNews {
  readonly webhook: Pick<SubscriptionVersion, "id" | "group" | "definition">
  readonly data: Readonly<Record<string, unknown>>
  readonly at: number // epoch ms: of one moment it is told once
}

/** Tells of endpoints that are left alone, that are back, that were given up, and that we cannot send to. */
export class OperationalWebhooks {
  readonly #voice: Voice

  constructor(voice: Voice) {
    this.#voice = voice
  }

  async resting(news: WebhookNews): Promise<void> {
    if (!hearsOfUs(news)) await this.#tell(RESTING, news)
  }

  async recovered(news: WebhookNews): Promise<void> {
    if (!hearsOfUs(news)) await this.#tell(RECOVERED, news)
  }

  async disabled(news: WebhookNews): Promise<void> {
    await this.#tell(DISABLED, news)
  }

  async stalled(news: WebhookNews): Promise<void> {
    if (!hearsOfUs(news)) await this.#tell(STALLED, news)
  }

  async #tell(name: string, { webhook, data, at }: WebhookNews): Promise<void> {
    if (this.#voice.isSilent(name)) return
    const { id, group, definition } = webhook
    const cause = { id: null, correlationId: null, scope: definition.scope ?? INSTALLATION }
    await this.#voice.emit(name, { subscription: id, group, ...data }, `${id}/${at}`, cause)
  }
}

/**
 * Of who hears Carillon's own events not every rest is told: what is told of it would be sent to it, fail, and be told
 * of again. That it was disabled is: that happens once.
 */
function hearsOfUs({ webhook }: WebhookNews): boolean {
  return patternsOf(webhook.definition).some(isOperational)
}
