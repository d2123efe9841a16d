import { mkdirSync, statfsSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const TMPFS = 0x0102_1994

/** Where the databases lie: an fsync into a file system in memory would measure nothing. */
export function benchDirectory(): string {
  const temporary =
    statfsSync(tmpdir()).type === TMPFS ? fileURLToPath(new URL("../.tmp", import.meta.url)) : tmpdir()
  const directory = process.env.BENCH_DIR ?? join(temporary, "carillon-bench")
  mkdirSync(directory, { recursive: true })
  if (statfsSync(directory).type === TMPFS) {
    throw new Error(`\`${directory}\` lies in memory. Set BENCH_DIR to a directory on a real disk.`)
  }
  return directory
}
