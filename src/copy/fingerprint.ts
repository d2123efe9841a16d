import { createHash } from "node:crypto"
import type { DataTable } from "./data-tables.ts"
import type { Row, Value } from "./tables.ts"

/** What tells the state of a store: whoever works on it, emits, steers or prunes changes some of it. */
export type Fingerprint = Readonly<Record<string, string>>

export function fingerprintOf(ask: (sql: string) => readonly Row[], data: readonly DataTable[]): Fingerprint {
  const parts: Record<string, string> = {}
  for (const [what, sql] of [...QUESTIONS, ...data.map(questionOf)])
    for (const { name = null, ...values } of ask(sql))
      parts[name === null ? what : `${what} ${name}`] = Object.values(values).map(shown).join("/")
  return parts
}

/** Each worker that joins has a number of its own, so what workers do need not be looked for row by row. */
const QUESTIONS: readonly (readonly [what: string, sql: string])[] = [
  ["last number of", "SELECT name, seq FROM sqlite_sequence ORDER BY name"],
  ["meta", "SELECT name, value FROM meta ORDER BY name"],
  ["commits", "SELECT count(*), max(commit_id), sum(events) FROM commits"],
  ["event_ids", "SELECT count(*), max(unique_until) FROM event_ids"],
  ["staged", "SELECT count(*), max(commit_id) FROM staged"],
  ["batches", "SELECT count(*), max(no), sum(state) FROM batches"],
  ["parts", "SELECT count(*), max(no), sum(state) FROM parts"],
  ["jobs", "SELECT count(*), max(no), sum(state), max(updated_at) FROM jobs"],
  ["records", "SELECT count(*), sum(length(value)) FROM records"],
]

/** A row that is changed or softly deleted says when. */
function questionOf({ name, columns }: DataTable): readonly [what: string, sql: string] {
  const newest = columns.some((column) => column.name === "updated_at") ? ', max("updated_at")' : ""
  return [name, `SELECT count(*)${newest} FROM "${name}"`]
}

function shown(value: Value): string {
  return value === null ? "-" : String(value)
}

/** In which parts two differ, in words. */
export function differencesOf(before: Fingerprint, now: Fingerprint): string[] {
  const parts = [...new Set([...Object.keys(before), ...Object.keys(now)])]
  return parts
    .filter((part) => before[part] !== now[part])
    .map((part) => `${part}: ${before[part] ?? "none"} then, ${now[part] ?? "none"} now`)
}

/** The same store has the same digest, wherever its file lies. */
export function digestOf(fingerprint: Fingerprint): string {
  return createHash("sha256").update(JSON.stringify(fingerprint)).digest("hex").slice(0, 32)
}
