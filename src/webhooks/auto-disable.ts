import type { Clock } from "../core/clock.ts"
import type { Failing } from "../core/endpoint.ts"
import type { QueriesPort } from "../engine/queries.ts"
import type { WebhookTold } from "./outbound.ts"
import type { DisableReason } from "./record.ts"

export interface AutoDisableOptions {
  readonly queries: Pick<QueriesPort, "jobs">
  readonly clock: Clock
  readonly afterMs: number | null // null = never
  readonly afterAttempts: number
  readonly disable: (id: string, why: { reason: DisableReason; detail: string }) => Promise<unknown>
  /** It was disabled, by this process. */
  readonly onDisabled: (webhook: WebhookTold, why: { reason: DisableReason; detail: string }) => void
  readonly onError: (error: unknown) => void
}

/** Gives up webhooks whose recipients are gone, or have failed for days: what they would get waits for somebody. */
export class AutoDisable {
  readonly #options: AutoDisableOptions
  readonly #busy = new Set<string>()

  constructor(options: AutoDisableOptions) {
    this.#options = options
  }

  gone(webhook: WebhookTold, why: string): Promise<void> {
    return this.#once(webhook, () => this.#disable(webhook, "gone", why))
  }

  /** Another attempt failed. */
  failing(webhook: WebhookTold, { since, attempts }: Failing): void {
    const { afterMs, afterAttempts, clock } = this.#options
    const forMs = clock.now() - since
    if (afterMs === null || forMs < afterMs || attempts < afterAttempts) return
    const detail = `all ${attempts} attempts since ${new Date(since).toISOString()} failed`
    void this.#once(webhook, async () => {
      if (!(await this.#hasDelivered(webhook.no, since))) await this.#disable(webhook, "failing", detail)
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

  async #disable(webhook: WebhookTold, reason: DisableReason, detail: string): Promise<void> {
    await this.#options.disable(webhook.id, { reason, detail })
    this.#options.onDisabled(webhook, { reason, detail })
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
