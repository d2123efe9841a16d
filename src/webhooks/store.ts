import { StoreError } from "../core/errors.ts"
import {
  type SubscriptionDefinition,
  type SubscriptionVersion,
  WEBHOOK_RECORDS,
} from "../core/subscription.ts"
import type { PutSubscription } from "../engine/commit.ts"
import type { RecordSource } from "../identity/records.ts"
import type { CatalogCache } from "../worker/catalog-cache.ts"
import type { WebhookRecord } from "./record.ts"

/** A webhook subscription as it stands in the store: what routing knows, and the rest. */
export interface StoredWebhook {
  readonly entry: SubscriptionVersion
  readonly record: WebhookRecord
}

/** What is to stand there. */
export interface WebhookDraft {
  readonly definition: Omit<SubscriptionDefinition, "target" | "paused">
  readonly record: Omit<WebhookRecord, "revision" | "updatedAt">
}

export interface WebhookStoreOptions {
  readonly source: RecordSource
  readonly catalog: CatalogCache
  readonly now: () => number
}

/**
 * Webhook subscriptions in the store: an entry in the catalog and a record, always written together. Both say how
 * often it was changed, so that nobody goes by the one with the other of another time.
 */
export class WebhookStore {
  readonly #options: WebhookStoreOptions

  constructor(options: WebhookStoreOptions) {
    this.#options = options
  }

  /** What stands beside its entry; null = there is none of that id. */
  async record(id: string): Promise<WebhookRecord | null> {
    return recordOf(await this.#text(id))
  }

  /** As it stands now; null = there is none of that id. */
  async find(id: string): Promise<StoredWebhook | null> {
    return (await this.#look(id))?.stored ?? null
  }

  /** Those of every group, the oldest first. */
  async all(): Promise<readonly StoredWebhook[]> {
    const { source, catalog } = this.#options
    const [rows] = await Promise.all([source.queries.records(WEBHOOK_RECORDS), catalog.refresh()])
    const entries = new Map(catalog.router.subscriptions.map((each) => [each.id, each]))
    return rows.flatMap(({ id, value }) => {
      const entry = entries.get(id)
      return entry === undefined ? [] : [{ entry, record: JSON.parse(value) as WebhookRecord }]
    })
  }

  /** How many there are of a scope (its key). */
  async countOf(scope: string | null): Promise<number> {
    await this.#options.catalog.refresh()
    const { subscriptions } = this.#options.catalog.router
    return subscriptions.filter(
      ({ definition }) => definition.target.kind === "webhook" && definition.scope === scope,
    ).length
  }

  /** Makes a new one; it begins with what was emitted since `startAt`, or, where that is null, from now on. */
  async add(draft: WebhookDraft, startAt: number | null): Promise<StoredWebhook> {
    const change = this.#changeTo(draft, 1)
    const record = { ...change.record, ifAbsent: true }
    const { status } = await this.#options.source.write({ ...change, record, startAt })
    if (status !== "ok") throw refused(draft.record.id)
    return this.#found(draft.record.id)
  }

  /**
   * Makes another of the one that stands there, and loses nothing that somebody else changes meanwhile: then `make` is
   * called again. What it returns null for stays as it is. Null when there is none of that id.
   */
  async change(
    id: string,
    make: (stored: StoredWebhook) => WebhookDraft | null | Promise<WebhookDraft | null>,
  ): Promise<StoredWebhook | null> {
    for (;;) {
      const look = await this.#look(id)
      if (look === null) return null
      const draft = await make(look.stored)
      if (draft === null) return look.stored
      if (await this.#replace(look, draft)) return this.#found(id)
    }
  }

  /** Ends it for good; says how many waiting deliveries that cancelled. */
  async remove({ record: { id, group } }: StoredWebhook): Promise<number> {
    const record = {
      kind: "put-record",
      collection: WEBHOOK_RECORDS,
      id,
      value: null,
      ifAbsent: false,
    } as const
    const result = await this.#options.source.write({ kind: "end-subscription", group, id, record })
    await this.#options.catalog.refresh()
    return result.status === "ok" ? (result.count ?? 0) : 0
  }

  async #replace({ stored, text }: Look, draft: WebhookDraft): Promise<boolean> {
    const keepPaused = (draft.record.disabled === null) === (stored.record.disabled === null)
    const change = this.#changeTo(keepPaused ? draft : withPause(draft, stored), stored.record.revision + 1)
    const wasPaused = stored.record.disabled?.paused === true
    const definition = wasPaused ? { ...change.definition, paused: true } : change.definition
    const record = { ...change.record, ifValue: text }
    return (await this.#options.source.write({ ...change, definition, keepPaused, record })).status === "ok"
  }

  #changeTo({ definition, record }: WebhookDraft, revision: number) {
    const { id, group, notifier, disabled } = record
    const isDisabled = disabled !== null
    const target = { kind: "webhook", notifier, revision, ...(isDisabled ? { disabled: true } : {}) }
    const value = JSON.stringify({ ...record, revision, updatedAt: this.#options.now() })
    return {
      kind: "put-subscription",
      group,
      id,
      worker: null,
      definition: { ...definition, target, paused: isDisabled } as SubscriptionDefinition,
      startAt: null,
      keepPaused: false,
      record: { kind: "put-record", collection: WEBHOOK_RECORDS, id, value, ifAbsent: false },
    } as const satisfies PutSubscription
  }

  async #found(id: string): Promise<StoredWebhook> {
    const stored = await this.find(id)
    if (stored === null) throw refused(id)
    return stored
  }

  /** The record and the entry of one time: who changes both may be between the two reads. */
  async #look(id: string): Promise<Look | null> {
    for (let looks = 1; ; looks++) {
      const text = await this.#text(id)
      const record = recordOf(text)
      if (text === null || record === null) return null
      const entry = await this.#entryOf(record)
      if (entry !== null && (revisionOf(entry) === record.revision || looks === MOST_LOOKS))
        return { stored: { entry, record }, text }
      if (looks === MOST_LOOKS) return null // somebody older ended the one, and knew nothing of the other
    }
  }

  async #entryOf({ id, group }: WebhookRecord): Promise<SubscriptionVersion | null> {
    const { catalog } = this.#options
    await catalog.refresh()
    return catalog.router.subscriptions.find((each) => each.id === id && each.group === group) ?? null
  }

  #text(id: string): Promise<string | null> {
    return this.#options.source.queries.record(WEBHOOK_RECORDS, id)
  }
}

const MOST_LOOKS = 10

interface Look {
  readonly stored: StoredWebhook
  readonly text: string // of the record, as it was read
}

/** One that is disabled is paused, in what routing knows; it is noted beside whether it was so before. */
function withPause(draft: WebhookDraft, { entry }: StoredWebhook): WebhookDraft {
  const { disabled } = draft.record
  if (disabled === null || !entry.definition.paused) return draft
  return { ...draft, record: { ...draft.record, disabled: { ...disabled, paused: true } } }
}

function recordOf(text: string | null): WebhookRecord | null {
  return text === null ? null : (JSON.parse(text) as WebhookRecord)
}

function revisionOf({ definition: { target } }: SubscriptionVersion): number | null {
  return target.kind === "webhook" ? target.revision : null
}

function refused(id: string): StoreError {
  return new StoreError(`The store refused the webhook subscription \`${id}\`, or it was removed meanwhile.`)
}
