import { describe, expect, it } from "vitest"
import { type EndpointState, SENDING } from "../../core/endpoint.ts"
import { StoreBehindError, StoreUnavailableError } from "../../core/errors.ts"
import { resolvePolicy } from "../../core/policy.ts"
import type { FileFacts, Inspection, Pin, ServerFacts, WorkFacts } from "../../engine/inspection.ts"
import type { ScheduleReport } from "../schedule-report.ts"
import type { CountedSubscription } from "../subscription-report.ts"
import type { CountedWorkflow } from "../workflow-report.ts"
import { failedReport, reportOn } from "./doctor.ts"
import type { Facts, WorkerFacts } from "./facts.ts"

const NOW = Date.parse("2026-03-01T12:00:00Z")
const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

const server: ServerFacts = {
  schema: "carillon",
  role: "shop",
  skewMs: 3,
  isStandby: false,
  pooler: { said: false, seen: false },
  hints: { kind: "heard", ms: 2 },
  settings: {
    autovacuum: "on",
    default_transaction_isolation: "read committed",
    default_transaction_read_only: "off",
    fsync: "on",
    full_page_writes: "on",
    statement_timeout: "0",
    synchronous_commit: "on",
    track_counts: "on",
  },
  connections: { most: 97, used: 8, ours: 4, perProcess: 19 },
  pins: [],
  unlogged: [],
  brokenIndexes: [],
  unvacuumed: [],
  lackingRights: [],
  days: [
    { day: "2026-03-01", rows: 10, bytes: 1_000 },
    { day: "2026-03-02", rows: 0, bytes: 500 },
  ],
}

const file: FileFacts = {
  path: "/srv/shop.db",
  fileBytes: 1_000_000,
  walBytes: 0,
  unusedBytes: 0,
  freeBytes: 50_000_000_000,
  isOnNetwork: false,
  journalMode: "wal",
  synchronous: "FULL",
  isChecked: true,
}

const work: WorkFacts = {
  openBatches: [],
  strays: 0,
  stuck: [],
  outbox: null,
  oldestEventAt: NOW - DAY_MS,
  oldestUnneededAt: NOW - DAY_MS,
}

const worker: WorkerFacts = {
  no: 7,
  group: "shop",
  name: "token",
  host: "till-1 boot",
  pid: 4711,
  startedAt: NOW - DAY_MS,
  seenAt: NOW - 1_000,
  expiresAt: NOW + 14_000,
  handles: [1],
  isGone: false,
}

const subscription: CountedSubscription = {
  id: "stock@order.placed",
  subscriberId: "stock",
  group: "shop",
  target: "handler",
  pattern: "order.placed",
  events: [],
  filter: null,
  sender: null,
  scope: null,
  policy: resolvePolicy(undefined),
  paused: false,
  ephemeral: false,
  waiting: 0,
  running: 0,
  dead: 0,
  lagSeconds: 0,
  workers: [7],
  orphaned: false,
  lastHandledAt: new Date(NOW - 1_000),
}

const workflow: CountedWorkflow = {
  id: "workflow:place-order#3f2a",
  workflow: "place-order",
  hash: "3f2a",
  group: "shop",
  paused: false,
  running: 1,
  waiting: 2,
  crashed: 0,
  failed: 0,
  failedAt: null,
  dueAt: new Date(NOW + MINUTE_MS),
  workers: [7],
  orphaned: false,
  outdated: false,
}

const schedule: ScheduleReport = {
  id: "schedule:sync-brands",
  workflow: "sync-brands",
  group: "shop",
  cron: "0 3 * * *",
  interval: null,
  timeZone: "UTC",
  concurrency: "allow",
  numberOfExecutions: null,
  paused: false,
  fired: 4,
  nextAt: new Date(NOW + MINUTE_MS),
  lastAt: new Date(NOW - DAY_MS),
  lastRun: "run_1",
  lastState: "done",
  crashed: false,
  workers: [7],
  orphaned: false,
}

