import { type EndpointState, restsUntil } from "../core/endpoint.ts"
import { keyOfLine } from "../core/line.ts"
import type { JobRow } from "../engine/queries.ts"
import type { RunRow } from "../engine/runs.ts"
import type { Named } from "./delivery-report.ts"
import type { Staff } from "./staff.ts"

/** What of a waiting row tells why it waits. */
export type Waiting = Pick<JobRow, "reason" | "dueAt" | "key" | "isolated">

/** What holds it now comes first; the reason it was written down with may be over. */
export function whyWaiting(row: Waiting, subscription: Named, staff: Staff): string {
  const held = whyNobodyRunsIt(subscription, staff)
  if (held !== null) return held
  if (row.dueAt > staff.now) return row.reason === "delayed" ? "it is delayed" : "it is not due yet"
  if (row.isolated) return "it crashed a worker before: such deliveries run one at a time"
  switch (row.reason) {
    case "ordered":
      return row.key === null
        ? "it waits for its turn"
        : `it waits for its turn: earlier events of key \`${keyOfLine(row.key)}\` go first`
    case "limited":
      return "a limit of the subscription lets it through later"
    case "absent":
      return "the worker that took it had no handler for it: another has to take it"
    case "replayed":
      return "a replay asked for it, and it waits for a free slot"
    case "redriven":
      return "it was redriven, and waits for a free slot"
    case "spilled":
      return "its worker was busy with others and gave it up, and it waits for a free slot"
    case "delayed":
      return "its delay is over, and it waits for a free slot"
    default:
      return "it waits for a free slot"
  }
}

/** The subscription is paused, gone, or nobody is there to run it; or it cannot be sent, or its endpoint rests. */
function whyNobodyRunsIt({ no, id, group }: Named, staff: Staff): string | null {
  const current = staff.current.get(no)
  if (current === undefined) return "the subscription was removed"
  const { target, paused } = current.definition
  if (target.kind === "webhook" && target.disabled) return "the webhook is disabled"
  if (paused) return "the subscription is paused"
  if (!staff.hasWorker(group)) return `no worker of group \`${group}\` is running`
  if (staff.handlersOf(no).length === 0)
    return target.kind === "webhook"
      ? `no live worker sends webhooks by \`${target.notifier}\``
      : "no live worker has a handler for it"
  const state = staff.endpointOf(id)
  return whyItStalls(state) ?? whyItRests(state, staff.now)
}

function whyItStalls({ stalled }: EndpointState): string | null {
  if (stalled === null) return null
  return `nothing is sent, for a fault of Carillon's own since ${new Date(stalled.since).toISOString()}: ${stalled.why}`
}

/** The same for those who may not know what the endpoint answered, nor what ails this installation. */
export function withoutDetail(why: string): string {
  return why.replace(
    /(its endpoint rests until|nothing is sent, for a fault of Carillon's own since) (\S+): .*$/s,
    "$1 $2",
  )
}

/** What is left alone is so in every process, until then. */
function whyItRests(state: EndpointState, now: number): string | null {
  const until = restsUntil(state, now)
  if (until === null) return null
  if (state.phase === "probing") return "its endpoint rests, and one attempt shows whether it is back"
  return `its endpoint rests until ${new Date(until).toISOString()}: ${state.why}`
}

/** Why nobody goes on with a run that could go on; null = somebody may at any moment, or it waits for something. */
export function whyRunIsHeld({ subscription, group, job }: RunRow, staff: Staff): string | null {
  if (job?.state !== "waiting" || job.dueAt > staff.now) return null
  const workflow = staff.current.get(subscription)
  if (workflow === undefined) return "its workflow was removed: an app that has it brings it back"
  if (workflow.definition.paused) return "its workflow is paused"
  if (!staff.hasWorker(group)) return `no worker of group \`${group}\` is running`
  if (staff.handlersOf(subscription).length === 0)
    return "no live worker knows its workflow in the shape that it was begun with"
  return null
}

export function whyRetry(job: JobRow, subscription: Named, staff: Staff): string {
  const held = whyNobodyRunsIt(subscription, staff)
  const failed = `attempt ${job.attempt} failed`
  return held === null ? `${failed}, it is tried again` : `${failed}, and ${held}`
}

export function whyRunning(reason: string, worker: number | null): string {
  if (reason === "stuck")
    return `worker ${worker} runs it, past its timeout: the handler does not heed its signal`
  if (reason === "taken") return `worker ${worker} holds it: it runs, or is about to`
  return `worker ${worker} runs it`
}

export function whyDead({ reason }: Pick<JobRow, "reason">): string {
  return reason === "crashed worker" ? "its handler took its worker's process down, again and again" : reason
}

export function whyCancelled(reason: string): string {
  return reason === "subscription removed" ? "the subscription was removed" : reason
}
