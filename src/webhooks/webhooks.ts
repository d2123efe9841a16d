import type { Standing } from "../bus/standing.ts"
import { expected, InvalidInputError } from "../core/errors.ts"
import type { QueriesPort } from "../engine/queries.ts"
import { type Access, OWN_PROCESS } from "../identity/access.ts"
import type { KeyRing } from "../identity/key-ring.ts"
import type { RecordSource } from "../identity/records.ts"
import type { CatalogCache } from "../worker/catalog-cache.ts"
import { checkedKind, Drafts, disabledFor } from "./drafts.ts"
import { healthOf, type WebhookHealth } from "./health.ts"
import type { NotifierBook } from "./notifier-book.ts"
import { DISABLE_REASONS, type DisableReason } from "./record.ts"
import type { Guarded } from "./resources.ts"
import { rotated, USUAL_OVERLAP_MS } from "./rotation.ts"
import { openFields } from "./sealing.ts"
import { checkedSecret, newSecret, publicKeyOf, type SecretKind } from "./secrets.ts"
import type { MadeWebhook, NewWebhook, Webhook, WebhookChange } from "./shapes.ts"
import { type StoredWebhook, WebhookStore } from "./store.ts"
import { type Draft, TheirWebhooks } from "./their-webhooks.ts"
import { Trials, type WebhookTestOptions, type WebhookTestResult } from "./trials.ts"
import { checkRotation } from "./wish.ts"

export interface WebhooksOptions {
  readonly source: RecordSource
  readonly queries: QueriesPort
  readonly catalog: CatalogCache
  readonly standing: Standing
  readonly notifiers: NotifierBook
  readonly ring: () => Promise<KeyRing>
  readonly group: string
  readonly scope: string // of webhooks that name none
  /** The names that events may have; null = any. */
  readonly eventNames: () => readonly string[] | null
  /** Who may subscribe to which events. */
  readonly definitions: readonly Guarded[]
  readonly mostPerScope: number // of those who are bound to scopes
  readonly now: () => number
  readonly monotonic: () => number
  /** A part of an id that is unique and sorts by time: 26 digits and capital letters. */
  readonly newId: () => string
  /** One was changed: its workers here look again. */
  readonly onChanged: () => void
}

export interface RotateSecretOptions {
  /** The new secret. @defaultValue one is made and returned, once */
  readonly secret?: string
  /** Of which kind one is made. @defaultValue "hmac" */
  readonly secretKind?: SecretKind
  /** How long the old one is still good: 0 to 7 days, in milliseconds. @defaultValue 86_400_000 (24 hours) */
  readonly overlapMs?: number
}

export interface DisableWebhookOptions {
  /** @defaultValue "by hand" */
  readonly reason?: DisableReason
  /** For people: at most 500 characters are kept. */
  readonly detail?: string
}

/**
 * The webhook subscriptions: what is sent out of the house, and where to. Their deliveries are seen, sent again and
 * replayed like those of all subscriptions, under the webhook's id.
 *
 * Its methods take whoever does it as their last argument, who sees the webhooks of their scopes and no others; without
 * one it is the application itself, which may do everything.
 */
export class Webhooks {
  /** @internal */
  readonly store: WebhookStore
  readonly #options: WebhooksOptions
  readonly #drafts: Drafts
  readonly #trials: Trials
  readonly #theirs: TheirWebhooks

  constructor(options: WebhooksOptions) {
    this.#options = options
    this.store = new WebhookStore(options)
    this.#drafts = new Drafts(options)
    this.#trials = new Trials(options)
    this.#theirs = new TheirWebhooks({ ...options, store: this.store })
  }

  /**
   * Makes one. What it hears from then on is sent, by every worker of its group.
   *
   * @throws InvalidInputError, InvalidFilterError, InvalidPolicyError for what cannot be; UnknownEventError where
   *   events have to be defined; ForbiddenError for a scope that is not theirs, or a resource that is missing
   */
  async create(wish: NewWebhook, by: Access = OWN_PROCESS): Promise<MadeWebhook> {
    const { draft, secret, startAt } = await this.#drafts.ofNew(wish, by, this.#options.ring)
    await this.#checkRoom(by, draft.definition.scope)
    const stored = await this.store.add(draft, startAt)
    this.#options.onChanged()
    return this.#made(stored, secret)
  }

  /** @throws NotFoundError */
  async get(id: string, by: Access = OWN_PROCESS): Promise<Webhook> {
    return this.#theirs.report(await this.#theirs.find(id, by))
  }

  /** Those of every group, the oldest first. */
  list(by: Access = OWN_PROCESS): Promise<readonly Webhook[]> {
    return this.#theirs.reports(by)
  }

