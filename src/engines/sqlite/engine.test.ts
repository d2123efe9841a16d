import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { once } from "node:events"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { Worker } from "node:worker_threads"
import { describe, expect, it } from "vitest"
import type { Engine } from "../../engine/engine.ts"
import type { EngineHarness, StoreUnderTest } from "../../testing/conformance/harness.ts"
import { testEngine } from "../../testing/conformance/test-engine.ts"
import { movingClock } from "../../testing/moving-clock.ts"
import { openSqlite, type SqliteEngineOptions } from "./engine.ts"

const ONE_PROCESS = "a store in memory belongs to one process"

// Two hundred threads compile the same modules: they share the work.
process.env.NODE_COMPILE_CACHE ??= join(tmpdir(), "carillon-compile-cache")

for (const thread of ["main", "worker"] as const) {
  testEngine(inMemory(thread), { describe, it, expect })
  testEngine(onDisk(thread), { describe, it, expect })
}

function inMemory(thread: SqliteEngineOptions["thread"]): EngineHarness {
  return {
    name: `SQLite in memory, ${thread} thread`,
    missing: { "several processes": ONE_PROCESS, "dead processes": ONE_PROCESS, "newer stores": ONE_PROCESS },
    create: async () => {
      const clock = movingClock()
      const engine = await openSqlite({ path: ":memory:", synchronous: "OFF", thread, clock })
      return { ...storeOf(engine, clock), destroy: () => engine.close() }
    },
  }
}

function onDisk(thread: SqliteEngineOptions["thread"]): EngineHarness {
  return {
    name: `SQLite on disk, ${thread} thread`,
    create: async () => {
      const clock = movingClock()
      const folder = await mkdtemp(join(tmpdir(), "carillon-engine-"))
      const path = join(folder, "shop.db")
      const open = () => openSqlite({ path, synchronous: "NORMAL", thread, clock })
      const engine = await open()
      return {
        ...storeOf(engine, clock),
        open,
        kill: async (worker) =>
          edit(path, `UPDATE workers SET pid = ${deadPid()}, name = 'gone' WHERE no = ${worker}`),
        makeNewer: async () => edit(path, "INSERT INTO migrations VALUES (9999, 'the_future', 0)"),
        fingerprint: () => fingerprint(path),
        destroy: async () => {
          await engine.close()
          await rm(folder, { recursive: true })
        },
      }
    },
  }
}

function storeOf(engine: Engine, clock: ReturnType<typeof movingClock>): Omit<StoreUnderTest, "destroy"> {
  return {
    engine,
    now: clock.now,
    advance: clock.advance,
    flush: async () => {},
    badEvent: { data: {} as never }, // SQLite binds no objects
  }
}

function edit(path: string, sql: string): void {
  const db = new DatabaseSync(path)
  db.exec(sql)
  db.close()
}

/** The number of a process that has just ended. */
function deadPid(): number {
  return spawnSync(process.execPath, ["-e", "0"]).pid
}

async function fingerprint(path: string): Promise<string> {
  const files = await Promise.all([path, `${path}-wal`].map((file) => readFile(file)))
  return createHash("sha256").update(Buffer.concat(files)).digest("hex")
}

describe("several processes that open a new file at once", () => {
  it("all get it", async () => {
    const folder = await mkdtemp(join(tmpdir(), "carillon-opening-"))
    const database = new URL("./database.ts", import.meta.url).href
    const arrived = new SharedArrayBuffer(4)
    const openAll = `
      const { workerData: { folder, database, arrived, threads, files }, parentPort } = require("node:worker_threads")
      import(database).then(({ Database }) => {
        const count = new Int32Array(arrived)
        const errors = []
        for (let file = 1; file <= files; file++) {
          Atomics.add(count, 0, 1)
          while (Atomics.load(count, 0) < file * threads);
          try {
            new Database({ path: folder + "/" + file + ".db", synchronous: "FULL" }).close()
          } catch (error) {
            errors.push(error.message)
          }
        }
        parentPort.postMessage(errors)
      })`
    const workerData = { folder, database, arrived, threads: 3, files: 100 }
    const threads = Array.from({ length: 3 }, () => new Worker(openAll, { eval: true, workerData }))
    const errors = await Promise.all(threads.map((thread) => once(thread, "message")))
    expect(errors.flat(2)).toEqual([])
    await rm(folder, { recursive: true, force: true })
  })
})
