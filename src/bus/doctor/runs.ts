import { shortDuration } from "../../core/amounts.ts"
import type { ScheduleReport } from "../schedule-report.ts"
import type { CountedWorkflow } from "../workflow-report.ts"
import type { Facts } from "./facts.ts"
import { count, type Finding, listed, ok, orElse, problem, warning } from "./finding.ts"

/** Runs that stand still or went wrong, and schedules that nobody keeps. */
export function runFindings(facts: Facts): readonly Finding[] {
  return [...runs(facts), ...schedules(facts)]
}

function runs(facts: Facts): readonly Finding[] {
  const { workflows } = facts
  const findings = [
    ...workflows.flatMap((each) => held(each, facts)),
    ...crashed(facts),
    ...workflows.flatMap((each) => failed(each, facts)),
  ]
  const [running, waiting] = [sum(workflows, "running"), sum(workflows, "waiting")]
  const shapes = new Set(workflows.map(({ group, workflow }) => `${group} ${workflow}`))
  const fine = `${count(shapes.size, "workflow")}: ${count(running, "run goes", "runs go")} on, ${waiting.toLocaleString("en")} wait.`
  return orElse(findings, ok("runs", fine))
}

function sum(workflows: readonly CountedWorkflow[], of: "running" | "waiting"): number {
  return workflows.reduce((all, each) => all + each[of], 0)
}

/** Runs that nobody can go on with, or goes on with in time. */
function held(report: CountedWorkflow, facts: Facts): Finding[] {
  const { id, workflow, group, waiting, paused, orphaned, dueAt } = report
  if (waiting === 0) return []
  if (orphaned) return [withoutWorker(report)]
  if (paused) {
    const what = `\`${workflow}\` (${group}) is paused, and ${wait(waiting)}.`
    return [warning("runs", what, `carillon resume ${id} --group ${group}, when it is time.`)]
  }
  const lateMs = dueAt === null ? 0 : facts.now - dueAt.getTime()
  if (lateMs < facts.limits.laggingMs) return []
  const judge = lateMs >= facts.limits.laggingMs * FAR_BEHIND ? problem : warning
  return [
    judge(
      "runs",
      `\`${workflow}\` (${group}) is ${shortDuration(lateMs)} behind: ${wait(waiting)}, and the first could have gone on since then.`,
      "See what keeps its workers busy: slow steps, its concurrency, too few workers.",
    ),
  ]
}

/** So many times later than late is not lateness any more. */
const FAR_BEHIND = 10

function withoutWorker({ id, workflow, hash, group, waiting, outdated }: CountedWorkflow): Finding {
  if (!outdated) {
    const what = `No live worker of group \`${group}\` knows the workflow \`${workflow}\`; ${wait(waiting)}.`
    return problem("runs", what, "Start an app that has it.")
  }
  return problem(
    "runs",
    `${wait(waiting)} for a worker that knows \`${workflow}\` (${group}) in its old shape ${hash}: its steps were changed since.`,
    `Let an app with the old steps run beside the new one until they have ended, or are undone (carillon runs cancel); then carillon subscriptions remove ${id} --group ${group}`,
  )
}

function wait(runs: number): string {
  return count(runs, "run waits", "runs wait")
}

function crashed({ crashedRuns }: Facts): Finding[] {
  if (crashedRuns.length === 0) return []
  return [
    problem(
      "runs",
      `${count(crashedRuns.length, "run has", "runs have")} ended the processes of their workers again and again, and stand still: ${listed(crashedRuns)}.`,
      "See at which step (carillon runs show), mend it, then carillon redrive with their ids.",
    ),
  ]
}

const RECENT_MS = 3 * 24 * 60 * 60 * 1_000

/** What was left half undone somebody has to finish by hand; it stays in lists when it is no news any more. */
function failed({ workflow, group, failed, failedAt }: CountedWorkflow, { now }: Facts): Finding[] {
  if (failedAt === null || now - failedAt.getTime() > RECENT_MS) return []
  return [
    warning(
      "runs",
      `${count(failed, "run", "runs")} of \`${workflow}\` (${group}) failed and could not be undone, the newest ${shortDuration(now - failedAt.getTime())} ago.`,
      `Look at them (carillon runs --workflow ${workflow} --state failed), mend the cause, then carillon runs retry <id> <step>.`,
    ),
  ]
}

function schedules(facts: Facts): readonly Finding[] {
  const findings = facts.schedules.flatMap((each) => late(each, facts))
  const paused = facts.schedules.filter((each) => each.paused).length
  const fine = `${count(facts.schedules.length, "schedule")}${paused === 0 ? "" : `, ${paused} of them paused`}.`
  return orElse(findings, ok("schedules", fine))
}

function late(schedule: ScheduleReport, { now, limits }: Facts): Finding[] {
  const { id, group, nextAt, paused, orphaned, crashed } = schedule
  if (crashed) {
    const what = `The tick of \`${id}\` (${group}) ended its workers' processes again and again: it stands still.`
    const todo = `Mend what its workflow does, then carillon redrive ${id} --group ${group}`
    return [problem("schedules", what, todo)]
  }
  if (nextAt === null || paused) return []
  const lateMs = now - nextAt.getTime()
  if (orphaned) return [unknownToWorkers(schedule, lateMs)]
  if (lateMs < limits.laggingMs) return []
  const what = `\`${id}\` (${group}) was due ${shortDuration(lateMs)} ago, though workers know it.`
  return [problem("schedules", what, "Look into the logs of these workers.")]
}

function unknownToWorkers({ id, group }: ScheduleReport, lateMs: number): Finding {
  const when = lateMs > 0 ? `was due ${shortDuration(lateMs)} ago` : `is due in ${shortDuration(-lateMs)}`
  const judge = lateMs > 0 ? problem : warning
  return judge(
    "schedules",
    `\`${id}\` (${group}) ${when}, and no live worker knows it.`,
    `Start its app; or, if it is gone for good: carillon subscriptions remove ${id} --group ${group}`,
  )
}
