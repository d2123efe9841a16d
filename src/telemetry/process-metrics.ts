import { createRequire } from "node:module"
import type { MetricsView } from "./process-view.ts"
import { histogramOf, type MetricDefinition, type Sample } from "./sample.ts"
import { EPHEMERAL, type SubscriptionTally } from "./tally.ts"

type Definition = MetricDefinition<MetricsView>

const SECONDS = 0.001

/** What one process counted since it began, and what it holds now. */
export const PROCESS_METRICS: readonly Definition[] = [
  {
    name: "carillon_build_info",
    type: "gauge",
    help: "Always 1; which Carillon this is, on which engine and Node.",
    labels: ["version", "engine", "node"],
    read: ({ engine }) => [
      { value: 1, labels: { version: packageVersion(), engine, node: process.version } },
    ],
  },
  {
    name: "carillon_emits_total",
    type: "counter",
    help: "Calls of emit that this process was to write at once, and releases of groups.",
    labels: [],
    read: ({ tallies }) => [{ value: tallies.emits }],
  },
  {
    name: "carillon_emits_rejected_total",
    type: "counter",
    help: "Emits that were checked and then not written, by the error's code.",
    labels: ["code"],
    read: ({ tallies }) => [...tallies.rejected].map(([code, value]) => ({ value, labels: { code } })),
  },
  {
    name: "carillon_events_total",
    type: "counter",
    help: "Events that this process wrote; those released from their group are among them.",
    labels: [],
    read: ({ tallies }) => [{ value: tallies.events }],
  },
  {
    name: "carillon_emit_waiting_bytes",
    type: "gauge",
    help: "Events in memory that wait for the disk, in bytes; at the most that is allowed emits are refused.",
    labels: [],
    read: ({ waitingBytes }) => [{ value: waitingBytes }],
  },
  ...commitMetrics(),
  {
    name: "carillon_deliveries_total",
    type: "counter",
    help: "Attempts whose outcome is written: delivered, retry, dead; cancelled ones were not tried.",
    labels: ["group", "subscription", "outcome"],
    read: deliveries,
  },
  {
    name: "carillon_attempt_duration_seconds",
    type: "histogram",
    help: "How long handlers ran, whatever came of it.",
    labels: ["group", "subscription"],
    read: ({ group, tallies, handled }) =>
      heard(tallies.subscriptions, handled).flatMap(([subscription, { attemptMs }]) =>
        histogramOf("carillon_attempt_duration_seconds", attemptMs, {
          labels: { group, subscription },
          scale: SECONDS,
        }),
      ),
  },
  {
    name: "carillon_deliveries_running",
    type: "gauge",
    help: "Handlers that run in this process now.",
    labels: ["group", "subscription"],
    read: (view) => held(view, "running"),
  },
  {
    name: "carillon_deliveries_queued",
    type: "gauge",
    help: "Deliveries in this process's memory that wait for a free slot.",
    labels: ["group", "subscription"],
    read: (view) => held(view, "waiting"),
  },
  {
    name: "carillon_pool_connections",
    type: "gauge",
    help: "This process's connections to PostgreSQL by what they are for; waiting = calls that wait for one.",
    labels: ["lane", "state"],
    read: ({ pools }) =>
      pools.flatMap(({ lane, total, idle, waiting }) =>
        Object.entries({ total, idle, waiting }).map(([state, value]) => ({
          value,
          labels: { lane, state },
        })),
      ),
  },
]

/** Two folders up, whether this is run from its sources or as it is published. */
function packageVersion(): string {
  return String((createRequire(import.meta.url)("../../package.json") as { version?: unknown }).version)
}

function commitMetrics(): Definition[] {
  return [
    {
      name: "carillon_commit_duration_seconds",
      type: "histogram",
      help: "How long the store took for a group commit, with the tries that failed.",
      labels: [],
      read: ({ tallies }) =>
        histogramOf("carillon_commit_duration_seconds", tallies.commitMs, { scale: SECONDS }),
    },
    {
      name: "carillon_commit_events",
      type: "histogram",
      help: "Events in a group commit.",
      labels: [],
      read: ({ tallies }) => histogramOf("carillon_commit_events", tallies.commitEvents, {}),
    },
    {
      name: "carillon_commit_changes",
      type: "histogram",
      help: "Changes in a group commit: the events of all its emits count as one, each settle as another.",
      labels: [],
      read: ({ tallies }) => histogramOf("carillon_commit_changes", tallies.commitChanges, {}),
    },
    {
      name: "carillon_commit_failures_total",
      type: "counter",
      help: "Tries of group commits that failed, and were tried again or given up.",
      labels: [],
      read: ({ tallies }) => [{ value: tallies.failedCommits }],
    },
  ]
}

function deliveries({ group, tallies, handled }: MetricsView): Sample[] {
  return heard(tallies.subscriptions, handled).flatMap(([subscription, tally]) =>
    (["delivered", "retry", "dead", "cancelled"] as const).map((outcome) => ({
      value: tally[outcome],
      labels: { group, subscription, outcome },
    })),
  )
}

/** Also those of which nothing happened yet: what begins at nought can be seen to rise. */
function heard(
  tallies: ReadonlyMap<string, SubscriptionTally>,
  handled: MetricsView["handled"],
): readonly (readonly [string, SubscriptionTally])[] {
  const names = new Set(handled.map(nameOf))
  return [...tallies].filter(([name, tally]) => names.has(name) || hasCounted(tally))
}

function hasCounted({ attemptMs, cancelled }: SubscriptionTally): boolean {
  return cancelled > 0 || attemptMs.counts.some((count) => count > 0)
}

function held({ group, handled }: MetricsView, what: "running" | "waiting"): Sample[] {
  const sums = new Map<string, number>()
  for (const each of handled) sums.set(nameOf(each), (sums.get(nameOf(each)) ?? 0) + each[what])
  return [...sums].map(([subscription, value]) => ({ value, labels: { group, subscription } }))
}

function nameOf({ id, ephemeral }: MetricsView["handled"][number]): string {
  return ephemeral ? EPHEMERAL : id
}
