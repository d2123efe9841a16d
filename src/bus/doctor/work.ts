import { shortDuration } from "../../core/amounts.ts"
import type { CountedSubscription } from "../subscription-report.ts"
import type { Facts, WorkerFacts } from "./facts.ts"
import { count, type Finding, listed, ok, orElse, problem, warning } from "./finding.ts"

/** What waits, what is held, and who is there to do it. */
export function workFindings(facts: Facts): readonly Finding[] {
  return [
    ...workers(facts),
    ...orphans(facts),
    ...lag(facts),
    ...openBatches(facts),
    ...deadLetters(facts),
    ...stuck(facts),
    ...strays(facts),
    ...staged(facts),
    ...outbox(facts),
  ]
}

function isLive({ expiresAt }: WorkerFacts, { now }: Facts): boolean {
  return expiresAt > now
}

/** A heartbeat of any other worker buries the dead; what stays for longer stays because nobody is there. */
function workers(facts: Facts): readonly Finding[] {
  const live = facts.workers.filter((each) => isLive(each, facts))
  const findings = facts.workers.flatMap((each) => {
    const name = `Worker ${each.no} (${each.group}, ${each.host.split(" ")[0]}, process ${each.pid})`
    if (!isLive(each, facts)) {
      const overMs = facts.now - each.expiresAt
      const judge = overMs > 2 * facts.limits.leaseMs ? problem : warning
      const what = `${name} is dead: its lease ran out ${shortDuration(overMs)} ago, and its work is not free yet.`
      return [judge("workers", what, "Start an app: any worker's heartbeat frees what the dead one held.")]
    }
    if (!each.isGone) return []
    const what = `${name} is not running any more; its lease ends in ${shortDuration(each.expiresAt - facts.now)}.`
    return [
      warning("workers", what, "Nothing, where a worker runs on that host: its next heartbeat sees it."),
    ]
  })
  const groups = new Set(live.map((each) => each.group))
  const fine = `${count(live.length, "worker is", "workers are")} live, of ${count(groups.size, "group")}.`
  return orElse(findings, ok("workers", fine))
}

/** Subscriptions that nobody has a handler for. */
function orphans(facts: Facts): readonly Finding[] {
  const groups = new Set(facts.workers.filter((each) => isLive(each, facts)).map((each) => each.group))
  const orphaned = facts.subscriptions.filter((each) => each.orphaned)
  const findings: Finding[] = []
  for (const group of new Set(orphaned.map((each) => each.group))) {
    const own = orphaned.filter((each) => each.group === group)
    findings.push(...(groups.has(group) ? own.map(withoutHandler) : [withoutWorker(group, own)]))
  }
  return orElse(findings, ok("orphans", "Every subscription has a live worker with its handler."))
}

function withoutHandler({ id, group, target, waiting }: CountedSubscription): Finding {
  const judge = waiting > 0 ? problem : warning
  if (target === "webhook")
    return judge(
      "orphans",
      `No live worker of group \`${group}\` has the notifier of the webhook \`${id}\`, or they send none; ${waits(waiting)}.`,
      `See which it is (carillon webhook get ${id}), and start an app that has it; or end it: carillon webhook remove ${id}`,
    )
  return judge(
    "orphans",
    `No live worker of group \`${group}\` has a handler for \`${id}\`; ${waits(waiting)}.`,
    `Deploy its handler, or end it: carillon subscriptions remove ${id} --group ${group}`,
  )
}

function withoutWorker(group: string, own: readonly CountedSubscription[]): Finding {
  const waiting = own.reduce((sum, each) => sum + each.waiting, 0)
  const judge = waiting > 0 ? problem : warning
  return judge(
    "orphans",
    `No worker of group \`${group}\` runs, for ${listed(own.map((each) => each.id))}; ${waits(waiting)}.`,
    "Start the app; or, if it is gone for good, remove its subscriptions.",
  )
}

function waits(deliveries: number): string {
  return deliveries === 0 ? "nothing waits" : count(deliveries, "delivery waits", "deliveries wait")
}

/** So many times later than late is not lateness any more. */
const FAR_BEHIND = 10

function lag({ subscriptions, limits }: Facts): readonly Finding[] {
  const findings = subscriptions.flatMap((each) => {
    const { id, group, lagSeconds, waiting, running, paused, orphaned } = each
    const ms = lagSeconds * 1_000
    if (orphaned || (!paused && ms < limits.laggingMs) || (paused && waiting === 0)) return []
    if (paused) {
      const what = `\`${id}\` (${group}) is paused, and ${waits(waiting)}.`
      return [warning("lag", what, goOn(each))]
    }
    const judge = ms >= limits.laggingMs * FAR_BEHIND ? problem : warning
    const what = `\`${id}\` (${group}) is ${shortDuration(ms)} behind: ${waiting.toLocaleString("en")} wait, ${running.toLocaleString("en")} run.`
    return [judge("lag", what, CATCH_UP)]
  })
  const longest = Math.max(0, ...subscriptions.map((each) => each.lagSeconds * 1_000))
  const behind = longest === 0 ? "nothing waits" : `the oldest delivery is ${shortDuration(longest)} old`
  return orElse(findings, ok("lag", `${count(subscriptions.length, "subscription")}; ${behind}.`))
}

