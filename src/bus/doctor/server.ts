import { shortDuration } from "../../core/amounts.ts"
import type { HintFacts, Pin, ServerFacts } from "../../engine/inspection.ts"
import type { Facts } from "./facts.ts"
import { count, type Finding, listed, ok, orElse, problem, warning } from "./finding.ts"

/** What the server and our way to it say. */
export function serverFindings(facts: Facts): readonly Finding[] {
  const { server, product } = facts.inspection
  if (server === null) return []
  return [
    ok(
      "connection",
      `${product} answers at ${facts.database}, to role \`${server.role}\`, in schema \`${server.schema}\`.`,
    ),
    ...writing(server),
    ...rights(server),
    ...durability(server),
    ...vacuum(server),
    ...pins(server, facts.now),
    ...connections(facts, server),
    ...pooler(server),
    hints(server.hints),
    clock(server),
  ]
}

function writing({ isStandby, settings }: ServerFacts): Finding[] {
  if (isStandby)
    return [
      problem(
        "connection",
        "The server is a standby: nothing can be written there.",
        "Name the primary in the database's URL.",
      ),
    ]
  if (settings.default_transaction_read_only === "on")
    return [
      problem(
        "connection",
        "Transactions only read here (`default_transaction_read_only`): nothing can be written.",
        "Switch that off for this role, or use another one.",
      ),
    ]
  const { default_transaction_isolation: isolation, statement_timeout: timeout } = settings
  const findings: Finding[] = []
  if (isolation !== "read committed")
    findings.push(
      problem(
        "settings",
        `\`default_transaction_isolation\` is \`${isolation}\` here: commits are refused.`,
        "ALTER ROLE … SET default_transaction_isolation = 'read committed', for the role that Carillon uses.",
      ),
    )
  if (Number(timeout) > 0 && Number(timeout) < SHORT_STATEMENT_MS)
    findings.push(
      warning(
        "settings",
        `\`statement_timeout\` is ${timeout} ms for this role: a large commit or a prune may be cut off.`,
        "Give the role that Carillon uses 30 s or more, or none.",
      ),
    )
  return findings
}

const SHORT_STATEMENT_MS = 10_000

function rights({ lackingRights, role }: ServerFacts): readonly Finding[] {
  if (lackingRights.length === 0) return [ok("rights", `Role \`${role}\` has the rights it needs.`)]
  return [
    problem(
      "rights",
      `Role \`${role}\` lacks ${listed(lackingRights)}.`,
      "Grant them; what an app's role needs when another one migrates stands in docs/how-to/deploy.md.",
    ),
  ]
}

const LOSES: Readonly<Record<string, string>> = {
  fsync: "a crash of its machine may lose acknowledged events, or break the whole database",
  full_page_writes: "a crash of its machine may leave half-written pages",
  synchronous_commit: "a crash of the server loses the events that it acknowledged last",
}

function durability({ settings }: ServerFacts): readonly Finding[] {
  const findings = Object.entries(LOSES)
    .filter(([name]) => settings[name] === "off")
    .map(([name, loss]) =>
      problem(
        "durability",
        `\`${name}\` is off: ${loss}.`,
        `Switch \`${name}\` on for the server, the database and the role.`,
      ),
    )
  return orElse(findings, ok("durability", "What is acknowledged is on the server's disk."))
}

function vacuum({ settings, unvacuumed }: ServerFacts): readonly Finding[] {
  const findings: Finding[] = []
  for (const name of ["autovacuum", "track_counts"])
    if (settings[name] === "off")
      findings.push(
        problem(
          "autovacuum",
          `\`${name}\` is off: what was settled is never cleared away, and everything gets slower by and by.`,
          `Switch \`${name}\` on.`,
        ),
      )
  if (unvacuumed.length > 0)
    findings.push(
      warning(
        "autovacuum",
        `It is switched off for ${listed(unvacuumed)}.`,
        "ALTER TABLE … RESET (autovacuum_enabled).",
      ),
    )
  return orElse(findings, ok("autovacuum", "It clears away what was settled."))
}

const PINNED_LONG_MS = 5 * 60_000
const PINNED_TOO_LONG_MS = 60 * 60_000
/** Where the server does not say since when, as for slots and for other roles' transactions. */
const MANY_TRANSACTIONS = 1_000_000

