import type { Clock } from "../core/clock.ts"
import type { Failing } from "../core/endpoint.ts"
import type { QueriesPort } from "../engine/queries.ts"
import type { WantsNoMore } from "./attempt.ts"
import type { WebhookTold } from "./outbound.ts"
import type { DisableReason } from "./record.ts"
import type { Webhook } from "./shapes.ts"

export interface AutoDisableOptions {
  readonly queries: Pick<QueriesPort, "jobs">
  readonly clock: Clock
  readonly afterMs: number | null // null = never
  readonly afterAttempts: number
  readonly disable: (
    id: string,
    why: { reason: DisableReason; detail: string },
  ) => Promise<Pick<Webhook, "recipient" | "disabled">>
  /** It was disabled, by this process. */
  readonly onDisabled: (webhook: WebhookTold, told: DisabledTold) => void
  readonly onError: (error: unknown) => void
}

/** What is told of a webhook that was given up. */
export interface DisabledTold {
  readonly reason: DisableReason
  readonly detail: string
  readonly recipient: string | null // a URL's host: what follows may be a secret. null = it is no URL
  readonly status: number | null // that it answered with; null = with none, or it is given up for something else
}

/** Gives up webhooks whose recipients are gone, or have failed for days: what they would get waits for somebody. */
export class AutoDisable {
  readonly #options: AutoDisableOptions
  readonly #busy = new Set<string>()

  constructor(options: AutoDisableOptions) {
    this.#options = options
  }

  gone(webhook: WebhookTold, { why, status }: WantsNoMore): Promise<void> {
    return this.#once(webhook, () => this.#disable(webhook, { reason: "gone", detail: why, status }))
  }

  /** Another attempt failed. */
  failing(webhook: WebhookTold, { since, attempts }: Failing): void {
    const { afterMs, afterAttempts, clock } = this.#options
    const forMs = clock.now() - since
    if (afterMs === null || forMs < afterMs || attempts < afterAttempts) return
    const detail = `all ${attempts} attempts since ${new Date(since).toISOString()} failed`
    void this.#once(webhook, async () => {
      if (await this.#hasDelivered(webhook.no, since)) return
      await this.#disable(webhook, { reason: "failing", detail, status: null })
    })
  }

  /** What another process has sent there, this one may not know. */
  async #hasDelivered(no: number, since: number): Promise<boolean> {
    const { queries } = this.#options
    let cursor: string | null | undefined
    for (let reads = 0; reads < MOST_READS && cursor !== null; reads++) {
      const query = { state: "delivered", subscriptions: [no], limit: ROWS_PER_READ } as const
      const page = await queries.jobs(cursor === undefined ? query : { ...query, cursor })
      if (page.items.some(({ updatedAt }) => updatedAt > since)) return true
      cursor = page.cursor
    }
    return false
  }

  async #disable(
    webhook: WebhookTold,
    { reason, detail, status }: Omit<DisabledTold, "recipient">,
  ): Promise<void> {
    const { recipient, disabled } = await this.#options.disable(webhook.id, { reason, detail })
    const host = URL.parse(recipient)?.host || null
    this.#options.onDisabled(webhook, { reason, detail: disabled?.detail ?? detail, recipient: host, status })
  }

  /** Several attempts may say so at a time. */
  async #once({ id, definition }: WebhookTold, act: () => Promise<void>): Promise<void> {
    if (definition.paused || this.#busy.has(id)) return
    this.#busy.add(id)
    try {
      await act()
    } catch (error) {
      this.#options.onError(error) // the next attempt says it again
    } finally {
      this.#busy.delete(id)
    }
  }
}

/** The newest deliveries are looked at, however far those of others stand between them; an old one may have come late. */
const MOST_READS = 10
const ROWS_PER_READ = 100
