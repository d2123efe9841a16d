import type { Remains, ScrubRequest } from "../../engine/maintenance.ts"
import type { Database } from "./database.ts"

/** What is deleted or replaced within is overwritten with zeros, in the pages that it frees as well. */
export function overwriting<T>(db: Database, work: () => T): T {
  db.exec("PRAGMA secure_delete = ON")
  try {
    return work()
  } finally {
    db.exec("PRAGMA secure_delete = OFF")
  }
}

/**
 * Rewrites the file and empties its log.
 *
 * Overwriting rows is not enough: where SQLite once moved a row between pages, or replaced it, the old bytes may lie
 * in unused room. Only a rewrite leaves none of them, and it holds up writers for as long as it takes, so a large
 * file is rewritten only by wish.
 */
export function scrub(db: Database, { path }: { readonly path: string }, { rewrite }: ScrubRequest): Remains {
  if (path === ":memory:") return "none"
  const rewrites = rewrite ?? sizeOf(db) <= SMALL_BYTES
  if (rewrites) vacuum(db)
  const isEmptied = db.get("PRAGMA wal_checkpoint(TRUNCATE)")?.busy === 0
  if (!isEmptied) return "log"
  return rewrites ? "none" : "file"
}

/** Less than a tenth of a second. */
const SMALL_BYTES = 16 * 1024 * 1024

function sizeOf(db: Database): number {
  return db.get("SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size")
    ?.bytes as number
}

/** The new file is put together beside the old one: in memory it would have to fit there. */
function vacuum(db: Database): void {
  db.exec("PRAGMA temp_store = FILE")
  try {
    db.exec("VACUUM")
  } finally {
    db.exec("PRAGMA temp_store = MEMORY")
  }
}