function pins({ pins }: ServerFacts, now: number): readonly Finding[] {
  const findings = pins.flatMap((pin) => {
    const forMs = pin.since === null ? 0 : now - pin.since
    if (forMs < PINNED_LONG_MS && pin.transactions < MANY_TRANSACTIONS) return []
    const judge = forMs < PINNED_TOO_LONG_MS ? warning : problem
    const since = pin.since === null ? "" : ` for ${shortDuration(forMs)}`
    const what = `A ${pin.kind} (${pin.who}) has kept dead rows from being cleared${since}, ${count(pin.transactions, "transaction")} long.`
    return [judge("old transactions", what, END_IT[pin.kind])]
  })
  return orElse(findings, ok("old transactions", "None keeps dead rows from being cleared."))
}

const END_IT: Readonly<Record<Pin["kind"], string>> = {
  transaction: "End it (`SELECT pg_terminate_backend(<process>)`), and let whoever began it commit sooner.",
  "prepared transaction": "COMMIT PREPARED or ROLLBACK PREPARED it.",
  "replication slot": "Let its reader catch up, or drop the slot: `SELECT pg_drop_replication_slot(…)`.",
}

const NEARLY_ALL = 0.9

/** A pooler has connections of its own to give out; those are not ours to count. */
function connections({ workers, now }: Facts, { connections, pooler }: ServerFacts): readonly Finding[] {
  const { most, used, perProcess } = connections
  if (pooler.said || pooler.seen) return []
  const findings: Finding[] = []
  if (used >= most * NEARLY_ALL)
    findings.push(
      problem(
        "connections",
        `${used} of the server's ${most} connections are in use.`,
        "Raise `max_connections`, end what idles, or put a pooler before the server.",
      ),
    )
  const live = workers.filter((each) => each.expiresAt > now)
  const processes = new Set(live.map(({ host, pid, name }) => `${host} ${pid} ${name}`)).size
  if (processes * perProcess > most)
    findings.push(
      warning(
        "connections",
        `${count(processes, "process", "processes")} like this one may open ${processes * perProcess} connections, and the server has ${most}.`,
        "Lower `postgres.readers` and `postgres.transactions`, raise `max_connections`, or use a pooler.",
      ),
    )
  const fine = `${used} of ${most} are in use; a process like this one opens ${perProcess} at most.`
  return orElse(findings, ok("connections", fine))
}

function pooler({ pooler }: ServerFacts): Finding[] {
  if (pooler.seen && !pooler.said)
    return [
      warning(
        "pooler",
        "A pooler stands between, and Carillon was not told: prepared statements and hints break where it hands connections on.",
        "Add `?pooler=true` to the URL (or `postgres.pooler`), and name the server itself in `postgres.listenUrl`.",
      ),
    ]
  if (!pooler.said) return [ok("pooler", "None stands between.")]
  return [ok("pooler", "Nothing rests in sessions, so a pooler may stand between.")]
}

function hints(hints: HintFacts): Finding {
  switch (hints.kind) {
    case "heard":
      return ok("hints", `What one process notifies another hears, within ${shortDuration(hints.ms)}.`)
    case "off":
      return warning(
        "hints",
        "Nobody listens for hints here: what other processes leave is found by looking, each `pollMs`.",
        "Name the server itself, past the pooler, in `postgres.listenUrl`; or be content with that.",
      )
    case "failed":
      return warning(
        "hints",
        `Listening fails (${hints.reason}): what other processes leave is found by looking, each \`pollMs\`.`,
        "Let `postgres.listenUrl` name the server itself: a pooler in transaction mode cannot LISTEN.",
      )
  }
}

const SKEWED_MS = 5_000

function clock({ skewMs }: ServerFacts): Finding {
  const apart = `${shortDuration(Math.abs(skewMs))} ${skewMs > 0 ? "ahead of" : "behind"}`
  if (Math.abs(skewMs) < SKEWED_MS) return ok("clock", `This machine's clock is ${apart} the server's.`)
  return warning(
    "clock",
    `This machine's clock is ${apart} the server's. Carillon goes by the server's, but your code and your logs do not.`,
    "Let NTP set both clocks.",
  )
}
