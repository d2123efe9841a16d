import { shortDuration } from "../../core/amounts.ts"
import type { ResolvedPolicy } from "../../core/policy.ts"
import type { MadeWebhook, NewWebhook, Webhook } from "../../webhooks/shapes.ts"
import { audited } from "../audited.ts"
import type { Operator } from "../operator.ts"
import { note, print, printJson, printTable } from "../output.ts"
import { type StoreFlags, withStore } from "../store.ts"
import { localTime } from "../time.ts"
import { dataOf, newWishOf, secretOf, type TermFlags, wishOf } from "../webhook-wish.ts"

interface CreateFlags extends StoreFlags, TermFlags, SecretFlags {
  readonly start?: NewWebhook["start"]
  readonly disabled?: true
}

interface SecretFlags {
  readonly secret?: string
  readonly secretKind?: string
}

type Shown = Omit<Webhook, "no">

export async function create(recipient: string | undefined, flags: CreateFlags): Promise<void> {
  const { group, start, disabled, secretKind } = flags
  const secret = await secretOf(flags.secret)
  const said = { group, start, secret, secretKind, ...(disabled ? { enabled: false } : {}) }
  const given = Object.entries(said).filter(([, value]) => value !== undefined)
  const wish = { ...(await newWishOf({ recipient, ...flags })), ...Object.fromEntries(given) }
  const made = async (carillon: Operator): Promise<void> => {
    const webhook = await audited(carillon, { action: "webhook.create" }, async (trace) => {
      const { no: _, ...done } = (await carillon.webhooks.create(wish)) as MadeWebhook
      trace({ webhook: done.id, events: done.events, recipient: hostOf(done.recipient), scope: done.scope })
      return done
    })
    showSecret(webhook, flags)
  }
  await withStore(flags, made, { create: true, warns: true })
}

export async function update(id: string, flags: StoreFlags & TermFlags): Promise<void> {
  const wish = await wishOf(flags)
  await changed(id, flags, {
    action: "webhook.update",
    details: { changed: Object.keys(wish) },
    change: ({ webhooks }) => webhooks.update(id, wish),
  })
}

export async function rotateSecret(
  id: string,
  flags: StoreFlags & SecretFlags & { readonly overlap?: number },
): Promise<void> {
  const { overlap: overlapMs, secretKind } = flags
  const options = { secret: await secretOf(flags.secret), secretKind: secretKind as "hmac", overlapMs }
  const act = { action: "webhook.rotate", target: id, details: { overlapMs } }
  const rotated = async (carillon: Operator): Promise<void> => {
    const { no: _, ...done } = (await audited(carillon, act, () =>
      carillon.webhooks.rotateSecret(id, options),
    )) as MadeWebhook
    showSecret(done, flags)
    const [last] = done.oldSecretsUntil
    if (!flags.json && last !== undefined) note(`The old one is good until ${localTime(last)}.`)
  }
  await withStore(flags, rotated, { warns: true })
}

export async function list(flags: StoreFlags): Promise<void> {
  await withStore(flags, async ({ webhooks }) => {
    const all = (await webhooks.list()).filter(({ group }) => [undefined, group].includes(flags.group))
    if (flags.json) return printJson(all.map(shown))
    printTable(
      ["WEBHOOK", "STATE", "EVENTS", "BY", "RECIPIENT", "SCOPE"],
      all.map((each) => [
        each.id,
        each.state,
        each.events.join(", "),
        each.notifier,
        each.recipient,
        scopeName(each.scope),
      ]),
    )
  })
}

export async function get(id: string, flags: StoreFlags): Promise<void> {
  await withStore(flags, async ({ webhooks }) => show(await webhooks.get(id), flags))
}

export async function steer(
  verb: "pause" | "resume" | "enable",
  id: string,
  flags: StoreFlags,
): Promise<void> {
  const action = `webhook.${verb}`
  await changed(id, flags, { action, change: ({ webhooks }) => webhooks[verb](id) })
}

export async function disable(id: string, flags: StoreFlags & { readonly detail?: string }): Promise<void> {
  const { detail } = flags
  await changed(id, flags, {
    action: "webhook.disable",
    details: { detail },
    change: ({ webhooks }) => webhooks.disable(id, { detail }),
  })
}

export async function remove(id: string, flags: StoreFlags): Promise<void> {
  await withStore(flags, async (carillon) => {
    const removed = await audited(carillon, { action: "webhook.remove", target: id }, async (trace) => {
      const done = await carillon.webhooks.remove(id)
      trace({ cancelled: done.cancelled })
      return done
    })
    if (flags.json) return printJson(removed)
    print(`${removed.id} is removed; ${removed.cancelled} waiting deliveries are cancelled`)
  })
}

export async function test(
  id: string,
  flags: StoreFlags & { readonly event?: string; readonly data?: string },
): Promise<void> {
  const wish = { event: flags.event, data: await dataOf(flags.data) }
  await withStore(flags, async (carillon) => {
    const result = await audited(carillon, { action: "webhook.test", target: id }, async (trace) => {
      const done = await carillon.webhooks.test(id, wish)
      trace({ event: done.event, success: done.success, status: done.details?.status ?? null })
      return done
    })
    if (!result.success) process.exitCode = 1
    if (flags.json) return printJson(result)
    const { success, event, ms, details, responseData } = result
    const status = details?.status ?? null
    print(`${event} ${success ? "arrived" : "did not arrive"}, after ${shortDuration(ms)}`)
    if (status !== null) print(`status   ${status}`)
    if (responseData !== "") print(`answer   ${responseData}`)
  })
}