/** A healthy store, but for what is said. */
function facts(over: Partial<Facts> = {}, inspected: Partial<Inspection> = {}): Facts {
  return {
    now: NOW,
    database: "postgres://db/shop",
    version: { store: 1, code: 1, works: true },
    subscriptions: [subscription],
    endpoints: [],
    workflows: [workflow],
    schedules: [schedule],
    crashedRuns: [],
    workers: [worker],
    stagedGroups: [],
    limits: {
      leaseMs: 15_000,
      laggingMs: MINUTE_MS,
      stagedTtlMs: DAY_MS,
      retentionMs: 30 * DAY_MS,
    },
    inspection: {
      product: "PostgreSQL 15",
      bytes: 2_000_000,
      work,
      tables: [{ name: "events", rows: 10, bytes: 2_000_000, deadRows: 5, vacuumedAt: NOW }],
      server,
      file: null,
      ...inspected,
    },
    ...over,
  }
}

const onServer = (over: Partial<ServerFacts>): Facts => facts({}, { server: { ...server, ...over } })
const withSetting = (name: string, value: string): Facts =>
  onServer({ settings: { ...server.settings, [name]: value } })
const onFile = (over: Partial<FileFacts> = {}): Facts =>
  facts({}, { server: null, file: { ...file, ...over }, product: "SQLite 3.53" })
const withWork = (over: Partial<WorkFacts>): Facts => facts({}, { work: { ...work, ...over } })
const subscribed = (over: Partial<CountedSubscription>): Facts =>
  facts({ subscriptions: [{ ...subscription, ...over }] })
const sentTo = (over: Partial<EndpointState>): Facts => ({
  ...subscribed({ id: "sub_1", target: "webhook" }),
  endpoints: [{ id: "sub_1", state: { ...SENDING, ...over } }],
})
const composed = (over: Partial<CountedWorkflow>): Facts => facts({ workflows: [{ ...workflow, ...over }] })
const nobodyKnows = { orphaned: true, workers: [] }
const timed = (over: Partial<ScheduleReport>): Facts => facts({ schedules: [{ ...schedule, ...over }] })
const pinned = (over: Partial<Pin>): Facts =>
  onServer({ pins: [{ kind: "transaction", who: "process 9", since: null, transactions: 5, ...over }] })
const nobodyThere = { workers: [], subscriptions: [] }

