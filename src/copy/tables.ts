import { eventId } from "../core/ids.ts"

export type Value = string | number | null

/** A row by the names of its columns. */
export type Row = Record<string, Value>

/**
 * A table of both stores. Its columns are not listed: whatever the file has goes over, so that a column
 * which both get later goes over, too.
 */
export interface Table {
  readonly name: string
  readonly key: readonly string[] // along which it is read, and which says how far a copy has come
  readonly isDated: boolean // PostgreSQL keeps it by the day of the commit
  readonly onConflict: string // what a new store holds already is replaced
  /** How people know a row. */
  readonly nameOf: (row: Row) => string
}

/** Everything but the workers: none of them is alive, and their numbers are not given again. */
export const TABLES: readonly Table[] = [
  table("subscriptions", ["no"], { nameOf: (row) => String(row.id) }),
  table("subscription_versions", ["subscription", "from_version"], {
    nameOf: (row) => `subscription ${row.subscription}`,
  }),
  table("commits", ["commit_id"], { isDated: true, nameOf: (row) => `commit ${row.commit_id}` }),
  table("commit_names", ["name", "commit_id"], { isDated: true, nameOf: (row) => `commit ${row.commit_id}` }),
  table("events", ["commit_id", "idx"], { isDated: true, nameOf: nameOfEvent }),
  table("event_ids", ["id", "scope"], { nameOf: nameOfEvent }),
  table("staged", ["event_group", "commit_id", "idx"], { nameOf: nameOfEvent }),
  table("batches", ["no"], { nameOf: (row) => `batch ${row.no} of commit ${row.commit_id}` }),
  table("parts", ["no"], { nameOf: (row) => `part ${row.no}` }),
  table("jobs", ["no"], { nameOf: (row) => String(row.id) }),
  table("runs", ["no"], { nameOf: (row) => String(row.id) }),
  table("run_steps", ["run", "step", "phase", "attempt"], {
    nameOf: (row) => `attempt ${row.attempt} of step ${row.step} of run ${row.run}`,
  }),
  table("records", ["collection", "id"], { nameOf: (row) => `${row.id} of ${row.collection}` }),
  table("rates", ["subscription"], { nameOf: (row) => `subscription ${row.subscription}` }),
  table("meta", ["name"], {
    nameOf: (row) => String(row.name),
    onConflict: "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
  }),
]

/** Whose rows have numbers that nothing else may get, and in which column. */
export const NUMBERED: readonly Numbered[] = [
  ...["subscriptions", "workers", "batches", "parts", "jobs", "runs"].map((name) => ({ name, column: "no" })),
  { name: "run_steps", column: "position" },
]

export interface Numbered {
  readonly name: string
  readonly column: string
}

function table(
  name: string,
  key: readonly string[],
  {
    nameOf,
    isDated = false,
    onConflict = "",
  }: { nameOf: Table["nameOf"]; isDated?: boolean; onConflict?: string },
): Table {
  return { name, key, isDated, onConflict, nameOf }
}

function nameOfEvent(row: Row): string {
  return eventId(row.commit_id as string, row.idx as number)
}