export async function health(id: string, flags: StoreFlags): Promise<void> {
  await withStore(flags, async ({ webhooks }) => {
    const found = await webhooks.health(id)
    if (flags.json) return printJson(found)
    const { successRate, p50Ms, p99Ms, attempts, lastFailure, since, stalled } = found
    const rate =
      successRate === null ? "no attempt yet" : `${(successRate * 100).toFixed(1)} % of ${attempts} attempts`
    print(`succeeded  ${rate}${since === null ? "" : `, since ${localTime(since)}`}`)
    if (p50Ms !== null && p99Ms !== null)
      print(`took       ${shortDuration(p50Ms)} (p50), ${shortDuration(p99Ms)} (p99)`)
    print(
      `waiting    ${found.waiting}${found.oldestWaitingAt === null ? "" : `, the oldest since ${localTime(found.oldestWaitingAt)}`}`,
    )
    print(`running    ${found.running}`)
    print(`dead       ${found.dead}`)
    if (stalled !== null) print(`stalled    since ${localTime(stalled.since)}: ${stalled.why}`)
    if (lastFailure !== null)
      print(`failed     ${localTime(lastFailure.at)}, ${lastFailure.deliveryId}: ${lastFailure.error}`)
  })
}

interface Act {
  readonly action: string
  readonly details?: Readonly<Record<string, unknown>>
  readonly change: (carillon: Operator) => Promise<Shown>
}

async function changed(id: string, flags: StoreFlags, { action, details, change }: Act): Promise<void> {
  await withStore(flags, async (carillon) => {
    show(await audited(carillon, { action, target: id, details }, () => change(carillon)), flags)
  })
}

/** A number of the store's own, which servers do not tell. */
function shown(webhook: Shown): Shown {
  const { no: _, ...rest } = webhook as Webhook
  return rest
}

function show(webhook: Shown, { json }: StoreFlags): void {
  if (json) {
    printJson(shown(webhook))
    return
  }
  const { state, disabled, resting, stalled, filter, fields } = webhook
  print(`webhook    ${webhook.id}`)
  print(
    `state      ${state}${disabled === null ? "" : `, ${disabled.reason}${disabled.detail === "" ? "" : `: ${disabled.detail}`}`}`,
  )
  if (resting !== null) print(`rests      until ${localTime(resting.until)}: ${resting.why}`)
  if (stalled !== null) print(`stalled    since ${localTime(stalled.since)}: ${stalled.why}`)
  print(`events     ${webhook.events.join(", ")}`)
  print(`recipient  ${webhook.recipient}`)
  print(`sent by    ${webhook.notifier}, as ${webhook.form}`)
  print(`scope      ${scopeName(webhook.scope)}`)
  if (webhook.storeId > 0) print(`store      ${webhook.storeId}`)
  if (filter !== null) print(`filter     ${JSON.stringify(filter)}`)
  if (webhook.sender !== null) print(`sender     ${webhook.sender}`)
  if (fields !== null) print(`fields     ${fields.join(", ")}`)
  if (webhook.headers.length > 0) print(`headers    ${webhook.headers.join(", ")}`)
  if (Object.keys(webhook.options).length > 0) print(`options    ${JSON.stringify(webhook.options)}`)
  if (webhook.credentials.length > 0) print(`sealed     ${webhook.credentials.join(", ")}`)
  print(`tried      ${retriesOf(webhook.policy)}; ${shortDuration(webhook.policy.timeout)} for each`)
  print(`at most    ${limitsOf(webhook.policy)}`)
  for (const until of webhook.oldSecretsUntil)
    print(`secrets    an old one is good until ${localTime(until)}`)
  if (webhook.description !== "") print(`what for   ${webhook.description}`)
}

function retriesOf(policy: ResolvedPolicy): string {
  const { retries, delays, initialBackoffDelay, exponentialBackoffCoefficient, maximumBackoffDelay } = policy
  if (retries === 0) return "once"
  const longest = shortDuration(maximumBackoffDelay)
  const backoff = `${shortDuration(initialBackoffDelay)}, then ${exponentialBackoffCoefficient} times as long, ${longest} at most`
  return `${retries + 1} times: again after ${delays?.map(shortDuration).join(", ") ?? backoff}`
}

function limitsOf(policy: ResolvedPolicy): string {
  const { concurrency, globalConcurrency, keyConcurrency, rateLimit, order } = policy
  const limits = [
    `${concurrency} at a time in a process`,
    globalConcurrency === null ? null : `${globalConcurrency} at a time in all`,
    keyConcurrency === null ? null : `${keyConcurrency} of a key at a time`,
    rateLimit === null ? null : `${rateLimit.limit} in ${shortDuration(rateLimit.per)}`,
    order === null ? null : `one of a key after another (${order})`,
  ]
  return limits.filter((each) => each !== null).join(", ")
}

function showSecret(made: Omit<MadeWebhook, "no">, { json }: StoreFlags): void {
  if (json) {
    printJson(made)
    return
  }
  print(`webhook     ${made.id}`)
  print(`secret      ${made.secret}`)
  if (made.publicKey !== null) print(`public key  ${made.publicKey}`)
  note("Keep the secret: it is not shown again.")
}

function scopeName(scope: string | null): string {
  return scope === null ? "all" : scope === "" ? "default/master" : scope
}

/** A path or a query may be a secret in itself. */
function hostOf(recipient: string): string {
  return URL.parse(recipient)?.host ?? "no URL"
}
