import { Progress, print, printJson } from "../output.ts"
import { noteSkipped, type SelectionFlags, selectionOf } from "../selection.ts"
import { withStore } from "../store.ts"

export async function redrive(ids: readonly string[], flags: SelectionFlags): Promise<void> {
  const progress = new Progress()
  const selection = selectionOf(ids, flags, progress)
  await withStore(flags, async (carillon) => {
    const result = await carillon.redrive(selection)
    progress.end()
    if (flags.json) printJson(result)
    else print(`${result.redriven} dead letters ${result.dryRun ? "would go" : "go"} again`)
    noteSkipped(result.skipped)
  })
}
