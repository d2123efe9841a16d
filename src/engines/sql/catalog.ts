import { commitIdFrom } from "../../core/ids.ts"
import { CANCELLED } from "../../core/job.ts"
import { PAUSED } from "../../core/run.ts"
import type { Catalog, SubscriptionDefinition } from "../../core/subscription.ts"
import type { ChangeResult, EndSubscription, PutSubscription } from "../../engine/commit.ts"
import { all, get, type Program, run } from "./program.ts"
import { putRecord } from "./records.ts"
import { putReplay } from "./replays.ts"
import { WAITING_JOBS } from "./waiting.ts"

/** The version is read first: what is newer than it among the rows says so by its own version. */
export function* catalog(): Program<Catalog> {
  const version = yield* get("SELECT value FROM store.meta WHERE name = 'catalog_version'")
  const rows = yield* all(
    `SELECT s.no, s.id, s.group_name, s.worker, v.from_version, v.to_version, v.definition
     FROM store.subscription_versions v JOIN store.subscriptions s ON s.no = v.subscription
     ORDER BY s.no, v.from_version`,
  )
  return {
    version: version?.value as number,
    subscriptions: rows.map((row) => ({
      no: row.no as number,
      id: row.id as string,
      group: row.group_name as string,
      ephemeral: row.worker !== null,
      fromVersion: row.from_version as number,
      toVersion: row.to_version as number | null,
      definition: JSON.parse(row.definition as string) as SubscriptionDefinition,
    })),
  }
}

/** A commit's id may be made by a clock that is ahead of ours. */
const CLOCK_SLACK_MS = 60_000

/** Puts a subscription; the same definition again writes nothing and keeps the catalog's version. */
export function* putSubscription(change: PutSubscription, now: number): Program<ChangeResult> {
  const put = change.record === undefined ? null : yield* putRecord(change.record, now)
  return put !== null && put.status !== "ok" ? put : yield* putDefinition(change, now)
}

function* putDefinition(change: PutSubscription, now: number): Program<ChangeResult> {
  const before = yield* find(change.group, change.id)
  if (before !== null && before.definition !== null && isPut(before, change)) return unchanged(before)
  yield* lockCatalog()
  const known = yield* find(change.group, change.id) // another process may have been quicker
  const current = known?.definition ?? null
  if (current === null && !("pattern" in change.definition)) return notFound(change.group, change.id)

  const no = known === null ? yield* insertSubscription(change) : known.no
  if (known !== null && !keepsWorker(known, change)) yield* setWorker(no, change.worker)
  const wanted = merge(current, change)
  if (current !== null && same(current, wanted)) return unchanged({ no })

  yield* openVersion(no, wanted)
  if (current?.paused === true && !wanted.paused) yield* wakePaused(change.group, no, now)
  if (current === null && change.startAt !== null) yield* replaySince(change, no, change.startAt, now)
  return { status: "ok", count: 1, jobs: [{ no, epoch: 0 }] }
}

interface KnownSubscription {
  readonly no: number
  readonly worker: number | null
  readonly definition: SubscriptionDefinition | null // null = it has ended
}

function* find(group: string, id: string): Program<KnownSubscription | null> {
  const row = yield* get(
    `SELECT s.no, s.worker, v.definition FROM store.subscriptions s
     LEFT JOIN store.subscription_versions v ON v.subscription = s.no AND v.to_version IS NULL
     WHERE s.group_name = ? AND s.id = ?`,
    group,
    id,
  )
  if (row === undefined) return null
  const definition = row.definition === null ? null : JSON.parse(row.definition as string)
  return { no: row.no as number, worker: row.worker as number | null, definition }
}

function isPut(known: KnownSubscription, change: PutSubscription): boolean {
  const { definition } = known
  return definition !== null && keepsWorker(known, change) && same(definition, merge(definition, change))
}

/** A pause says nothing of whether it is to last. */
function keepsWorker({ worker }: KnownSubscription, change: PutSubscription): boolean {
  return worker === change.worker || !("pattern" in change.definition)
}

function unchanged({ no }: { readonly no: number }): ChangeResult {
  return { status: "ok", count: 0, jobs: [{ no, epoch: 0 }] }
}

function notFound(group: string, id: string): ChangeResult {
  return {
    status: "conflict",
    message: `Expected a subscription of group \`${group}\`, got \`${id}\`: there is none of that id.`,
  }
}

/** From here to the end of the transaction nobody else changes the catalog. */
function* lockCatalog(): Program<void> {
  yield* run("UPDATE store.meta SET value = value WHERE name = 'catalog_version'")
}

function* insertSubscription({ group, id, worker }: PutSubscription): Program<number> {
  const row = yield* get(
    "INSERT INTO store.subscriptions (group_name, id, worker) VALUES (?, ?, ?) RETURNING no",
    group,
    id,
    worker,
  )
  return row?.no as number
}

function* setWorker(no: number, worker: number | null): Program<void> {
  yield* run("UPDATE store.subscriptions SET worker = ? WHERE no = ?", worker, no)
}

