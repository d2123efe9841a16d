import { shortBytes } from "../../core/amounts.ts"
import type { FileFacts } from "../../engine/inspection.ts"
import type { Facts } from "./facts.ts"
import { type Finding, ok, problem, warning } from "./finding.ts"

/** What a file and its disk say. */
export function fileFindings({ inspection }: Facts): readonly Finding[] {
  const { file, product } = inspection
  if (file === null) return []
  if (file.path === ":memory:")
    return [ok("connection", `${product} keeps it in memory: it ends with this process.`)]
  return [
    ok("connection", `${product} has opened \`${file.path}\`.`),
    ...place(file),
    ...durability(file),
    integrity(file),
    space(file),
    log(file),
  ]
}

function place({ isOnNetwork, journalMode }: FileFacts): readonly Finding[] {
  const findings: Finding[] = []
  if (isOnNetwork)
    findings.push(
      problem(
        "place",
        "The file lies on a network's disk, where SQLite's locks and shared memory cannot be relied upon.",
        "Move it to a disk of this machine, or move to PostgreSQL: docs/how-to/move-to-postgres.md.",
      ),
    )
  if (journalMode !== "wal")
    findings.push(
      problem(
        "place",
        `The file's journal mode is \`${journalMode}\`, not \`wal\`: readers and writers hold each other up.`,
        "See that nothing else opens the file, and that its folder can be written.",
      ),
    )
  return findings
}

function durability({ synchronous }: FileFacts): readonly Finding[] {
  if (synchronous === "OFF")
    return [
      problem(
        "durability",
        "`synchronous` is OFF: a power failure may break the file.",
        "Leave the option out.",
      ),
    ]
  if (synchronous === "NORMAL")
    return [
      warning(
        "durability",
        "`synchronous` is NORMAL: a power failure may lose the events that were acknowledged last.",
        "Leave the option out, unless that is what you want.",
      ),
    ]
  return [ok("durability", "What is acknowledged is on disk.")]
}

function integrity({ isChecked, fileBytes }: FileFacts): Finding {
  if (isChecked) return ok("integrity", "The file is whole.")
  return ok(
    "integrity",
    `Not checked: reading ${shortBytes(fileBytes)} takes too long here. \`sqlite3 <file> "PRAGMA quick_check"\` does it.`,
  )
}

const LITTLE_BYTES = 1_000_000_000
const TOO_LITTLE_BYTES = 100_000_000

function space({ freeBytes, fileBytes, unusedBytes }: FileFacts): Finding {
  const free = freeBytes ?? Number.POSITIVE_INFINITY
  if (free < LITTLE_BYTES) {
    const judge = free < TOO_LITTLE_BYTES ? problem : warning
    return judge("space", `The file's disk has ${shortBytes(free)} left.`, "Make room before emits fail.")
  }
  const unused =
    unusedBytes > fileBytes / 2 ? `, of which ${shortBytes(unusedBytes)} are free to be filled again` : ""
  return ok("space", `The file has ${shortBytes(fileBytes)}${unused}; its disk has ${shortBytes(free)} left.`)
}

const LARGE_LOG_BYTES = 256_000_000

function log({ walBytes }: FileFacts): Finding {
  const size = `The write-ahead log has ${shortBytes(walBytes)}.`
  if (walBytes < LARGE_LOG_BYTES) return ok("log", size)
  return warning(
    "log",
    `${size} Somebody reads for so long that it cannot be taken into the file.`,
    "Look for a process that keeps a read transaction open on the file: a backup, a shell.",
  )
}
