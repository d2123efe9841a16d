import { InvalidInputError, NotFoundError } from "../core/errors.ts"
import { nearestName } from "../core/pattern.ts"
import { type SubscriptionVersion, wishesForEvents } from "../core/subscription.ts"
import type { WithinScopes } from "./within.ts"

/** How people name a subscription: by its catalog id, or by its subscriber's id where only one has it. */
export interface SubscriptionName extends WithinScopes {
  /** `sync-cms@brand.created`, or `sync-cms` when that subscriber listens to one pattern only. */
  readonly subscription: string
  /** @defaultValue the Carillon's own group */
  readonly group?: string
}

type FullName = Required<Pick<SubscriptionName, "subscription" | "group">>

/**
 * The one current subscription of that name to which events are delivered.
 *
 * @throws NotFoundError with what there is; InvalidInputError with the candidates when there are several
 */
export function findSubscription(
  current: readonly SubscriptionVersion[],
  name: FullName,
): SubscriptionVersion {
  const other = standing(current, name).find((each) => !wishesForEvents(each))
  if (other !== undefined) throw noDeliveries(other)
  return findIn(current.filter(wishesForEvents), name)
}

/**
 * What else stands in the catalog goes by such names as well: `schedule:sync-brands`, `workflow:place-order#3f2a…`, or
 * `workflow:place-order` for all its shapes.
 *
 * @throws NotFoundError; InvalidInputError
 */
export function findStanding(
  current: readonly SubscriptionVersion[],
  name: FullName,
): readonly SubscriptionVersion[] {
  const found = standing(current, name)
  if (found.length > 0) return found
  const kind = /^(?:workflow|schedule):/.exec(name.subscription)?.[0]
  if (kind === undefined) return [findIn(current.filter(wishesForEvents), name)]
  const alike = current.filter((each) => each.id.startsWith(kind))
  return [findIn(alike, name)]
}

function standing(
  current: readonly SubscriptionVersion[],
  { subscription: name, group }: FullName,
): SubscriptionVersion[] {
  return current.filter((each) => each.group === group && (each.id === name || workflowOf(each) === name))
}

function workflowOf({ definition: { target } }: SubscriptionVersion): string | null {
  return target.kind === "workflow" ? `workflow:${target.workflow}` : null
}

function findIn(
  current: readonly SubscriptionVersion[],
  { subscription: name, group }: FullName,
): SubscriptionVersion {
  const own = current.filter((each) => each.group === group)
  const exact = own.find((each) => each.id === name)
  if (exact !== undefined) return exact
  const found = own.filter((each) => subscriberOf(each.id) === name)
  if (found.length === 1) return found[0] as SubscriptionVersion
  if (found.length > 1) throw ambiguous(name, found)
  throw notFound(name, group, own, current)
}

/** The subscriber's part of a catalog id; of a webhook, which is no subscriber's, all of it. */
export function subscriberOf(id: string): string {
  return WEBHOOK.test(id) ? id : id.slice(0, Math.max(0, id.lastIndexOf("@")))
}

const WEBHOOK = /^sub_[0-9A-Z]{26}$/

function noDeliveries({ id, definition }: SubscriptionVersion): InvalidInputError {
  const { kind } = definition.target
  return new InvalidInputError(
    `Expected a subscription to events, got the ${kind} \`${id}\`, which is delivered none. See it with \`carillon ${kind}s\`, and what it does with \`carillon runs\`.`,
  )
}

function ambiguous(name: string, found: readonly SubscriptionVersion[]): InvalidInputError {
  return new InvalidInputError(
    `Expected the name of one subscription, got \`${name}\`, which stands for ${found.length}: ${listed(found)}. Write one of them in full.`,
  )
}

function notFound(
  name: string,
  group: string,
  own: readonly SubscriptionVersion[],
  all: readonly SubscriptionVersion[],
): NotFoundError {
  const elsewhere = all.filter((each) => each.id === name || subscriberOf(each.id) === name)
  if (elsewhere.length > 0) {
    const groups = [...new Set(elsewhere.map((each) => `\`${each.group}\``))].join(", ")
    return new NotFoundError(
      `Expected a subscription of group \`${group}\`, got \`${name}\`, which group ${groups} has. Name that group.`,
    )
  }
  const names = own.flatMap((each) => [each.id, subscriberOf(each.id), workflowOf(each) ?? ""])
  const near = nearestName(name, names)
  const mend =
    near !== null
      ? `Did you mean \`${near}\`?`
      : own.length > 0
        ? `There are: ${listed(own)}.`
        : groupsOf(all)
  return new NotFoundError(`Expected a subscription of group \`${group}\`, got \`${name}\`. ${mend}`)
}

function groupsOf(all: readonly SubscriptionVersion[]): string {
  const groups = [...new Set(all.map((each) => `\`${each.group}\``))]
  return groups.length === 0
    ? "Nobody has subscribed to anything yet."
    : `That group has none; these have some: ${groups.join(", ")}.`
}

const MOST_LISTED = 20

function listed(some: readonly SubscriptionVersion[]): string {
  const ids = some.slice(0, MOST_LISTED).map((each) => `\`${each.id}\``)
  if (some.length > MOST_LISTED) ids.push(`and ${some.length - MOST_LISTED} more`)
  return ids.join(", ")
}
