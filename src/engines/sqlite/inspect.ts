import { statfsSync, statSync } from "node:fs"
import { dirname } from "node:path"
import { StoreError } from "../../core/errors.ts"
import type { FileFacts, Inspection, TableFacts } from "../../engine/inspection.ts"
import { workFacts } from "../sql/inspect.ts"
import { type Database, type DatabaseOptions, isBusy } from "./database.ts"
import { runProgram } from "./program.ts"

/** What is larger is not read through here: the store's thread has other things to do. */
const MOST_READ_BYTES = 256 * 1024 * 1024

/**
 * What the file and its disk say.
 *
 * @throws StoreError when the file is damaged: nothing else that it says could be relied upon
 */
export function inspect(db: Database, options: DatabaseOptions): Inspection {
  const bytes = pragma(db, "page_count") * pragma(db, "page_size")
  const isSmall = bytes <= MOST_READ_BYTES
  if (isSmall) check(db, options)
  return {
    product: `SQLite ${db.get("SELECT sqlite_version() AS version")?.version}`,
    bytes,
    work: runProgram(db, workFacts()),
    tables: isSmall ? tables(db) : [],
    server: null,
    file: file(db, options, bytes, isSmall),
  }
}

function pragma(db: Database, name: string): number {
  return db.get(`SELECT ${name} AS value FROM pragma_${name}`)?.value as number
}

/** Pages by table, those of its indexes with it. */
function tables(db: Database): TableFacts[] {
  const rows = db.all(
    `SELECT s.tbl_name AS name, sum(d.pgsize) AS bytes,
       sum(CASE WHEN s.type = 'table' AND d.pagetype = 'leaf' THEN d.ncell ELSE 0 END) AS n
     FROM dbstat d JOIN sqlite_schema s ON s.name = d.name GROUP BY s.tbl_name ORDER BY bytes DESC`,
  )
  return rows.map(({ name, bytes, n }) => ({
    name: name as string,
    rows: n as number,
    bytes: bytes as number,
    deadRows: null,
    vacuumedAt: null,
  }))
}

function file(
  db: Database,
  { path, synchronous }: DatabaseOptions,
  fileBytes: number,
  isChecked: boolean,
): FileFacts {
  const disk = path === ":memory:" ? null : statfsSync(dirname(path))
  return {
    path,
    fileBytes,
    walBytes: statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0,
    unusedBytes: pragma(db, "freelist_count") * pragma(db, "page_size"),
    freeBytes: disk === null ? null : disk.bavail * disk.bsize,
    isOnNetwork: disk !== null && NETWORKS.has(disk.type),
    journalMode: db.get("PRAGMA journal_mode")?.journal_mode as string,
    synchronous,
    isChecked,
  }
}

/** As Linux numbers them: NFS, SMB, CIFS, SMB2, 9P, Ceph, AFS. */
const NETWORKS = new Set([0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x01021997, 0x00c36400, 0x5346414f])

function check(db: Database, { path }: DatabaseOptions): void {
  const found = quickCheck(db)
  if (found === "ok") return
  throw new StoreError(
    `Expected \`${path}\` to be whole, but it is damaged: ${found}. Stop every process on it, keep a copy, and restore a backup.`,
  )
}

function quickCheck(db: Database): string {
  try {
    const rows = db.all("PRAGMA quick_check(3)")
    return rows.map((row) => row.quick_check as string).join("; ")
  } catch (error) {
    if (isBusy(error)) throw error
    return (error as Error).message // damage at which even the check stumbles
  }
}