/** A webhook may be paused, or disabled for a reason. */
function goOn({ id, group, target }: CountedSubscription): string {
  return target === "webhook"
    ? `carillon webhook get ${id} says why; then carillon webhook resume, or enable.`
    : `carillon resume ${id} --group ${group}, when it is time.`
}

const CATCH_UP =
  "See what its deliveries wait for (carillon deliveries --state waiting): failing attempts, a limit, slow handlers, too few workers."

/** Batches of a group that works belong to subscriptions that were reported above; these have nobody at all. */
function openBatches(facts: Facts): readonly Finding[] {
  const groups = new Set(facts.workers.filter((each) => isLive(each, facts)).map((each) => each.group))
  return facts.inspection.work.openBatches.flatMap(({ group, batches, oldestAt }) => {
    const ageMs = facts.now - oldestAt
    const what = `${count(batches, "batch is", "batches are")} open for group \`${group}\`, the oldest for ${shortDuration(ageMs)}`
    if (!groups.has(group))
      return [problem("orphans", `${what}, and no worker of it runs.`, "Start an app of this group.")]
    if (ageMs < facts.limits.laggingMs) return []
    return [warning("lag", `${what}.`, "See whether its workers keep up: more of them, or quicker handlers.")]
  })
}

function deadLetters({ subscriptions }: Facts): readonly Finding[] {
  const findings = subscriptions
    .filter((each) => each.dead > 0)
    .map(({ id, group, dead }) =>
      warning(
        "dead letters",
        `\`${id}\` (${group}) has ${count(dead, "dead letter")}.`,
        `Look at them (carillon dead --subscription ${id} --group ${group}), mend the cause, then carillon redrive or cancel.`,
      ),
    )
  return orElse(findings, ok("dead letters", "There are none."))
}

function stuck({ inspection }: Facts): readonly Finding[] {
  const { stuck } = inspection.work
  if (stuck.length === 0) return [ok("stuck", "No handler and no step runs past its timeout.")]
  return [
    warning(
      "stuck",
      `${count(stuck.length, "delivery or run goes", "deliveries or runs go")} on past the timeout, with code that does not heed its signal: ${listed(stuck)}.`,
      "Pass `signal` on to what the handler or step waits for. To be rid of these, restart the workers that run them.",
    ),
  ]
}

function strays({ inspection }: Facts): readonly Finding[] {
  const { strays } = inspection.work
  if (strays === 0) return []
  return [
    problem(
      "strays",
      `${count(strays, "row is", "rows are")} under the lease of a worker that is not there: nobody will ever settle them.`,
      "Free them: UPDATE batches, parts and jobs SET state = 0, worker = NULL WHERE state = 1 AND worker NOT IN (SELECT no FROM workers). And report it: this should not be.",
    ),
  ]
}

function staged({ stagedGroups, now, limits }: Facts): readonly Finding[] {
  const old = stagedGroups.filter((each) => now - each.oldestAt >= limits.stagedTtlMs)
  if (old.length === 0)
    return [
      ok("event groups", `${count(stagedGroups.length, "event group is", "event groups are")} held back.`),
    ]
  const names = listed(old.map((each) => `\`${each.eventGroupId}\` (${count(each.events, "event")})`))
  return [
    warning(
      "event groups",
      `${count(old.length, "event group has", "event groups have")} been held back for more than ${shortDuration(limits.stagedTtlMs)}: ${names}.`,
      "Release or clear them: whoever staged them did not come to it.",
    ),
  ]
}

/** A worker's next look finds what a transaction left. */
const OUTBOX_LATE_MS = 10_000

function outbox(facts: Facts): readonly Finding[] {
  const { outbox } = facts.inspection.work
  if (outbox === null) return []
  const ageMs = facts.now - outbox.oldestAt
  const what = `${count(outbox.events, "event")} of committed transactions ${outbox.events === 1 ? "waits" : "wait"} to be released, the oldest for ${shortDuration(ageMs)}`
  if (!facts.workers.some((each) => isLive(each, facts)))
    return [
      problem("outbox", `${what}, and no worker runs.`, "Start an app: any worker of any group does it."),
    ]
  if (ageMs < OUTBOX_LATE_MS) return [ok("outbox", `${what}.`)]
  return [
    problem(
      "outbox",
      `${what}, though workers are live.`,
      "Look into the logs of the workers for what keeps them from it.",
    ),
  ]
}
