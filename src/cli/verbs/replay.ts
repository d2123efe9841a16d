import { setTimeout as pause } from "node:timers/promises"
import type { Carillon } from "../../carillon.ts"
import { note, Progress, print, printJson, UsageError } from "../output.ts"
import { type StoreFlags, withStore } from "../store.ts"

interface ReplayFlags extends StoreFlags {
  readonly subscription: string
  readonly since?: Date
  readonly until?: Date
  readonly event?: string
  readonly missingOnly?: true
  readonly dryRun?: true
  readonly wait?: true
}

export async function replay(flags: ReplayFlags): Promise<void> {
  const { subscription, group, since, until, event, missingOnly, dryRun } = flags
  if (since === undefined && event === undefined)
    throw new UsageError("Expected --since or --event: say which events are meant.")
  const progress = new Progress()
  await withStore(flags, async (carillon) => {
    const result = await carillon.replay({
      subscription,
      group,
      since,
      until,
      eventId: event,
      missingOnly,
      dryRun,
      onProgress: (count) => progress.show(`${count} deliveries counted`),
    })
    progress.end()
    if (flags.wait && result.id !== null) await waitFor(carillon, result.id, result.count)
    if (flags.json) printJson(result)
    else if (result.id === null)
      print(`${result.count} deliveries to ${result.subscription} ${dryRun ? "would be" : "are"} made`)
    else print(`${result.id}: ${result.count} deliveries to ${result.subscription}`)
  })
}

async function waitFor(carillon: Carillon, id: string, count: number): Promise<void> {
  const progress = new Progress()
  if (!(await carillon.workers()).some((each) => each.alive)) note("No worker is running: waiting for one.")
  for (;;) {
    const { state, made } = await carillon.replayProgress(id)
    progress.show(`${made} of ${count} deliveries made`)
    if (state === "done" || state === "failed") break
    await pause(POLL_MS)
  }
  progress.end()
}

const POLL_MS = 200
