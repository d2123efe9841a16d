import type { Database } from "./database.ts"

/**
 * Differs by necessity: a file gives the highest number again once its row is deleted, as those of the jobs
 * of runs are. Whoever still holds the old one would take the new one for it, so no number is given twice.
 *
 * Null = the one that the file would give is new.
 */
export function freshJobNo(db: Database): number | null {
  const row = db.get(
    `SELECT CASE WHEN value > coalesce((SELECT max(no) FROM jobs), 0) THEN value + 1 END AS no
     FROM meta WHERE name = 'last_job'`,
  )
  return row?.no as number | null
}

/** The same for what is said in the words of both engines: a row with the last number stands there meanwhile. */
export function withFreshJobNos<T>(db: Database, work: () => T): T {
  const next = freshJobNo(db)
  if (next === null) return work()
  db.run(
    `INSERT INTO jobs (no, id, kind, group_name, subscription, idx, replay, scope, priority, state, reason, due_at,
       attempt, crashes, isolated, epoch, created_at, updated_at)
     VALUES (?, '', '', '', 0, 0, 0, '', 0, 4, '', 0, 0, 0, 0, 0, 0, 0)`,
    next - 1,
  )
  const result = work()
  db.run("DELETE FROM jobs WHERE no = ?", next - 1)
  return result
}

export function deleteJob(db: Database, no: number): void {
  const isLast = db.get("SELECT max(no) = ? AS last FROM jobs", no)?.last === 1
  db.run("DELETE FROM jobs WHERE no = ?", no)
  if (isLast) db.run("UPDATE meta SET value = ? WHERE name = 'last_job' AND value < ?", no, no)
}
