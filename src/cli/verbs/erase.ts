import { text } from "node:stream/consumers"
import { erasePattern } from "../../bus/erase-pattern.ts"
import type { EraseReport } from "../../bus/erase-report.ts"
import { scopeKeys } from "../../core/scope.ts"
import { audited } from "../audited.ts"
import { note, Progress, print, printJson, printTable, UsageError } from "../output.ts"
import { type StoreFlags, withStore } from "../store.ts"

interface EraseFlags extends StoreFlags {
  readonly where: string
  readonly scope?: readonly string[]
  readonly since?: Date
  readonly until?: Date
  readonly includeOpen?: true
  readonly rewrite?: true
  readonly dryRun?: true
  readonly yes?: true
}

export async function erase(flags: EraseFlags): Promise<void> {
  const { since, until, includeOpen, rewrite, dryRun } = flags
  if ((dryRun === true) === (flags.yes === true))
    throw new UsageError("Expected --dry-run, which only counts, or --yes, which erases for good.")
  const where = await patternOf(flags.where)
  erasePattern(where) // what it says of a bad one may be personal, and must not come into the audit log
  const progress = new Progress()
  await withStore(flags, async (carillon) => {
    const request = {
      ...{ where, scopes: flags.scope, from: since, to: until, includeOpen, rewrite, dryRun },
      onProgress: ({ events, runs }: { events: number; runs: number }) =>
        progress.show(`${events} events and ${runs} runs erased`),
    }
    const act = { action: "data.erase", scopes: scopeKeys(flags.scope) ?? ("all" as const) }
    const report =
      dryRun === true
        ? await carillon.erase(request)
        : await audited(carillon, act, async (tell) => {
            const done = await carillon.erase(request)
            tell(countsOf(done))
            return done
          })
    progress.end()
    if (flags.json) printJson(report)
    else show(report)
  })
}

async function patternOf(where: string): Promise<unknown> {
  try {
    return JSON.parse(where === "-" ? await text(process.stdin) : where)
  } catch {
    throw new UsageError(
      `Expected --where to be a pattern as JSON, such as '{"data":{"customer_id":["cus_1"]}}'.`, // what came may be personal
    )
  }
}

function countsOf({ events, staged, deliveries, cancelled, runs, steps, open }: EraseReport) {
  return { events, staged, deliveries, cancelled, runs, steps, open: open.events + open.runs + open.staged }
}

function show(report: EraseReport): void {
  const { dryRun, open } = report
  printTable(
    ["WHAT", dryRun ? "WOULD BE ERASED" : "ERASED", "OPEN, LEFT"],
    [
      ["events", report.events, open.events],
      ["staged", report.staged, open.staged],
      ["deliveries", report.deliveries, open.waiting + open.running],
      ["runs", report.runs, open.runs],
      ["steps", report.steps, null],
    ],
  )
  if (report.cancelled > 0)
    print(`${report.cancelled} deliveries that wait ${dryRun ? "would be" : "were"} cancelled`)
  if (open.events + open.staged + open.runs > 0) note(whatIsOpen(report))
  if (report.remains !== null) note(REMAINS[report.remains])
}

function whatIsOpen({ open }: EraseReport): string {
  return `${open.waiting + open.running} deliveries, ${open.runs} runs and ${open.staged} staged events are still open: wait for their end and erase again, or add --include-open, which cancels what waits`
}

const REMAINS = {
  none: "The files of the store hold nothing of it any more; backups do.",
  file: "Unused parts of the file may still hold bytes of it: erase again with --rewrite at a quiet hour; backups hold it, too.",
  log: "The file's log may still hold it, for somebody reads: erase again later; backups hold it, too.",
  server:
    "The server's dead rows, its log and backups still hold it: docs/how-to/erase-a-person.md says how long.",
} as const
