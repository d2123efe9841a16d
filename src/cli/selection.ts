import type { DeliverySelection, SkippedDelivery } from "../bus/selection.ts"
import { note, type Progress, UsageError } from "./output.ts"
import { type ScopedFlags, within } from "./within.ts"

export interface SelectionFlags extends ScopedFlags {
  readonly subscription?: string
  readonly name?: string
  readonly all?: true
  readonly retrying?: true
  readonly dryRun?: true
}

/** The deliveries that a command line means; without a word it means none, never all. */
export function selectionOf(
  ids: readonly string[],
  flags: SelectionFlags,
  progress: Progress,
): DeliverySelection {
  const { subscription, group, name, all, retrying, dryRun } = flags
  const hasFilter = subscription !== undefined || name !== undefined || all === true
  if (ids.length === 0 && !hasFilter)
    throw new UsageError("Expected ids, --subscription, --name or --all: say which deliveries are meant.")
  if (ids.length > 0 && hasFilter)
    throw new UsageError("Expected either ids or --subscription, --name or --all, got both.")
  return {
    ids: ids.length > 0 ? ids : undefined,
    subscription,
    group,
    name,
    all,
    ...within(flags),
    retrying,
    dryRun,
    onProgress: (count) => progress.show(`${count} deliveries`),
  }
}

/** What was selected, for the audit log. */
export function wordsOf(selection: DeliverySelection): Record<string, unknown> {
  const { ids, subscription, group, name, all, retrying } = selection
  return { ids, subscription, group, name, all, retrying }
}

export function noteSkipped(skipped: readonly SkippedDelivery[]): void {
  for (const { id, why } of skipped) note(`skipped ${id}: ${why}`)
  if (skipped.length > 0) process.exitCode = 1
}
