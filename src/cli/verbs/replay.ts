import { setTimeout as pause } from "node:timers/promises"
import { audited } from "../audited.ts"
import type { Operator } from "../operator.ts"
import { note, Progress, print, printJson, UsageError } from "../output.ts"
import { withStore } from "../store.ts"
import { reachOf, type ScopedFlags, within } from "../within.ts"

interface ReplayFlags extends ScopedFlags {
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
    const wish = { subscription, group, since, until, eventId: event, missingOnly }
    const onProgress = (count: number): void => progress.show(`${count} deliveries counted`)
    const replayed = () => carillon.replay({ ...wish, ...within(flags), dryRun, onProgress })
    const result = dryRun
      ? await replayed()
      : await audited(
          carillon,
          { action: "delivery.replay", target: subscription, scopes: reachOf(flags), details: wish },
          async (trace) => {
            const done = await replayed()
            trace({ id: done.id, count: done.count })
            return done
          },
        )
    progress.end()
    if (flags.wait && result.id !== null) await waitFor(carillon, result.id, result.count)
    if (flags.json) printJson(result)
    else if (result.id === null)
      print(`${result.count} deliveries to ${result.subscription} ${dryRun ? "would be" : "are"} made`)
    else print(`${result.id}: ${result.count} deliveries to ${result.subscription}`)
  })
}

async function waitFor(carillon: Operator, id: string, count: number): Promise<void> {
  const progress = new Progress()
  if (!(await carillon.workers()).some((each) => each.alive)) note("No worker is running: waiting for one.")
  for (;;) {
    const { state, made } = await carillon.replayProgress(id)
    progress.show(`${made} of ${count} deliveries made`)
    if (state !== "waiting" && state !== "running") break
    await pause(POLL_MS)
  }
  progress.end()
}

const POLL_MS = 200