  /** What waits is sent by the new terms; what is being sent is not. @throws NotFoundError; as `create` does */
  async update(id: string, change: WebhookChange, by: Access = OWN_PROCESS): Promise<Webhook> {
    const ring = await this.#options.ring()
    return this.#change(id, by, async (stored) => {
      const draft = await this.#drafts.ofChange(stored, change, { by, ring })
      if (isMending(change)) await this.#theirs.forgetState(stored)
      return draft
    })
  }

  /** Ends it for good, and cancels what waits for it. @throws NotFoundError */
  async remove(
    id: string,
    by: Access = OWN_PROCESS,
  ): Promise<{ readonly id: string; readonly group: string; readonly cancelled: number }> {
    const stored = await this.#theirs.find(id, by)
    const cancelled = await this.store.remove(stored)
    await this.#theirs.forgetState(stored)
    this.#options.onChanged()
    return { id: stored.record.id, group: stored.record.group, cancelled }
  }

  /** Lets what it hears wait, until `resume`. @throws NotFoundError */
  async pause(id: string, by: Access = OWN_PROCESS): Promise<Webhook> {
    return this.#steer("pause", id, by)
  }

  /** @throws NotFoundError; InvalidInputError for one that is disabled */
  async resume(id: string, by: Access = OWN_PROCESS): Promise<Webhook> {
    return this.#steer("resume", id, by)
  }

  /**
   * Sends again, also what came while it was disabled; one that rests does so no more. One that was paused before it was
   * disabled is paused still.
   *
   * @throws NotFoundError
   */
  async enable(id: string, by: Access = OWN_PROCESS): Promise<Webhook> {
    await this.#theirs.forgetState(await this.#theirs.find(id, by))
    // It is written in any case: from another revision all who send see that they have to look again.
    return this.#change(id, by, ({ entry, record }) => ({
      definition: entry.definition,
      record: { ...record, disabled: null },
    }))
  }

  /**
   * Sends nothing more, for a reason; what it hears waits until it is enabled. One that is disabled keeps the reason
   * that it has.
   *
   * @throws NotFoundError; InvalidInputError
   */
  async disable(
    id: string,
    { reason = "by hand", detail = "" }: DisableWebhookOptions = {},
    by: Access = OWN_PROCESS,
  ): Promise<Webhook> {
    if (!DISABLE_REASONS.includes(reason))
      throw new InvalidInputError(expected(`\`reason\` to be one of ${DISABLE_REASONS.join(", ")}`, reason))
    if (typeof detail !== "string") throw new InvalidInputError(expected("`detail` to be text", detail))
    const disabled = disabledFor(reason, detail.slice(0, LONGEST_DETAIL), this.#options.now())
    return this.#change(id, by, (stored) => withDisabled(stored, disabled))
  }

  /**
   * Gives it another secret. Until the overlap is over requests are signed with the old one as well.
   *
   * @throws NotFoundError; InvalidInputError
   */
  async rotateSecret(
    id: string,
    options: RotateSecretOptions = {},
    by: Access = OWN_PROCESS,
  ): Promise<MadeWebhook> {
    checkRotation(options)
    const { overlapMs = USUAL_OVERLAP_MS, secretKind } = options
    const ring = await this.#options.ring()
    const wanted = options.secret ?? newSecret(checkedKind(secretKind))
    let secret = ""
    const stored = await this.#theirs.change(id, by, (old) => {
      secret = checkedSecret(wanted, old.record.form)
      const open = openFields(ring, old.record)
      const secrets = rotated(open.secrets, { secret, overlapMs, now: this.#options.now() })
      return this.#drafts.ofSecrets(old, ring, { ...open, secrets })
    })
    return this.#made(stored, secret)
  }

  /**
   * Sends once, now, outside of deliveries, whatever its state is. It is marked as a test, and nothing of it is kept.
   *
   * @throws NotFoundError; InvalidInputError; TooManyAttemptsError for more than ten in a minute
   */
  async test(
    id: string,
    options: WebhookTestOptions = {},
    by: Access = OWN_PROCESS,
  ): Promise<WebhookTestResult> {
    const stored = await this.#theirs.find(id, by)
    return this.#trials.run(stored, await this.#options.ring(), options)
  }

  /** How its endpoint did lately. @throws NotFoundError */
  async health(id: string, by: Access = OWN_PROCESS): Promise<WebhookHealth> {
    const { entry } = await this.#theirs.find(id, by)
    return healthOf(this.#options.queries, entry)
  }

  /** One event is sent to all of them. */
  async #checkRoom({ scopes }: Access, scope: string | null): Promise<void> {
    const { mostPerScope } = this.#options
    if (scopes === "all" || (await this.store.countOf(scope)) < mostPerScope) return
    throw new InvalidInputError(
      `Expected at most ${mostPerScope} webhooks in a scope, there would be one more. Remove some, or ask whoever runs this installation.`,
    )
  }

  async #steer(verb: "pause" | "resume", id: string, by: Access): Promise<Webhook> {
    const { group } = (await this.#theirs.find(id, by)).record
    await this.#options.standing[verb]({ subscription: id, group })
    return this.get(id, by)
  }

  async #change(id: string, by: Access, make: (stored: StoredWebhook) => Draft): Promise<Webhook> {
    return this.#theirs.report(await this.#theirs.change(id, by, make))
  }

  async #made(stored: StoredWebhook, secret: string): Promise<MadeWebhook> {
    const publicKey = stored.record.form === "legacy" ? null : publicKeyOf(secret)
    return { ...(await this.#theirs.report(stored)), secret, publicKey }
  }
}

const LONGEST_DETAIL = 500

/** Whoever says where and how it is to be sent takes it that this will do. */
function isMending({ enabled, recipient, notifier, headers, options, credentials }: WebhookChange): boolean {
  const said = [recipient, notifier, headers, options, credentials]
  return enabled === true || said.some((each) => each !== undefined)
}

function withDisabled(
  { entry, record }: StoredWebhook,
  disabled: StoredWebhook["record"]["disabled"],
): Draft {
  if ((record.disabled === null) === (disabled === null)) return null
  return { definition: entry.definition, record: { ...record, disabled } }
}
