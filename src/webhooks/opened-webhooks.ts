import type { Clock } from "../core/clock.ts"
import type { KeyRing } from "../identity/key-ring.ts"
import { type RecordSource, Records } from "../identity/records.ts"
import type { NotifiedSubscription } from "./notifier.ts"
import { openedWebhook, WEBHOOKS, type WebhookRecord } from "./record.ts"

/** A webhook subscription as one attempt needs it. */
export interface OpenedWebhook {
  readonly subscription: NotifiedSubscription
  readonly notifier: string
  readonly fields: readonly string[] | null
}

interface Kept {
  readonly revision: number
  readonly expiresAt: number // epoch ms: a secret ends, and it has to be opened anew
  readonly opened: Promise<OpenedWebhook | null>
}

/** Webhook subscriptions with their secrets open, in memory only, for as long as their revision is the current one. */
export class OpenedWebhooks {
  readonly #records: Records<WebhookRecord>
  readonly #ring: () => Promise<KeyRing>
  readonly #clock: Clock
  readonly #kept = new Map<string, Kept>()

  constructor(options: {
    readonly records: RecordSource
    readonly ring: () => Promise<KeyRing>
    readonly clock: Clock
  }) {
    this.#records = new Records(options.records, WEBHOOKS.collection)
    this.#ring = options.ring
    this.#clock = options.clock
  }

  /** null = there is no record of it. @throws where the store does not answer, or a secret cannot be opened */
  get(id: string, no: number, revision: number): Promise<OpenedWebhook | null> {
    const kept = this.#kept.get(id)
    if (kept !== undefined && kept.revision >= revision && kept.expiresAt > this.#clock.now())
      return kept.opened
    return this.#open(id, no, revision)
  }

  forget(id: string): void {
    this.#kept.delete(id)
  }

  async #open(id: string, no: number, revision: number): Promise<OpenedWebhook | null> {
    const opening = this.#read(id, no)
    const opened = opening.then((read) => read?.opened ?? null)
    this.#kept.set(id, { revision, expiresAt: Number.POSITIVE_INFINITY, opened })
    try {
      const read = await opening
      if (read === null) this.#kept.delete(id)
      else this.#kept.set(id, { revision: read.revision, expiresAt: read.expiresAt, opened })
    } catch {
      this.#kept.delete(id) // whoever waits for it is told, and the next looks again
    }
    return opened
  }

  async #read(id: string, no: number) {
    const record = await this.#records.get(id)
    if (record === null) return null
    const subscription = openedWebhook(await this.#ring(), record, { no, now: this.#clock.now() })
    const ends = subscription.secrets.map(({ expiresAt }) => expiresAt ?? Number.POSITIVE_INFINITY)
    const { revision, notifier, fields } = record
    return { revision, expiresAt: Math.min(...ends), opened: { subscription, notifier, fields } }
  }
}
