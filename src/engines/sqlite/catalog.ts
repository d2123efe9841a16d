import { commitIdFrom } from "../../core/ids.ts"
import { CANCELLED } from "../../core/job.ts"
import type { SubscriptionDefinition } from "../../core/subscription.ts"
import type { ChangeResult, PutSubscription, ReplayRequest } from "../../engine/commit.ts"
import type { Database } from "./database.ts"

/** A commit's id may be made by a clock that is ahead of ours. */
const CLOCK_SLACK_MS = 60_000

/** Puts a subscription; the same definition again writes nothing and keeps the catalog's version. */
export function putSubscription(db: Database, change: PutSubscription, now: number): ChangeResult {
  const { group, id, worker } = change
  const known = db.get("SELECT no, worker FROM subscriptions WHERE group_name = ? AND id = ?", group, id)
  const current = known && currentDefinition(db, known.no as number)
  if (known === undefined && !("pattern" in change.definition)) return notFound(group, id)
  if (current === undefined && !("pattern" in change.definition)) return notFound(group, id)

  const no = known
    ? (known.no as number)
    : db.insert("INSERT INTO subscriptions (group_name, id, worker) VALUES (?, ?, ?)", group, id, worker)
  if (known && known.worker !== worker && "pattern" in change.definition) {
    db.run("UPDATE subscriptions SET worker = ? WHERE no = ?", worker, no)
  }
  const wanted = merge(current, change)
  if (current !== undefined && same(current, wanted))
    return { status: "ok", count: 0, jobs: [{ no, epoch: 0 }] }

  const version = nextVersion(db)
  closeVersion(db, no, version)
  db.run(
    "INSERT INTO subscription_versions (subscription, from_version, to_version, definition) VALUES (?, ?, NULL, ?)",
    no,
    version,
    JSON.stringify(wanted),
  )
  if (current === undefined && change.startAt !== null) {
    const request = {
      group,
      subscription: no,
      fromCommit: commitIdFrom(change.startAt),
      toCommit: commitIdFrom(now + CLOCK_SLACK_MS), // commits routed to it already are left out by their version
      eventId: null,
      missingOnly: true,
    }
    putReplay(db, request, now)
  }
  return { status: "ok", count: 1, jobs: [{ no, epoch: 0 }] }
}

function notFound(group: string, id: string): ChangeResult {
  return {
    status: "conflict",
    message: `Expected a subscription of group \`${group}\`, got \`${id}\`: there is none of that id.`,
  }
}

function currentDefinition(db: Database, no: number): SubscriptionDefinition | undefined {
  const row = db.get(
    "SELECT definition FROM subscription_versions WHERE subscription = ? AND to_version IS NULL",
    no,
  )
  return row && (JSON.parse(row.definition as string) as SubscriptionDefinition)
}

function merge(current: SubscriptionDefinition | undefined, change: PutSubscription): SubscriptionDefinition {
  if ("pattern" in change.definition) {
    const paused = change.keepPaused && current !== undefined ? current.paused : change.definition.paused
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

function nextVersion(db: Database): number {
  const row = db.get("UPDATE meta SET value = value + 1 WHERE name = 'catalog_version' RETURNING value")
  return row?.value as number
}

function closeVersion(db: Database, no: number, version: number): number {
  return db.run(
    "UPDATE subscription_versions SET to_version = ? WHERE subscription = ? AND to_version IS NULL",
    version,
    no,
  )
}

/** Ends the wish: what waits for it is cancelled, what runs may finish. */
export function endSubscription(db: Database, group: string, id: string, now: number): ChangeResult {
  const row = db.get("SELECT no FROM subscriptions WHERE group_name = ? AND id = ?", group, id)
  if (row === undefined || currentDefinition(db, row.no as number) === undefined) return notFound(group, id)
  return { status: "ok", count: endNumber(db, row.no as number, now) }
}

function endNumber(db: Database, no: number, now: number): number {
  closeVersion(db, no, nextVersion(db))
  return cancelWaiting(db, no, now)
}

function cancelWaiting(db: Database, no: number, now: number): number {
  const jobs = db.run(
    "UPDATE jobs SET state = ?, reason = 'subscription removed', updated_at = ? WHERE subscription = ? AND state = 0",
    CANCELLED,
    now,
    no,
  )
  const parts = db.all(
    "UPDATE parts SET state = 2, closed_at = ?, outcome = '\"cancelled\"' WHERE subscription = ? AND state = 0 RETURNING size",
    now,
    no,
  )
  return parts.reduce((sum, part) => sum + (part.size as number), jobs)
}

/** What was leased or in a process's memory when its subscription ended comes back later, and ends then. */
export function cancelEnded(db: Database, now: number): void {
  const rows = db.all(
    `SELECT s.no FROM subscriptions s
     WHERE NOT EXISTS (SELECT 1 FROM subscription_versions v WHERE v.subscription = s.no AND v.to_version IS NULL)
       AND (EXISTS (SELECT 1 FROM parts WHERE subscription = s.no AND state = 0)
         OR EXISTS (SELECT 1 FROM jobs WHERE subscription = s.no AND state = 0 AND key IS NULL AND isolated = 0)
         OR EXISTS (SELECT 1 FROM jobs WHERE subscription = s.no AND state = 0 AND isolated = 1)
         OR EXISTS (SELECT 1 FROM jobs WHERE subscription = s.no AND state < 2 AND state = 0 AND key IS NOT NULL))`,
  )
  for (const row of rows) cancelWaiting(db, row.no as number, now)
}

/** The subscriptions that were only to live as long as this worker. */
export function endEphemeral(db: Database, worker: number, now: number): void {
  for (const row of db.all("SELECT no FROM subscriptions WHERE worker = ?", worker)) {
    if (currentDefinition(db, row.no as number) !== undefined) endNumber(db, row.no as number, now)
  }
}

export function putReplay(db: Database, request: ReplayRequest, now: number): ChangeResult {
  const row = db.get(
    "UPDATE meta SET value = value + 1 WHERE name = 'next_replay' RETURNING value - 1 AS replay",
  )
  const replay = row?.replay as number
  const data = JSON.stringify({ ...request, cursor: request.fromCommit, made: 0 })
  const no = db.insert(
    `INSERT INTO jobs (id, kind, group_name, subscription, commit_id, idx, replay, scope, key, priority,
       state, reason, due_at, attempt, crashes, isolated, worker, epoch, created_at, updated_at, data)
     VALUES (?, 'replay', ?, 0, NULL, 0, ?, '', NULL, 1, 0, 'queued', ?, 0, 0, 0, NULL, 0, ?, ?, ?)`,
    `rpl_${replay}`,
    request.group,
    replay,
    now,
    now,
    now,
    data,
  )
  return { status: "ok", count: replay, jobs: [{ no, epoch: 0 }] }
}
