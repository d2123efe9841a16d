import type { SubscriptionVersion } from "../core/subscription.ts"
import { wishesForEvents } from "../core/subscription.ts"
import type { LagRow } from "../engine/queries.ts"
import type { MetricsView } from "./process-view.ts"
import type { MetricDefinition, Sample } from "./sample.ts"
import type { StoreView } from "./store-look.ts"
import { EPHEMERAL } from "./tally.ts"

type Definition = MetricDefinition<MetricsView>

/** What the store says of all groups: every process on it says the same, so take the `max` of them. */
export const STORE_METRICS: readonly Definition[] = [
  {
    name: "carillon_up",
    type: "gauge",
    help: "1 = the store answered what this scrape wanted of it; 0 = what only it knows is not in here.",
    labels: [],
    read: ({ store }) => [{ value: store === null ? 0 : 1 }],
  },
  {
    name: "carillon_store_answer_seconds",
    type: "gauge",
    help: "How long the store took to answer for these metrics when it was last asked.",
    labels: [],
    read: ofStore(({ tookMs }) => [{ value: tookMs / 1000 }]),
  },
  {
    name: "carillon_store_bytes",
    type: "gauge",
    help: "What the store takes on its disk.",
    labels: [],
    read: ofStore(({ size }) => [{ value: size.bytes }]),
  },
  {
    name: "carillon_staged_events",
    type: "gauge",
    help: "Events that are held back: in groups until their release, and what transactions left to be taken.",
    labels: [],
    read: ofStore(({ size }) => [{ value: size.staged }]),
  },
  {
    name: "carillon_workers",
    type: "gauge",
    help: "Processes that work, by group; one whose lease ran out is none.",
    labels: ["group"],
    read: ofStore(workersByGroup),
  },
  ofSubscriptions("carillon_subscription_waiting", "Deliveries that wait, retries and delayed ones too.", {
    of: (lag) => lag?.waiting ?? 0,
    together: add,
  }),
  ofSubscriptions("carillon_subscription_leased", "Deliveries that some worker holds.", {
    of: (lag) => lag?.leased ?? 0,
    together: add,
  }),
  ofSubscriptions(
    "carillon_subscription_oldest_seconds",
    "For how long the oldest unfinished delivery could have run already; 0 = up to date.",
    {
      of: (lag, { now }) => (lag?.oldestAt == null ? 0 : Math.max(0, now - lag.oldestAt) / 1000),
      together: Math.max,
    },
  ),
  ofSubscriptions("carillon_dead_letters", "Deliveries without attempts left.", {
    of: (lag) => lag?.dead ?? 0,
    together: add,
  }),
  ofSubscriptions("carillon_subscription_paused", "1 = it is paused, and what it gets waits.", {
    of: (_, __, { definition }) => (definition.paused ? 1 : 0),
    together: Math.max,
  }),
  {
    name: "carillon_runs",
    type: "gauge",
    help: "Runs that have not ended well: running, waiting, crashed (stand still until redriven), failed.",
    labels: ["group", "workflow", "state"],
    read: ofStore(runsByState),
  },
]

function ofStore(read: (store: StoreView) => readonly Sample[]): Definition["read"] {
  return ({ store }) => (store === null ? [] : read(store))
}

interface Reading {
  readonly of: (lag: LagRow | undefined, store: StoreView, subscription: SubscriptionVersion) => number
  readonly together: (a: number, b: number) => number // of those that share a name
}

function ofSubscriptions(name: string, help: string, { of, together }: Reading): Definition {
  const read = ofStore((store) => {
    const lag = new Map(store.lag.map((row) => [row.subscription, row]))
    return merged(
      store.subscriptions.filter(wishesForEvents).map((each) => ({
        labels: { group: each.group, subscription: each.ephemeral ? EPHEMERAL : each.id },
        value: of(lag.get(each.no), store, each),
      })),
      together,
    )
  })
  return { name, type: "gauge", help, labels: ["group", "subscription"], read }
}

function workersByGroup({ workers, subscriptions, now }: StoreView): Sample[] {
  const groups = new Set([...subscriptions, ...workers].map(({ group }) => group))
  return [...groups].map((group) => ({
    labels: { group },
    value: workers.filter((each) => each.group === group && each.expiresAt > now).length,
  }))
}

/** A workflow that was changed has a shape for each change: they are counted together. */
function runsByState({ runs, subscriptions }: StoreView): Sample[] {
  const counts = new Map(runs.map((row) => [row.subscription, row]))
  const samples = subscriptions.flatMap(({ no, group, definition: { target } }) => {
    if (target.kind !== "workflow") return []
    const { running = 0, waiting = 0, crashed = 0, failed = 0 } = counts.get(no) ?? {}
    return Object.entries({ running, waiting, crashed, failed }).map(([state, value]) => ({
      labels: { group, workflow: target.workflow, state },
      value,
    }))
  })
  return merged(samples, add)
}

function merged(
  samples: readonly Required<Pick<Sample, "value" | "labels">>[],
  together: Reading["together"],
): Sample[] {
  const byLabels = new Map<string, Sample>()
  for (const { labels, value } of samples) {
    const key = JSON.stringify(labels)
    const known = byLabels.get(key)
    byLabels.set(key, { labels, value: known === undefined ? value : together(known.value, value) })
  }
  return [...byLabels.values()]
}

function add(a: number, b: number): number {
  return a + b
}
