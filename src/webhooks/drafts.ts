import { expected, InvalidInputError, UnknownEventError } from "../core/errors.ts"
import { isExactName, nearestName } from "../core/pattern.ts"
import { isOperational, patternsOf } from "../core/subscription.ts"
import type { Access } from "../identity/access.ts"
import type { KeyRing } from "../identity/key-ring.ts"
import type { Notifier } from "./notifier.ts"
import type { NotifierBook } from "./notifier-book.ts"
import { scopeFor } from "./reach.ts"
import type { Disabled, DisableReason, WebhookRecord } from "./record.ts"
import { checkResources, type Guarded } from "./resources.ts"
import { checkSecrets } from "./rotation.ts"
import { checkSealedReach } from "./sealed-reach.ts"
import { type OpenFields, openFields, sealedFields } from "./sealing.ts"
import { checkedSecret, newSecret, type SecretKind } from "./secrets.ts"
import type { NewWebhook, WebhookChange } from "./shapes.ts"
import type { StoredWebhook, WebhookDraft } from "./store.ts"
import { checkedTerms, type Terms } from "./terms.ts"
import { checkChange, termsOfChange, termsOfNew } from "./wish.ts"

export interface DraftsOptions {
  readonly notifiers: NotifierBook
  readonly group: string
  readonly scope: string // of webhooks that name none
  /** The names that events may have; null = any. */
  readonly eventNames: () => readonly string[] | null
  /** Who may subscribe to which events. */
  readonly definitions: readonly Guarded[]
  readonly now: () => number
  /** A part of an id that is unique and sorts by time: 26 digits and capital letters. */
  readonly newId: () => string
}

/** A new webhook subscription before it is written. */
export interface NewDraft {
  readonly draft: WebhookDraft
  readonly secret: string
  readonly startAt: number | null
}

/** Checks what somebody wishes for, whole, before anything is written. */
export class Drafts {
  readonly #options: DraftsOptions

  constructor(options: DraftsOptions) {
    this.#options = options
  }

  async ofNew(wish: NewWebhook, by: Access, ring: () => Promise<KeyRing>): Promise<NewDraft> {
    const { newId, now, scope: own, group: ownGroup } = this.#options
    const terms = checkedTerms(termsOfNew(wish))
    const scope = scopeFor(by, wish.scope, own)
    const secret = checkedSecret(wish.secret ?? newSecret(checkedKind(wish.secretKind)), terms.record.form)
    const startAt = startOf(wish.start, now())
    const group = checkedGroup(wish.group ?? ownGroup)
    const disabled = checkedFlag(wish.enabled ?? true) ? null : byHand(now())
    const notifier = this.#notifierOf(wish.notifier ?? "http")
    checkResources(this.#options.definitions, patternsOf(terms.definition), by)
    this.#checkNames(patternsOf(terms.definition))
    await check(terms, notifier, by)
    const id = `sub_${newId()}`
    const secrets = [{ secret, createdAt: now(), expiresAt: null }]
    const { form } = terms.record
    const sealed = sealedFields(await ring(), { id, form }, { ...terms, secrets })
    const record = {
      id,
      group,
      notifier: notifier.key,
      ...terms.record,
      ...sealed,
      disabled,
      createdAt: now(),
    }
    return { draft: { definition: { ...terms.definition, scope }, record }, secret, startAt }
  }

  async ofChange(
    stored: StoredWebhook,
    change: WebhookChange,
    { by, ring }: { readonly by: Access; readonly ring: KeyRing },
  ): Promise<WebhookDraft> {
    checkChange(change)
    const { entry, record: old } = stored
    const open = openFields(ring, old)
    const terms = checkedTerms(termsOfChange(change, stored, open), entry.definition.policy)
    const scope = change.scope === undefined ? entry.definition.scope : scopeFor(by, change.scope, "")
    const notifier = this.#notifierOfChange(change, old, by)
    const key = notifier?.key ?? old.notifier
    checkSealedReach(change, open, { from: old, to: { ...terms.record, notifier: key } })
    checkResources(this.#options.definitions, patternsOf(terms.definition), by)
    this.#checkNames(patternsOf(terms.definition))
    if (notifier !== null) await check(terms, notifier, by)
    const { secrets } = open
    checkSecrets(terms.record.form, secrets)
    const sealed = sealedFields(ring, { id: old.id, form: terms.record.form }, { ...terms, secrets })
    const disabled = this.#disabledBy(change, old.disabled)
    const record = { ...old, ...terms.record, ...sealed, notifier: key, disabled }
    return { definition: { ...terms.definition, scope }, record }
  }

  #disabledBy({ enabled }: WebhookChange, before: Disabled | null): Disabled | null {
    if (enabled === undefined) return before
    return checkedFlag(enabled) ? null : (before ?? byHand(this.#options.now()))
  }

  /** The same with other secrets. */
  ofSecrets({ entry, record: old }: StoredWebhook, ring: KeyRing, open: OpenFields): WebhookDraft {
    return { definition: entry.definition, record: { ...old, ...sealedFields(ring, old, open) } }
  }

  #notifierOf(name: unknown): Notifier {
    if (typeof name === "string") return this.#options.notifiers.get(name)
    throw new InvalidInputError(expected("`notifier` to be the key of one", name))
  }

  /**
   * Null = nothing is changed that is its business. This process may not have it, as an app's own, or may not call where
   * the app may; and whoever has it may switch it, wherever it goes.
   */
  #notifierOfChange(change: WebhookChange, { notifier }: WebhookRecord, { scopes }: Access): Notifier | null {
    const changed = Object.entries(change).flatMap(([name, value]) => (value === undefined ? [] : [name]))
    const isSwitched = changed.every((name) => name === "enabled")
    const isItsBusiness = scopes === "all" ? changed.some((name) => OF_NOTIFIERS.includes(name)) : !isSwitched
    return isItsBusiness ? this.#notifierOf(change.notifier ?? notifier) : null
  }

  /** Wildcards may be wider than what there is; a name that is none is a slip. */
  #checkNames(patterns: readonly string[]): void {
    const known = this.#options.eventNames()
    if (known === null) return
    const unknown = patterns.find(
      (each) => isExactName(each) && !isOperational(each) && !known.includes(each),
    )
    if (unknown === undefined) return
    const near = nearestName(unknown, known)
    const mend = near === null ? "Define it, or name another." : `Did you mean \`${near}\`?`
    throw new UnknownEventError(`Expected the name of an event that is defined, got \`${unknown}\`. ${mend}`)
  }
}

