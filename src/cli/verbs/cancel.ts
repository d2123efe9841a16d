import { audited } from "../audited.ts"
import { Progress, print, printJson } from "../output.ts"
import { noteSkipped, type SelectionFlags, selectionOf, wordsOf } from "../selection.ts"
import { withStore } from "../store.ts"
import { reachOf } from "../within.ts"

export async function cancel(ids: readonly string[], flags: SelectionFlags): Promise<void> {
  const progress = new Progress()
  const selection = selectionOf(ids, flags, progress)
  await withStore(flags, async (carillon) => {
    const cancelled = () => carillon.cancel(selection)
    const act = { action: "delivery.cancel", scopes: reachOf(flags), details: wordsOf(selection) }
    const result = flags.dryRun
      ? await cancelled()
      : await audited(carillon, act, async (trace) => {
          const done = await cancelled()
          trace({ cancelled: done.cancelled, skipped: done.skipped.length })
          return done
        })
    progress.end()
    if (flags.json) printJson(result)
    else print(`${result.cancelled} deliveries ${result.dryRun ? "would be" : "are"} cancelled`)
    noteSkipped(result.skipped)
  })
}
