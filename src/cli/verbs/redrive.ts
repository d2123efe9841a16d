import { audited } from "../audited.ts"
import { Progress, print, printJson } from "../output.ts"
import { noteSkipped, type SelectionFlags, selectionOf, wordsOf } from "../selection.ts"
import { withStore } from "../store.ts"
import { reachOf } from "../within.ts"

export async function redrive(ids: readonly string[], flags: SelectionFlags): Promise<void> {
  const progress = new Progress()
  const selection = selectionOf(ids, flags, progress)
  await withStore(flags, async (carillon) => {
    const redriven = () => carillon.redrive(selection)
    const act = { action: "delivery.redrive", scopes: reachOf(flags), details: wordsOf(selection) }
    const result = flags.dryRun
      ? await redriven()
      : await audited(carillon, act, async (trace) => {
          const done = await redriven()
          trace({ redriven: done.redriven, skipped: done.skipped.length })
          return done
        })
    progress.end()
    if (flags.json) printJson(result)
    else
      print(
        `${result.redriven} ${flags.retrying ? "deliveries" : "dead letters"} ${result.dryRun ? "would go" : "go"} again`,
      )
    noteSkipped(result.skipped)
  })
}
