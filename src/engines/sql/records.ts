import type { ChangeResult } from "../../engine/commit.ts"
import type { Page } from "../../engine/queries.ts"
import type { KeptRecord, PruneRecords, PutRecord, RecordPageQuery } from "../../engine/runs.ts"
import { all, get, type Program, type Row, run } from "./program.ts"

/** The same value again changes nothing, whether it is to be absent or not. */
export function* putRecord(change: PutRecord, now: number): Program<ChangeResult> {
  const { collection, id, value, ifAbsent } = change
  if (value === null) return { status: "ok", count: yield* remove(collection, id) }
  if (change.ifValue !== undefined) return yield* replace({ ...change, value }, change.ifValue, now)
  const added = yield* run(
    `INSERT INTO store.records (collection, id, value, updated_at) VALUES (?, ?, ?, ?)
     ON CONFLICT (collection, id) DO ${ifAbsent ? "NOTHING" : UPDATE}`,
    collection,
    id,
    value,
    now,
  )
  if (added === 1 || !ifAbsent) return { status: "ok", count: added }
  const known = yield* record(collection, id)
  return known === value ? { status: "ok", count: 0 } : { status: "conflict", message: taken(collection, id) }
}

const UPDATE = `UPDATE SET value = excluded.value, updated_at = excluded.updated_at
  WHERE records.value <> excluded.value`

/** A commit that is tried again finds its own value, and that is as good. */
function* replace(
  { collection, id, value }: PutRecord & { readonly value: string },
  old: string,
  now: number,
): Program<ChangeResult> {
  const changed = yield* run(
    "UPDATE store.records SET value = ?, updated_at = ? WHERE collection = ? AND id = ? AND value = ?",
    value,
    now,
    collection,
    id,
    old,
  )
  if (changed === 1 || (yield* record(collection, id)) === value) return { status: "ok", count: changed }
  return { status: "conflict", message: changedMeanwhile(collection, id) }
}

function* remove(collection: string, id: string): Program<number> {
  return yield* run("DELETE FROM store.records WHERE collection = ? AND id = ?", collection, id)
}

function taken(collection: string, id: string): string {
  return `Expected no \`${id}\` among the ${collection}, got one that is there already with other content. Choose another id, or change that one.`
}

function changedMeanwhile(collection: string, id: string): string {
  return `Expected \`${id}\` among the ${collection} as it was read, got one that was changed since, or none. Read it again.`
}

export function* pruneRecords({ collection, before, limit }: PruneRecords): Program<ChangeResult> {
  const count = yield* run(
    `DELETE FROM store.records WHERE collection = ? AND id IN (
       SELECT id FROM store.records WHERE collection = ? AND id < ? ORDER BY id LIMIT ?)`,
    collection,
    collection,
    before,
    limit,
  )
  return { status: "ok", count }
}

export function* record(collection: string, id: string): Program<string | null> {
  const row = yield* get("SELECT value FROM store.records WHERE collection = ? AND id = ?", collection, id)
  return (row?.value as string | undefined) ?? null
}

export function* records(collection: string): Program<readonly KeptRecord[]> {
  const rows = yield* all("SELECT id, value FROM store.records WHERE collection = ? ORDER BY id", collection)
  return rows.map(toRecord)
}

export function* recordPage(
  collection: string,
  { before, limit }: RecordPageQuery,
): Program<Page<KeptRecord>> {
  const rows = yield* all(
    `SELECT id, value FROM store.records WHERE collection = ? ${before === undefined ? "" : "AND id < ?"}
     ORDER BY id DESC LIMIT ?`,
    collection,
    ...(before === undefined ? [] : [before]),
    limit,
  )
  const items = rows.map(toRecord)
  return { items, cursor: items.length === limit ? (items.at(-1)?.id ?? null) : null }
}

function toRecord(row: Row): KeptRecord {
  return { id: row.id as string, value: row.value as string }
}
