import { Progress, print, printJson } from "../output.ts"
import { noteSkipped, type SelectionFlags, selectionOf } from "../selection.ts"
import { withStore } from "../store.ts"

export async function cancel(ids: readonly string[], flags: SelectionFlags): Promise<void> {
  const progress = new Progress()
  const selection = selectionOf(ids, flags, progress)
  await withStore(flags, async (carillon) => {
    const result = await carillon.cancel(selection)
    progress.end()
    if (flags.json) printJson(result)
    else print(`${result.cancelled} deliveries ${result.dryRun ? "would be" : "are"} cancelled`)
    noteSkipped(result.skipped)
  })
}
