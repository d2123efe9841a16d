import type { Place } from "../place.ts"
import { ACME, GLOBEX } from "./tenant.ts"

type Row = Readonly<Record<string, unknown>>
type Dump = Readonly<Record<string, readonly Row[]>>

/** All tables but those that say how busy a store and its workers are. */
const TABLES = [
  "event_ids",
  "events",
  "staged",
  "subscriptions",
  "subscription_versions",
  "batches",
  "parts",
  "jobs",
  "runs",
  "run_steps",
  "records",
] as const

/** Everything that the store holds, as lines of text. When tokens were used is no change. */
export async function everythingIn(place: Place): Promise<readonly string[]> {
  return linesOf(await dumpOf(place))
}

/** What the store holds of Globex, past everything of ours that could hide it. */
export async function globexIn(place: Place): Promise<readonly string[]> {
  const dump = await dumpOf(place)
  const commits = new Set(dump.events?.filter(isInGlobex).map((row) => String(row.commit_id)))
  const runs = new Set(dump.runs?.filter(isInGlobex).map((row) => Number(row.no)))
  const versions = dump.subscription_versions ?? []
  const acmes = new Set(versions.filter((row) => scopeOf(row) === ACME).map((row) => row.subscription))
  const globexs = new Set(versions.filter((row) => scopeOf(row) === GLOBEX).map((row) => row.subscription))
  const webhooks = new Set(dump.subscriptions?.filter(({ no }) => globexs.has(no)).map(({ id }) => id))
  const isOfACommit = (row: Row): boolean => {
    const text = JSON.stringify(row)
    return [...commits].some((commit) => text.includes(commit))
  }
  const isNotAcmes = ({ no, subscription }: Row): boolean => !acmes.has(subscription ?? no)
  const isNamed = (row: Row): boolean => JSON.stringify(row).includes(GLOBEX)
  return linesOf({
    event_ids: rowsOf(dump, "event_ids", isInGlobex),
    events: rowsOf(dump, "events", isInGlobex),
    staged: rowsOf(dump, "staged", isInGlobex),
    subscriptions: rowsOf(dump, "subscriptions", isNotAcmes),
    subscription_versions: rowsOf(dump, "subscription_versions", isNotAcmes),
    batches: rowsOf(dump, "batches", isOfACommit),
    parts: rowsOf(dump, "parts", isOfACommit),
    jobs: rowsOf(
      dump,
      "jobs",
      (row) => isInGlobex(row) || isNamed(row) || commits.has(String(row.commit_id)),
    ),
    runs: rowsOf(dump, "runs", isInGlobex),
    run_steps: rowsOf(dump, "run_steps", ({ run }) => runs.has(Number(run))),
    // Acme's entries in the audit log may say what it asked for.
    records: rowsOf(dump, "records", (row) =>
      row.collection === "audit" ? isGlobex(row) : isNamed(row) || webhooks.has(row.id),
    ),
  })
}

async function dumpOf(place: Place): Promise<Dump> {
  const dump = place.database.startsWith("file:") ? await eachTable(place) : await allTables(place)
  return { ...dump, records: rowsOf(dump, "records", ({ collection }) => collection !== "token-uses") }
}

async function eachTable(place: Place): Promise<Dump> {
  const tables = TABLES.map(
    async (name) => [name, await place.sql(`SELECT * FROM ${place.table(name)}`)] as const,
  )
  return Object.fromEntries(await Promise.all(tables))
}

/** In one question: a connection for each would take longer than all else. */
async function allTables(place: Place): Promise<Dump> {
  const tables = TABLES.map(
    (name) => `'${name}', (SELECT coalesce(json_agg(t), '[]') FROM ${place.table(name)} AS t)`,
  )
  const [row] = await place.sql(`SELECT json_build_object(${tables.join(", ")}) AS dump`)
  return row?.dump as Dump
}

function rowsOf(dump: Dump, table: string, isWanted: (row: Row) => boolean): readonly Row[] {
  return (dump[table] ?? []).filter(isWanted)
}

function isInGlobex({ scope }: Row): boolean {
  return scope === GLOBEX
}

function isGlobex({ value }: Row): boolean {
  return (JSON.parse(String(value)) as { scopes: unknown }).scopes?.toString().includes(GLOBEX) === true
}

/** What hears one scope alone is theirs to pause, to change and to end. */
function scopeOf({ definition }: Row): unknown {
  return (JSON.parse(String(definition)) as { scope: unknown }).scope
}

function linesOf(dump: Dump): readonly string[] {
  return Object.entries(dump)
    .flatMap(([table, rows]) => rows.map((row) => `${table} ${JSON.stringify(row)}`))
    .sort()
}
