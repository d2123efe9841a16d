import { ENDPOINT_STATES, readEndpointState } from "../core/endpoint.ts"
import { NotFoundError } from "../core/errors.ts"
import type { Access } from "../identity/access.ts"
import type { RecordSource } from "../identity/records.ts"
import { isTheirs } from "./reach.ts"
import type { Webhook } from "./shapes.ts"
import type { StoredWebhook, WebhookDraft, WebhookStore } from "./store.ts"
import { webhookOf } from "./webhook-report.ts"

export interface TheirWebhooksOptions {
  readonly store: WebhookStore
  readonly source: RecordSource
  readonly now: () => number
  readonly onChanged: () => void
}

/** What a webhook is to become; null = it stays as it is. */
export type Draft = WebhookDraft | null | Promise<WebhookDraft | null>

/** The webhooks as somebody may see and change them: those of other scopes are not there. */
export class TheirWebhooks {
  readonly #options: TheirWebhooksOptions

  constructor(options: TheirWebhooksOptions) {
    this.#options = options
  }

  /** @throws NotFoundError */
  async find(id: string, by: Access): Promise<StoredWebhook> {
    const stored = isWebhookId(id) ? await this.#options.store.find(id) : null
    if (stored !== null && isTheirs(by, stored.entry.definition.scope)) return stored
    throw unknown(id)
  }

  /** @throws NotFoundError; what `make` throws */
  async change(id: string, by: Access, make: (stored: StoredWebhook) => Draft): Promise<StoredWebhook> {
    const { store, onChanged } = this.#options
    if (!isWebhookId(id)) throw unknown(id)
    const changed = await store.change(id, (stored) => {
      if (!isTheirs(by, stored.entry.definition.scope)) throw unknown(id)
      return make(stored)
    })
    if (changed === null) throw unknown(id)
    onChanged()
    return changed
  }

  async report(stored: StoredWebhook): Promise<Webhook> {
    const { source, now } = this.#options
    const text = await source.queries.record(ENDPOINT_STATES, stored.record.id)
    return webhookOf(stored, { state: readEndpointState(text), now: now() })
  }

  /** All of theirs, the oldest first. */
  async reports(by: Access): Promise<readonly Webhook[]> {
    const { store, source, now } = this.#options
    const [all, rows] = await Promise.all([store.all(), source.queries.records(ENDPOINT_STATES)])
    const texts = new Map(rows.map(({ id, value }) => [id, value]))
    const at = now()
    return all
      .filter(({ entry }) => isTheirs(by, entry.definition.scope))
      .map((stored) => {
        const state = readEndpointState(texts.get(stored.record.id) ?? null)
        return webhookOf(stored, { state, now: at })
      })
  }

  /** Whoever enables it, or ends it, says that what was wrong with its endpoint is over. */
  async forgetState({ record: { id } }: StoredWebhook): Promise<void> {
    const gone = {
      kind: "put-record",
      collection: ENDPOINT_STATES,
      id,
      value: null,
      ifAbsent: false,
    } as const
    await this.#options.source.write(gone)
  }
}

/** Anything else would be looked for in vain. */
function isWebhookId(id: unknown): id is string {
  return typeof id === "string" && /^sub_[0-9A-Z]{26}$/.test(id)
}

function unknown(id: unknown): NotFoundError {
  return new NotFoundError(
    `Expected the id of a webhook, got ${isWebhookId(id) ? `\`${id}\`, which is none` : "something else"}.`,
  )
}
