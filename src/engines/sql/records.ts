import type { ChangeResult } from "../../engine/commit.ts"
import type { PutRecord } from "../../engine/runs.ts"
import { all, get, type Program, run } from "./program.ts"

/** The same value again changes nothing, whether it is to be absent or not. */
export function* putRecord(change: PutRecord, now: number): Program<ChangeResult> {
  const { collection, id, value, ifAbsent } = change
  if (value === null) return { status: "ok", count: yield* remove(collection, id) }
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

function* remove(collection: string, id: string): Program<number> {
  return yield* run("DELETE FROM store.records WHERE collection = ? AND id = ?", collection, id)
}

function taken(collection: string, id: string): string {
  return `Expected no \`${id}\` among the ${collection}, got one that is there already with other content. Choose another id, or change that one.`
}

export function* record(collection: string, id: string): Program<string | null> {
  const row = yield* get("SELECT value FROM store.records WHERE collection = ? AND id = ?", collection, id)
  return (row?.value as string | undefined) ?? null
}

export function* records(
  collection: string,
): Program<readonly { readonly id: string; readonly value: string }[]> {
  const rows = yield* all("SELECT id, value FROM store.records WHERE collection = ? ORDER BY id", collection)
  return rows.map((row) => ({ id: row.id as string, value: row.value as string }))
}