const OF_NOTIFIERS: readonly string[] = [
  "notifier",
  "recipient",
  "form",
  "headers",
  "options",
  "credentials",
] satisfies (keyof WebhookChange)[]

async function check(terms: Terms, notifier: Notifier, { scopes }: Access): Promise<void> {
  const { recipient, form, options } = terms.record
  const { headers, credentials } = terms
  const hasCredentials = Object.keys(credentials).length > 0
  await notifier.check?.({
    recipient,
    form,
    headers,
    options: hasCredentials ? { ...options, credentials } : options,
    isBound: scopes !== "all",
  })
}

export function disabledFor(reason: DisableReason, detail: string, at: number): Disabled {
  return { at, reason, detail }
}

function byHand(at: number): Disabled {
  return disabledFor("by hand", "", at)
}

export function checkedKind(kind: unknown): SecretKind | undefined {
  if (kind === undefined || kind === "hmac" || kind === "ed25519") return kind
  throw new InvalidInputError(expected("`secretKind` to be hmac or ed25519", kind))
}

function checkedFlag(enabled: unknown): boolean {
  if (typeof enabled === "boolean") return enabled
  throw new InvalidInputError(expected("`enabled` to be true or false", enabled))
}

function checkedGroup(group: unknown): string {
  const isText = typeof group === "string" && group !== "" && group.length <= 200
  if (isText && !/\p{Cc}/u.test(group) && group.isWellFormed()) return group
  throw new InvalidInputError(
    expected("`group` to be a string of 1 to 200 characters without control characters", group),
  )
}

/** Clocks differ a little; beyond that nobody means "from now on". */
const MOST_AHEAD_MS = 60_000

function startOf(start: NewWebhook["start"], now: number): number | null {
  if (start === undefined || start === "now") return null
  if (start === "beginning") return 0
  if (start instanceof Date && start.getTime() <= now + MOST_AHEAD_MS) return start.getTime()
  throw new InvalidInputError(
    expected('`start` to be "now", "beginning" or a Date that is not to come', start),
  )
}