describe("the doctor", () => {
  it.each<[string, Partial<EndpointState>]>([
    ["asked to be left alone", { phase: "resting", until: NOW + MINUTE_MS }],
    ["is back", { phase: "resuming", trips: 1 }],
  ])("leaves a webhook alone that %s, and what is left of one that was removed", (_, state) => {
    const { endpoints } = sentTo({ stalled: { since: NOW - DAY_MS, why: "Expected a key" } })
    const removed = endpoints.map((each) => ({ ...each, id: "sub_2" }))
    const asked = sentTo(state)

    const { findings } = reportOn({ ...asked, endpoints: [...asked.endpoints, ...removed] })

    expect(findings.filter(({ check }) => check === "webhooks")).toEqual([
      { check: "webhooks", verdict: "ok", what: "1 webhook; nothing keeps it from being sent.", todo: null },
    ])
  })

  it.each([
    ["a server", facts()],
    ["a file", onFile()],
  ])("finds nothing wrong with %s that is well, and says what was looked at", (_, well) => {
    const { healthy, findings } = reportOn(well)

    expect(findings.filter((each) => each.verdict !== "ok")).toEqual([])
    expect(healthy).toBe(true)
    expect(findings.length).toBeGreaterThan(10)
    expect(findings.every((each) => each.todo === null)).toBe(true)
  })

  it.each<[string, "warning" | "problem", string, RegExp, Facts]>([
    ["a standby", "problem", "connection", /standby/, onServer({ isStandby: true })],
    [
      "reading only",
      "problem",
      "connection",
      /only read/,
      withSetting("default_transaction_read_only", "on"),
    ],
    [
      "another isolation",
      "problem",
      "settings",
      /serializable/,
      withSetting("default_transaction_isolation", "serializable"),
    ],
    ["a short timeout", "warning", "settings", /statement_timeout/, withSetting("statement_timeout", "500")],
    [
      "rights that lack",
      "problem",
      "rights",
      /INSERT on jobs/,
      onServer({ lackingRights: ["INSERT on jobs"] }),
    ],
    ["fsync off", "problem", "durability", /`fsync` is off/, withSetting("fsync", "off")],
    ["torn pages", "problem", "durability", /half-written/, withSetting("full_page_writes", "off")],
    ["late commits", "problem", "durability", /acknowledged last/, withSetting("synchronous_commit", "off")],
    ["no vacuum", "problem", "autovacuum", /never cleared/, withSetting("autovacuum", "off")],
    ["no vacuum of a table", "warning", "autovacuum", /for jobs/, onServer({ unvacuumed: ["jobs"] })],
    ["an old transaction", "warning", "old transactions", /6 min/, pinned({ since: NOW - 6 * MINUTE_MS })],
    ["a very old one", "problem", "old transactions", /2 h/, pinned({ since: NOW - 120 * MINUTE_MS })],
    [
      "a slot",
      "warning",
      "old transactions",
      /slot/,
      pinned({ kind: "replication slot", transactions: 2e6 }),
    ],
    [
      "no connection left",
      "problem",
      "connections",
      /95 of the server's 97/,
      onServer({ connections: { most: 97, used: 95, ours: 90, perProcess: 19 } }),
    ],
    [
      "too few connections",
      "warning",
      "connections",
      /may open 19 connections/,
      onServer({ connections: { most: 17, used: 3, ours: 2, perProcess: 19 } }),
    ],
    ["a pooler", "warning", "pooler", /was not told/, onServer({ pooler: { said: false, seen: true } })],
    ["no listening", "warning", "hints", /Nobody listens/, onServer({ hints: { kind: "off" } })],
    ["deafness", "warning", "hints", /fails/, onServer({ hints: { kind: "failed", reason: "no" } })],
    ["a wrong clock", "warning", "clock", /40 s ahead/, onServer({ skewMs: 40_000 })],
    ["a network's disk", "problem", "place", /network/, onFile({ isOnNetwork: true })],
    ["another journal", "problem", "place", /`delete`/, onFile({ journalMode: "delete" })],
    ["NORMAL", "warning", "durability", /NORMAL/, onFile({ synchronous: "NORMAL" })],
    ["OFF", "problem", "durability", /OFF/, onFile({ synchronous: "OFF" })],
    ["little room", "warning", "space", /500 MB/, onFile({ freeBytes: 500_000_000 })],
    ["no room", "problem", "space", /50 MB/, onFile({ freeBytes: 50_000_000 })],
    ["a long log", "warning", "log", /1.0 GB/, onFile({ walBytes: 1_000_000_000 })],
    ["an old schema", "problem", "schema", /needs 2/, facts({ version: { store: 1, code: 2, works: true } })],
    ["a new schema", "problem", "schema", /newer/, facts({ version: { store: 9, code: 2, works: false } })],
    ["unlogged tables", "problem", "schema", /jobs is not/, onServer({ unlogged: ["jobs"] })],
    ["a broken index", "problem", "schema", /jobs_id is not valid/, onServer({ brokenIndexes: ["jobs_id"] })],
    [
      "dead rows",
      "warning",
      "tables",
      /200,000 dead rows/,
      facts({}, { tables: [{ name: "jobs", rows: 3, bytes: 9, deadRows: 200_000, vacuumedAt: null }] }),
    ],
    ["a missing day", "warning", "days", /2026-03-02/, onServer({ days: server.days.slice(0, 1) })],
    ["late pruning", "warning", "retention", /3 d past/, withWork({ oldestUnneededAt: NOW - 33 * DAY_MS })],
    ["a dead worker", "warning", "workers", /10 s ago/, facts({ workers: [worker, expired(10_000)] })],
    ["an unburied worker", "problem", "workers", /5 min ago/, facts({ workers: [worker, expired(300_000)] })],
    [
      "a worker without a process",
      "warning",
      "workers",
      /not running any more/,
      facts({ workers: [{ ...worker, isGone: true }] }),
    ],
    ["no handler", "warning", "orphans", /nothing waits/, subscribed({ orphaned: true, workers: [] })],
    [
      "no handler for what waits",
      "problem",
      "orphans",
      /5 deliv/,
      subscribed({ orphaned: true, waiting: 5 }),
    ],
    [
      "a webhook that nobody sends",
      "problem",
      "orphans",
      /has the notifier of the webhook `stock@order.placed`, or they send none; 5 deliv/,
      subscribed({ target: "webhook", orphaned: true, waiting: 5 }),
    ],
    [
      "no worker",
      "problem",
      "orphans",
      /No worker of group `shop` runs/,
      facts({ workers: [], subscriptions: [{ ...subscription, orphaned: true, waiting: 1 }] }),
    ],
    [
      "batches of nobody",
      "problem",
      "orphans",
      /3 batches are open for group `billing`/,
      withWork({ openBatches: [{ group: "billing", batches: 3, oldestAt: NOW - 1_000 }] }),
    ],
    [
      "old batches",
      "warning",
      "lag",
      /1 batch is open/,
      withWork({ openBatches: [{ group: "shop", batches: 1, oldestAt: NOW - 2 * MINUTE_MS }] }),
    ],
    ["lag", "warning", "lag", /90 s behind/, subscribed({ lagSeconds: 90, waiting: 5 })],
    ["much lag", "problem", "lag", /15 min behind/, subscribed({ lagSeconds: 900, waiting: 5 })],
    ["a pause", "warning", "lag", /is paused/, subscribed({ paused: true, waiting: 5, lagSeconds: 900 })],
    ["dead letters", "warning", "dead letters", /2 dead letters/, subscribed({ dead: 2 })],
    ["deafness to signals", "warning", "stuck", /dlv_1/, withWork({ stuck: ["dlv_1"] })],
    ["strays", "problem", "strays", /2 rows are/, withWork({ strays: 2 })],
    [
      "a forgotten group",
      "warning",
      "event groups",
      /`checkout_1` \(2 events\)/,
      facts({ stagedGroups: [{ eventGroupId: "checkout_1", events: 2, oldestAt: NOW - 2 * DAY_MS }] }),
    ],
    [
      "a late outbox",
      "problem",
      "outbox",
      /though workers are live/,
      withWork({ outbox: { events: 1, oldestAt: NOW - MINUTE_MS } }),
    ],
    [
      "an outbox of nobody",
      "problem",
      "outbox",
      /no worker runs/,
      { ...withWork({ outbox: { events: 1, oldestAt: NOW } }), ...nobodyThere },
    ],
    [
      "a webhook that we cannot send",
      "problem",
      "webhooks",
      /to the webhook `sub_1` for 3 h, by a fault of our own: Expected a key/,
      sentTo({ stalled: { since: NOW - 180 * MINUTE_MS, why: "Expected a key" } }),
    ],
    [
      "a webhook that fails",
      "warning",
      "webhooks",
      /to the webhook `sub_1` fails, for 25 min; it is left alone for a while: Expected a status/,
      sentTo({
        phase: "resting",
        until: NOW + MINUTE_MS,
        trips: 2,
        why: "Expected a status from 200 to 299, got 503.",
        failing: { since: NOW - 25 * MINUTE_MS, attempts: 40 },
      }),
    ],
    ["runs of nobody", "problem", "runs", /No live worker .* 2 runs wait/, composed(nobodyKnows)],
    [
      "runs of an old shape",
      "problem",
      "runs",
      /2 runs wait for a worker that knows `place-order` \(shop\) in its old shape 3f2a/,
      composed({ ...nobodyKnows, outdated: true }),
    ],
    ["a paused workflow", "warning", "runs", /`place-order` \(shop\) is paused/, composed({ paused: true })],
    ["late runs", "warning", "runs", /2 min behind/, composed({ dueAt: new Date(NOW - 2 * MINUTE_MS) })],
    [
      "very late runs",
      "problem",
      "runs",
      /15 min behind/,
      composed({ dueAt: new Date(NOW - 15 * MINUTE_MS) }),
    ],
    ["runs that crash", "problem", "runs", /1 run has ended .*: run_7/, facts({ crashedRuns: ["run_7"] })],
    [
      "runs that failed",
      "warning",
      "runs",
      /2 runs of `place-order` .* the newest 2 h ago/,
      composed({ failed: 2, failedAt: new Date(NOW - 120 * MINUTE_MS) }),
    ],
    [
      "a tick of nobody",
      "problem",
      "schedules",
      /was due 2 min ago, and no live worker knows it/,
      timed({ ...nobodyKnows, nextAt: new Date(NOW - 2 * MINUTE_MS) }),
    ],
    ["a schedule of nobody", "warning", "schedules", /is due in 60 s/, timed(nobodyKnows)],
    [
      "a tick that nobody takes",
      "problem",
      "schedules",
      /though workers know it/,
      timed({ nextAt: new Date(NOW - 2 * MINUTE_MS) }),
    ],
    ["a tick that crashes", "problem", "schedules", /stands still/, timed({ crashed: true, nextAt: null })],
  ])("tells %s: a %s of %s", (_, verdict, check, what, sick) => {
    const { healthy, findings } = reportOn(sick)

    const found = findings.filter((each) => each.verdict !== "ok")
    expect(found).toMatchObject([{ check, verdict, what: expect.stringMatching(what) }])
    expect(found[0]?.todo).toMatch(/\.$|^carillon|…$|remove|redrive/)
    expect(healthy).toBe(verdict === "warning")
  })

  it("counts no connections where a pooler gives them out", () => {
    const { findings } = reportOn(
      onServer({
        pooler: { said: true, seen: true },
        connections: { most: 17, used: 17, ours: 9, perProcess: 19 },
      }),
    )

    expect(findings.some((each) => each.check === "connections")).toBe(false)
    expect(findings.find((each) => each.check === "pooler")?.verdict).toBe("ok")
  })

  it.each([
    [
      "an old shape of which nothing waits",
      composed({ ...nobodyKnows, outdated: true, waiting: 0, running: 0 }),
    ],
    ["a run that was due a moment ago", composed({ dueAt: new Date(NOW - 500) })],
    ["runs that failed long ago", composed({ failed: 2, failedAt: new Date(NOW - 9 * DAY_MS) })],
    ["a schedule that is paused", timed({ ...nobodyKnows, paused: true })],
    ["a schedule that has ended", timed({ ...nobodyKnows, nextAt: null })],
    ["a tick that was due a moment ago", timed({ nextAt: new Date(NOW - 500) })],
  ])("says nothing of %s", (_, well) => {
    expect(reportOn(well).findings.filter((each) => each.verdict !== "ok")).toEqual([])
  })

  it("waits with an event that was committed a moment ago", () => {
    expect(reportOn(withWork({ outbox: { events: 1, oldestAt: NOW - 500 } })).healthy).toBe(true)
  })

  it("says of a store that cannot be opened what its server said", () => {
    const away = failedReport("postgres://db/shop", new StoreUnavailableError("ECONNREFUSED"), NOW)
    const behind = failedReport("postgres://db/shop", new StoreBehindError("at 1"), NOW)

    expect(away).toMatchObject({ healthy: false, findings: [{ check: "connection", what: "ECONNREFUSED" }] })
    expect(behind).toMatchObject({ healthy: false, findings: [{ check: "schema", what: "at 1" }] })
  })
})

function expired(ms: number): WorkerFacts {
  return { ...worker, no: 8, expiresAt: NOW - ms }
}