function merge(current: SubscriptionDefinition | null, change: PutSubscription): SubscriptionDefinition {
  if ("pattern" in change.definition) {
    const paused = change.keepPaused && current !== null ? current.paused : change.definition.paused
    return { ...change.definition, paused }
  }
  return { ...(current as SubscriptionDefinition), paused: change.definition.paused }
}

function same(a: SubscriptionDefinition, b: SubscriptionDefinition): boolean {
  return JSON.stringify(canonical(a)) === JSON.stringify(canonical(b))
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical)
  if (value === null || typeof value !== "object") return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return entries.map(([name, inner]) => [name, canonical(inner)])
}

function* openVersion(no: number, definition: SubscriptionDefinition): Program<void> {
  const version = yield* nextVersion()
  yield* closeVersion(no, version)
  yield* run(
    "INSERT INTO store.subscription_versions (subscription, from_version, to_version, definition) VALUES (?, ?, NULL, ?)",
    no,
    version,
    JSON.stringify(definition),
  )
}

/** Runs that were held back a moment ago, for the sake of those who had not heard of the pause yet. */
function* wakePaused(group: string, no: number, now: number): Program<void> {
  yield* run(
    `UPDATE store.jobs SET due_at = ?, reason = 'woken', updated_at = ?
     WHERE state = 0 AND kind <> 'delivery' AND group_name = ? AND due_at > ? AND due_at <= ?
       AND kind = 'run' AND subscription = ? AND reason = ?`,
    now,
    now,
    group,
    now,
    now + PAUSED.forMs,
    no,
    PAUSED.reason,
  )
}

function* nextVersion(): Program<number> {
  const row = yield* get(
    "UPDATE store.meta SET value = value + 1 WHERE name = 'catalog_version' RETURNING value",
  )
  return row?.value as number
}

function* closeVersion(no: number, version: number): Program<void> {
  yield* run(
    "UPDATE store.subscription_versions SET to_version = ? WHERE subscription = ? AND to_version IS NULL",
    version,
    no,
  )
}

function* replaySince({ group }: PutSubscription, no: number, startAt: number, now: number): Program<void> {
  const request = {
    group,
    subscription: no,
    fromCommit: commitIdFrom(startAt),
    toCommit: commitIdFrom(now + CLOCK_SLACK_MS), // commits routed to it already are left out by their version
    eventId: null,
    missingOnly: true,
  }
  yield* putReplay(request, null, now)
}

/**
 * Ends the wish: what waits for it is cancelled, what runs may finish. One that has ended stays so.
 *
 * Runs of a workflow stay as they are: what they have done is not undone by forgetting them.
 */
export function* endSubscription({ group, id, record }: EndSubscription, now: number): Program<ChangeResult> {
  yield* lockCatalog()
  const known = yield* find(group, id)
  if (known === null) return notFound(group, id)
  if (record !== undefined) yield* putRecord(record, now)
  return { status: "ok", count: known.definition === null ? 0 : yield* end(known.no, now) }
}

function* end(no: number, now: number): Program<number> {
  yield* closeVersion(no, yield* nextVersion())
  return yield* cancelWaiting(no, now)
}

function* cancelWaiting(no: number, now: number): Program<number> {
  let count = 0
  for (const where of WAITING_JOBS) {
    count += yield* run(
      `UPDATE store.jobs SET state = ${CANCELLED}, reason = 'subscription removed', updated_at = ?
       WHERE subscription = ? AND kind <> 'run' AND ${where}`,
      now,
      no,
    )
  }
  const parts = yield* all(
    `UPDATE store.parts SET state = 2, closed_at = ?, outcome = '"cancelled"'
     WHERE subscription = ? AND state = 0 RETURNING size`,
    now,
    no,
  )
  return parts.reduce((sum, part) => sum + (part.size as number), count)
}

/** What was leased or in a process's memory when its subscription ended comes back later, and ends then. */
export function* cancelEnded(now: number): Program<void> {
  const waits = WAITING_JOBS.map(
    (where) =>
      `OR EXISTS (SELECT 1 FROM store.jobs WHERE subscription = s.no AND kind <> 'run' AND ${where})`,
  )
  const rows = yield* all(
    `SELECT s.no FROM store.subscriptions s
     WHERE NOT EXISTS (SELECT 1 FROM store.subscription_versions v WHERE v.subscription = s.no AND v.to_version IS NULL)
       AND (EXISTS (SELECT 1 FROM store.parts WHERE subscription = s.no AND state = 0)
         ${waits.join(" ")})`,
  )
  for (const row of rows) yield* cancelWaiting(row.no as number, now)
}

/** The subscriptions that were only to live as long as this worker. */
export function* endEphemeral(worker: number, now: number): Program<void> {
  const rows = yield* all(
    `SELECT s.no FROM store.subscriptions s
     JOIN store.subscription_versions v ON v.subscription = s.no AND v.to_version IS NULL
     WHERE s.worker = ?`,
    worker,
  )
  for (const row of rows) yield* end(row.no as number, now)
}
