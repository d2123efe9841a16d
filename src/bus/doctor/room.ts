import { shortBytes, shortDuration } from "../../core/amounts.ts"
import type { ServerFacts } from "../../engine/inspection.ts"
import type { Facts } from "./facts.ts"
import { count, type Finding, listed, ok, orElse, problem, warning } from "./finding.ts"

/** What the tables hold and what they take: schema, space, days, retention. */
export function roomFindings(facts: Facts): readonly Finding[] {
  const { server } = facts.inspection
  return [
    schema(facts),
    ...(server === null ? [] : oddities(server)),
    ...tables(facts),
    ...(server === null ? [] : [days(server, facts.now)]),
    retention(facts),
  ]
}

function schema({ version: { store, code, works } }: Facts): Finding {
  if (!works)
    return problem(
      "schema",
      `A newer Carillon brought the store to migration ${store}; this one knows ${code}.`,
      "Upgrade.",
    )
  if (store < code)
    return problem(
      "schema",
      `The store is at migration ${store}; this version needs ${code}.`,
      "carillon migrate",
    )
  if (store > code)
    return ok("schema", `It is at migration ${store}; this version knows ${code}, and works with it.`)
  return ok("schema", `It is at migration ${store}, as this version is.`)
}

function oddities({ unlogged, brokenIndexes }: ServerFacts): readonly Finding[] {
  const findings: Finding[] = []
  if (unlogged.length > 0)
    findings.push(
      problem(
        "schema",
        `${listed(unlogged)} ${unlogged.length === 1 ? "is" : "are"} not in the write-ahead log: a crash of the server empties them.`,
        "ALTER TABLE … SET LOGGED.",
      ),
    )
  if (brokenIndexes.length > 0)
    findings.push(
      problem(
        "schema",
        `${listed(brokenIndexes)} ${brokenIndexes.length === 1 ? "is" : "are"} not valid: ids may be taken twice, and looks get slow.`,
        "REINDEX INDEX CONCURRENTLY …",
      ),
    )
  return findings
}

/** Fewer are cleared away by the next autovacuum. */
const MANY_DEAD_ROWS = 100_000

function tables({ inspection: { tables, bytes } }: Facts): readonly Finding[] {
  const findings = tables.flatMap(({ name, rows, deadRows }) => {
    if (deadRows === null || deadRows < MANY_DEAD_ROWS || deadRows < rows) return []
    const what = `\`${name}\` has ${deadRows.toLocaleString("en")} dead rows beside ${rows.toLocaleString("en")} live ones.`
    return [warning("tables", what, `See what keeps autovacuum from it, or VACUUM ${name} now.`)]
  })
  const largest = tables.slice(0, 3).map((table) => `${table.name} ${shortBytes(table.bytes)}`)
  const fine = `${shortBytes(bytes)} in all${largest.length > 0 ? `: ${largest.join(", ")}` : ""}.`
  return orElse(findings, ok("tables", fine))
}

const DAY_MS = 24 * 60 * 60 * 1000

function days({ days }: ServerFacts, now: number): Finding {
  const wanted = [now, now + DAY_MS].map((at) => new Date(at).toISOString().slice(0, 10))
  const missing = wanted.filter((day) => !days.some((each) => each.day === day))
  if (missing.length > 0)
    return warning(
      "days",
      `There is no room for ${listed(missing)} yet: the first commit of a day then makes it, and waits for that.`,
      "Let a worker run, which makes days ahead, or run carillon prune.",
    )
  const largest = days.toSorted((a, b) => b.bytes - a.bytes)[0]
  const most =
    largest === undefined ? "" : `; the largest, ${largest.day}, takes ${shortBytes(largest.bytes)}`
  return ok("days", `${count(days.length, "day")} from ${days[0]?.day} to ${days.at(-1)?.day}${most}.`)
}

/** A worker prunes each ten minutes; what is a day late is not being pruned. */
const LATE_MS = DAY_MS

function retention({ inspection: { work }, limits: { retentionMs }, now }: Facts): Finding {
  const { oldestEventAt, oldestUnneededAt } = work
  const kept = `events are kept for ${shortDuration(retentionMs)}`
  if (oldestEventAt === null) return ok("retention", `There is no event; ${kept}.`)
  const lateMs = oldestUnneededAt === null ? 0 : now - oldestUnneededAt - retentionMs
  if (lateMs > LATE_MS)
    return warning(
      "retention",
      `Settled events wait to be deleted that are ${shortDuration(lateMs)} past their time (${kept}).`,
      "Let a worker run, or run carillon prune; look into the logs of the workers for what keeps them from it.",
    )
  const oldest = `The oldest event is ${shortDuration(now - oldestEventAt)} old; ${kept}`
  const needed = now - oldestEventAt > retentionMs + LATE_MS
  return ok("retention", needed ? `${oldest}, and longer where something still needs them.` : `${oldest}.`)
}
