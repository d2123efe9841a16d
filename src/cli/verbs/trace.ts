import type { DeliveryReport } from "../../bus/delivery-report.ts"
import type { StartedRunReport, Trace } from "../../bus/trace.ts"
import { isRunId } from "../../core/run.ts"
import { paint, print, printJson, visible } from "../output.ts"
import { related } from "../related.ts"
import { withStore } from "../store.ts"
import { localTime } from "../time.ts"
import { type ScopedFlags, scopeName, within } from "../within.ts"
import { showRun } from "./runs.ts"

/** Of a run there is more to tell than a trace has. */
export async function trace(id: string, flags: ScopedFlags): Promise<void> {
  if (isRunId(id)) return showRun(id, flags)
  await withStore(flags, async (carillon) => {
    const found = await carillon.trace(id, within(flags))
    if (flags.json) printJson(found)
    else for (const line of [...eventLines(found), ...deliveryLines(found), ...otherLines(found)]) print(line)
  })
}

function eventLines({ event, stagedIn, causes, caused, searchedAll }: Trace): string[] {
  const lines = [
    paint("bold", visible(event.name)),
    `  id         ${visible(event.id)}`,
    `  emitted    ${localTime(event.at)}`,
    `  scope      ${scopeName(event.scope)}`,
    ...(event.deliverAt === null ? [] : [`  deliver at ${localTime(event.deliverAt)}`]),
    ...(event.sender === null ? [] : [`  sender     ${visible(event.sender)}`]),
    ...(event.key === null ? [] : [`  key        ${visible(event.key)}`]),
    event.erasedAt === null
      ? dataLine(event)
      : `  erased at  ${localTime(event.erasedAt)}: its data, metadata and key; it is delivered no more`,
  ]
  if (Object.keys(event.metadata).length > 0)
    lines.push(`  metadata   ${visible(JSON.stringify(event.metadata))}`)
  for (const cause of causes) lines.push(`  caused by  ${related(cause)}`)
  for (const effect of caused) lines.push(`  caused     ${related(effect)}`)
  if (!searchedAll) lines.push("  caused     perhaps more: only the events right after it were searched")
  if (stagedIn !== null)
    lines.push(`  staged     in event group ${visible(stagedIn)}: nobody gets it before that is released`)
  return lines
}

function dataLine({ data, isUnresolved }: Trace["event"]): string {
  const text = visible(JSON.stringify(data) ?? "none")
  return isUnresolved ? `  arguments  ${text}: webhooks look the data up` : `  data       ${text}`
}

function deliveryLines({ deliveries, deliveryId, stagedIn, didYouMean, runs }: Trace): string[] {
  if (deliveries.length > 0)
    return [
      "",
      ...deliveries.flatMap((each) =>
        linesOf(
          each,
          each.deliveryId === deliveryId,
          runs.filter((run) => run.deliveryId === each.deliveryId),
        ),
      ),
    ]
  if (stagedIn !== null) return []
  const hint = didYouMean === null ? "" : `; did you mean ${didYouMean}?`
  return ["", `Nobody was subscribed to this name${hint}`]
}

const COLOURS = {
  delivered: "green",
  running: "cyan",
  waiting: "yellow",
  retry: "yellow",
  dead: "red",
  cancelled: "dim",
} as const

function startedRun({ id, workflow, state }: StartedRunReport): string {
  return `the run ${visible(id)} of ${visible(workflow)}: ${state}`
}

function linesOf(delivery: DeliveryReport, isAsked: boolean, runs: readonly StartedRunReport[]): string[] {
  const { state, subscription, group, replay, since, dueAt, why, error, attempts, together } = delivery
  const due = dueAt === null ? "" : `, due ${localTime(dueAt)}`
  const reason = why === null ? "" : `: ${visible(why)}`
  const again = replay === 0 ? "" : `, replay ${replay}`
  const lines = [
    `${isAsked ? ">" : " "} ${paint(COLOURS[state], state.padEnd(9))} ${subscription} (${group}${again})${reason}`,
    `            ${delivery.deliveryId}, since ${localTime(since)}${due}`,
  ]
  for (const each of attempts)
    lines.push(
      `            attempt ${each.attempt}: ${each.outcome} after ${each.ms} ms at ${localTime(each.at)}, worker ${each.worker}${each.error === null ? "" : `: ${visible(each.error)}`}`,
    )
  for (const run of runs) lines.push(`            started ${startedRun(run)}`)
  if (attempts.length === 0 && error !== null) lines.push(`            ${visible(error)}`)
  if (together !== null)
    lines.push(
      `            1 attempt, worker ${delivery.worker}; settled with ${together.deliveries} in all: ${together.averageMs} ms on average, ${together.longestMs} ms at most`,
    )
  return lines
}

function otherLines({ notCalled }: Trace): string[] {
  if (notCalled.length === 0) return []
  return [
    "",
    "Not called:",
    ...notCalled.map((each) => `  ${each.subscription} (${each.group}): ${visible(each.why)}`),
  ]
}
