import { compileFilter } from "../core/filter.ts"
import { commitTime } from "../core/ids.ts"
import { compileNamePattern, nearestName } from "../core/pattern.ts"
import { parseScope } from "../core/scope.ts"
import { isOperational, patternsOf, type SubscriptionVersion, wishesForEvents } from "../core/subscription.ts"
import type { EventView } from "../core/view.ts"

/** A subscription that one might have expected to get the event, and why it did not. */
export interface UncalledReport {
  readonly subscription: string
  readonly group: string
  readonly reason: "name" | "operational" | "sender" | "scope" | "filter" | "later" | "removed"
  readonly why: string
}

/**
 * Why those were not called that came near: their name fits, or nearly.
 *
 * `all` holds every version of every subscription; the event was routed by catalog version `version`.
 */
export function uncalledOf(
  view: EventView,
  version: number,
  all: readonly SubscriptionVersion[],
  called: ReadonlySet<number>,
): UncalledReport[] {
  const reports: UncalledReport[] = []
  const byNo = Map.groupBy(all, (each) => each.no)
  for (const [no, versions] of byNo) {
    if (called.has(no) || !wishesForEvents(versions[0] as SubscriptionVersion)) continue
    const report = uncalled(view, version, versions)
    if (report !== null) reports.push(report)
  }
  const names = reports.filter((each) => each.reason === "name")
  return [...reports.filter((each) => each.reason !== "name"), ...names]
}

function uncalled(
  view: EventView,
  version: number,
  versions: readonly SubscriptionVersion[],
): UncalledReport | null {
  const last = versions.at(-1) as SubscriptionVersion
  const then = versions.find(
    (each) => each.fromVersion <= version && (each.toVersion === null || version < each.toVersion),
  )
  const mismatch = mismatchOf(view, then ?? last)
  const about = { subscription: last.id, group: last.group }
  if (mismatch !== undefined) return mismatch === null ? null : { ...about, ...mismatch }
  if (then !== undefined) return null
  const isLater = (versions[0] as SubscriptionVersion).fromVersion > version
  if (isLater && last.toVersion !== null) return null // it came later and is gone again: nobody expects it
  return isLater
    ? {
        ...about,
        reason: "later",
        why: "it was subscribed after this event and starts with what is emitted from then on; a replay delivers it",
      }
    : { ...about, reason: "removed", why: "it was removed before this event" }
}

type Mismatch = Pick<UncalledReport, "reason" | "why">

/** `undefined` = it wants the event; `null` = it has nothing to do with it. */
function mismatchOf(view: EventView, { definition }: SubscriptionVersion): Mismatch | null | undefined {
  const { sender, scope, filter } = definition
  const patterns = patternsOf(definition)
  const listed = patterns.map((pattern) => `\`${pattern}\``).join(", ")
  const fitting = patterns.filter((pattern) => compileNamePattern(pattern)(view.name))
  if (fitting.length === 0) {
    const near = nearestName(view.name, patterns)
    return near === null
      ? null
      : { reason: "name", why: `it listens to \`${near}\`: did you mean that name?` }
  }
  if (isOperational(view.name) && !fitting.some(isOperational))
    return {
      reason: "operational",
      why: `Carillon's own events are heard by patterns that begin with \`carillon.\`, and it listens to ${listed}`,
    }
  if (scope !== null && scope !== view.stored.scope)
    return {
      reason: "scope",
      why: `it listens to scope ${scopeName(scope)}, and the event is of ${scopeName(view.stored.scope)}`,
    }
  if (sender !== null && sender !== view.sender)
    return {
      reason: "sender",
      why: `it listens to sender \`${sender}\`, and the event ${view.sender === null ? "names no sender" : `is of \`${view.sender}\``}`,
    }
  if (filter === null || filter === undefined) return undefined
  const why = compileFilter(filter).explain(view)
  return why === null ? undefined : { reason: "filter", why: `its filter does not match: ${why}` }
}

function scopeName(key: string): string {
  const { account, workspace } = parseScope(key)
  return `\`${account}/${workspace}\``
}

/** When an event was written, as its commit's id tells. */
export function writtenAt(view: EventView): Date {
  return new Date(commitTime(view.commitId))
}
