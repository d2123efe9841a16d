import { LEASED, WAITING } from "../core/job.ts"
import type { ReplacedText } from "./report.ts"
import type { Row, Table } from "./tables.ts"

/**
 * A row as it stands in PostgreSQL. No worker goes along, so what was leased is handed back as at a clean
 * stop: nobody's crash. A job is due when it was made at the earliest, which is its place in the line there.
 */
export function toTarget({ name }: Table, row: Row, now: number): Row {
  switch (name) {
    case "batches":
    case "parts":
      return row.state === LEASED
        ? { ...row, state: 0, worker: null, takes: Math.max(0, (row.takes as number) - 1) }
        : row
    case "jobs":
      return job(row, now)
    default:
      return row
  }
}

function job(row: Row, now: number): Row {
  const dueAt = Math.max(Math.ceil(row.due_at as number), row.created_at as number)
  if (row.state !== LEASED) return { ...row, due_at: dueAt }
  return { ...row, due_at: dueAt, state: WAITING, reason: "queued", worker: null, updated_at: now }
}

/** PostgreSQL's text holds everything but a zero byte: a replacement character stands in its place. */
export function withoutZeroBytes(table: Table, row: Row): ReplacedText | null {
  let columns: string[] | null = null
  for (const column in row) {
    const value = row[column]
    if (typeof value !== "string" || !value.includes("\0")) continue
    row[column] = value.replaceAll("\0", "\ufffd")
    columns = [...(columns ?? []), column]
  }
  return columns === null ? null : { table: table.name, row: table.nameOf(row), columns }
}
