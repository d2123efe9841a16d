import type { RunState } from "../../core/run.ts"
import type { RunDetail, RunReport, StepReport } from "../../runs/run-report.ts"
import { audited } from "../audited.ts"
import { noteCursor, paint, print, printJson, printTable, visible } from "../output.ts"
import { related } from "../related.ts"
import { withStore } from "../store.ts"
import { localTime } from "../time.ts"
import { reachOf, type ScopedFlags, scopeName, within } from "../within.ts"

interface RunsFlags extends ScopedFlags {
  readonly workflow?: string
  readonly state?: string
  readonly transaction?: string
  readonly parent?: string
  readonly since?: Date
  readonly until?: Date
  readonly limit?: number
  readonly cursor?: string
}

export async function runs(flags: RunsFlags): Promise<void> {
  const { workflow, parent, transaction: transactionId, since: from, until: to, limit, cursor } = flags
  await withStore(flags, async ({ workflows }) => {
    const state = flags.state as RunState | undefined
    const filter = { workflow, state, transactionId, parent, from, to, limit, cursor }
    const page = await workflows.list({ ...filter, ...within(flags) })
    if (flags.json) return printJson(page)
    printTable(
      ["STARTED", "STATE", "WORKFLOW", "RUN", "TRANSACTION", "SCOPE", "WHY"],
      page.items.map((each) => [
        each.startedAt,
        each.state,
        each.workflow,
        each.id,
        each.transactionId,
        scopeName(each.scope),
        [each.why, each.error].filter(Boolean).join(": ") || null,
      ]),
    )
    noteCursor(page.cursor)
  })
}

export async function showRun(id: string, flags: ScopedFlags): Promise<void> {
  await withStore(flags, async ({ workflows }) => {
    const run = await workflows.retrieve(id, within(flags))
    if (flags.json) printJson(run)
    else for (const line of [...runLines(run), "", ...run.steps.flatMap(stepLines)]) print(line)
  })
}

export async function cancelRun(id: string, flags: ScopedFlags): Promise<void> {
  await withStore(flags, async (carillon) => {
    const act = { action: "run.cancel", target: id, scopes: reachOf(flags) }
    const run = await audited(carillon, act, () => carillon.workflows.revert(id, undefined, within(flags)))
    if (flags.json) printJson(run)
    else print(`${visible(run.id)} is being undone; follow it with: carillon runs show ${visible(run.id)}`)
  })
}

export async function retryStep(id: string, step: string, flags: ScopedFlags): Promise<void> {
  await withStore(flags, async (carillon) => {
    const act = { action: "run.retry-step", target: id, scopes: reachOf(flags), details: { step } }
    const run = await audited(carillon, act, () => carillon.workflows.retry(id, step, within(flags)))
    if (flags.json) printJson(run)
    else print(`${visible(step)} of ${visible(run.id)} is tried again`)
  })
}

function contentLines({ erasedAt, input, state, result }: RunDetail): string[] {
  if (erasedAt !== null)
    return [`  erased at    ${localTime(erasedAt)}: what it and its steps were given and gave`]
  return [`  input        ${json(input)}`, ...(state === "done" ? [`  result       ${json(result)}`] : [])]
}

function runLines(run: RunDetail): string[] {
  return [
    `${paint("bold", visible(run.workflow))}  ${run.state}${run.why === null ? "" : ` (${visible(run.why)})`}`,
    `  id           ${visible(run.id)}`,
    `  transaction  ${visible(run.transactionId)}`,
    `  scope        ${scopeName(run.scope)}`,
    `  event group  ${visible(run.eventGroupId)}`,
    ...timeLines(run),
    ...(run.parent === null
      ? []
      : [`  step of      ${visible(run.parent.step)} in ${visible(run.parent.run)}`]),
    ...contentLines(run),
    ...(run.error === null ? [] : [`  error        ${visible(run.error)}`]),
    ...(run.cancelled === null ? [] : [`  cancelled    ${visible(run.cancelled)}`]),
    ...run.emitted.map((each) => `  emitted      ${related(each)}`),
    ...(run.searchedAll
      ? []
      : ["  emitted      perhaps more: only the events right after its start were searched"]),
    ...run.children.map(
      (each) => `  child        a run of ${visible(each.workflow)}  ${visible(each.id)}  ${each.state}`,
    ),
  ]
}

function timeLines({ startedAt, endedAt, dueAt }: RunReport): string[] {
  return [
    `  started      ${localTime(startedAt)}`,
    ...(endedAt === null ? [] : [`  ended        ${localTime(endedAt)}`]),
    ...(dueAt === null ? [] : [`  goes on      ${localTime(dueAt)}`]),
  ]
}

function stepLines(step: StepReport): string[] {
  const { phase, attempt, outcome, at, ms, worker, waitsFor, dueAt, error, output } = step
  const what = phase === "compensate" ? `undo ${step.step}` : step.step
  const until = dueAt === null ? "" : ` until ${localTime(dueAt)}`
  return [
    `${visible(what)}  attempt ${attempt}  ${outcome}  ${localTime(at)}  ${ms} ms  worker ${worker}`,
    ...(waitsFor === null ? [] : [`    waits for ${visible(waitsFor)}${until}`]),
    ...(error === null ? [] : [`    ${visible(error)}`]),
    ...(output === undefined || phase === "compensate" ? [] : [`    → ${json(output)}`]),
  ]
}

function json(value: unknown): string {
  return visible(JSON.stringify(value) ?? "none")
}
