import { audited } from "../audited.ts"
import { Progress, print, printJson } from "../output.ts"
import { type StoreFlags, withStore } from "../store.ts"

interface PruneFlags extends StoreFlags {
  readonly before?: Date
  readonly deadBefore?: Date
  readonly dryRun?: true
}

export async function prune(flags: PruneFlags): Promise<void> {
  const { before, deadBefore, dryRun } = flags
  const progress = new Progress()
  await withStore(flags, async (carillon) => {
    const onProgress = ({ events, jobs }: { events: number; jobs: number }): void =>
      progress.show(`${events} events and ${jobs} jobs deleted`)
    const pruned = () => carillon.prune({ before, deadBefore, dryRun, onProgress })
    const act = { action: "system.prune", details: { before, deadBefore } }
    const report = dryRun
      ? await pruned()
      : await audited(carillon, act, async (trace) => {
          const done = await pruned()
          trace({ events: done.events, jobs: done.jobs })
          return done
        })
    progress.end()
    if (flags.json) printJson(report)
    else if (report.dryRun) print(`At most ${report.events} events and ${report.jobs} jobs would be deleted`)
    else print(`${report.events} events and ${report.jobs} jobs are deleted`)
  })
}
