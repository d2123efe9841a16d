import { statSync } from "node:fs"
import { DatabaseSync } from "node:sqlite"
import { setTimeout as sleep } from "node:timers/promises"

/** What is open in the store, read beside everybody who works on it. */
export interface Open {
  readonly batches: number
  readonly parts: number
  readonly jobs: number
}

export function open(database: string): Open {
  const [row] = read(
    database,
    `SELECT (SELECT count(*) FROM batches WHERE state < 2) AS batches,
            (SELECT count(*) FROM parts WHERE state < 2) AS parts,
            (SELECT count(*) FROM jobs WHERE state < 2) AS jobs`,
  )
  return row as unknown as Open
}

export interface DeadLetter {
  readonly id: string
  readonly reason: string
  readonly data: string
  readonly subscriber: string
}

export function deadLetters(database: string): readonly DeadLetter[] {
  return read(
    database,
    `SELECT j.id, j.reason, e.data, substr(s.id, 1, instr(s.id, '@') - 1) AS subscriber FROM jobs j
     JOIN events e ON e.commit_id = j.commit_id AND e.idx = j.idx
     JOIN subscriptions s ON s.no = j.subscription
     WHERE j.state = 3 ORDER BY j.no`,
  ) as unknown as DeadLetter[]
}

export function read(database: string, sql: string): Record<string, unknown>[] {
  const db = new DatabaseSync(database, { timeout: 10_000 })
  try {
    return db.prepare(sql).all() as Record<string, unknown>[]
  } finally {
    db.close()
  }
}

/** Resolves when nothing is open, or when nothing has moved for so long that nothing will. */
export async function settled(
  { database, book }: { database: string; book: string },
  stillMs: number,
): Promise<Open> {
  let size = -1
  let movedAt = performance.now()
  let last = ""
  for (;;) {
    const now = open(database)
    if (now.batches + now.parts + now.jobs === 0) return now
    const seen = statSync(book).size
    const shape = JSON.stringify(now)
    if (seen !== size || shape !== last) {
      size = seen
      last = shape
      movedAt = performance.now()
    } else if (performance.now() - movedAt > stillMs) return now
    await sleep(100)
  }
}
