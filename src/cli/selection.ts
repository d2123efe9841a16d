import type { DeliverySelection, SkippedDelivery } from "../bus/selection.ts"
import { note, type Progress, UsageError } from "./output.ts"
import type { StoreFlags } from "./store.ts"

export interface SelectionFlags extends StoreFlags {
  readonly subscription?: string
  readonly name?: string
  readonly all?: true
  readonly dryRun?: true
}

/** The deliveries that a command line means; without a word it means none, never all. */
export function selectionOf(
  ids: readonly string[],
  { subscription, group, name, all, dryRun }: SelectionFlags,
  progress: Progress,
): DeliverySelection {
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
    dryRun,
    onProgress: (count) => progress.show(`${count} deliveries`),
  }
}

export function noteSkipped(skipped: readonly SkippedDelivery[]): void {
  for (const { id, why } of skipped) note(`skipped ${id}: ${why}`)
  if (skipped.length > 0) process.exitCode = 1
}
