import { execFile } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { fileURLToPath } from "node:url"
import { createCarillon } from "carillon"
import { movingClock } from "carillon/testing"
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest"
import { describePostgres } from "../support/describe.ts"
import { type TestDatabase, testDatabase } from "../support/postgres.ts"

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url))
const folder = mkdtempSync(join(tmpdir(), "carillon-copy-interrupted-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const file = join(folder, "shop.db")

const DAYS = 3
const EMITS_A_DAY = 10
const EVENTS_AN_EMIT = 400
const EVENTS = DAYS * EMITS_A_DAY * EVENTS_AN_EMIT

/** Some days of orders, of which each tenth is to be delivered one day. */
async function fillDays(): Promise<void> {
  const clock = movingClock({ start: Date.now() - DAYS * 24 * 3_600_000 })
  const shop = await createCarillon({
    database: file,
    group: "shop",
    clock,
    logger: false,
    storeThread: "main",
  })
  shop.events.subscribe("order.delayed", () => {}, { subscriberId: "fax" })
  for (let emit = 0; emit < DAYS * EMITS_A_DAY; emit++) {
    await shop.emit(
      Array.from({ length: EVENTS_AN_EMIT }, (_, i) =>
        i % 10 === 0
          ? { name: "order.delayed", data: { order: `${emit}-${i}` }, delay: 30 * 24 * 3_600_000 }
          : { name: "order.placed", data: { order: `${emit}-${i}` }, id: `order-${emit}-${i}` },
      ),
    )
    await clock.advance(`${24 / EMITS_A_DAY}h`)
  }
  await shop.stop()
}

interface Ran {
  readonly killed: boolean
  readonly code: number | null
  readonly out: string
  readonly err: string
}

function run(to: string, fault: string): Promise<Ran> {
  const args = [main, "copy", "--from", file, "--to", to, "--json"]
  const env = { ...process.env, CARILLON_FAULT: fault }
  return new Promise((resolve) => {
    const child = execFile(process.execPath, args, { env, maxBuffer: 2 ** 26 }, (_, out, err) =>
      resolve({ killed: child.signalCode === "SIGKILL", code: child.exitCode, out, err }),
    )
  })
}

const KEYS: Record<string, string> = {
  subscriptions: "no",
  subscription_versions: "subscription, from_version",
  commits: "commit_id",
  commit_names: "name, commit_id",
  events: "commit_id, idx",
  event_ids: "id, scope",
  batches: "no",
  parts: "no",
  jobs: "no",
}

await describePostgres("a copy", () => {
  let database: TestDatabase

  beforeAll(() => fillDays(), 60_000)
  beforeEach(async () => {
    database = await testDatabase("copy_interrupted")
  })
  afterEach(() => database.drop())

  const rowsCopied = async (): Promise<number> => {
    const rows = await database.query<{ state: string }>(
      "SELECT state FROM carillon.copying WHERE name <> 'source'",
    )
    return rows.reduce((sum, { state }) => sum + (JSON.parse(state) as { rows: number }).rows, 0)
  }

  /** Rows of both stores, in the columns of the file. */
  async function inBoth(table: string): Promise<[unknown[], unknown[]]> {
    const source = new DatabaseSync(file, { readOnly: true })
    const inFile = source.prepare(`SELECT * FROM ${table} ORDER BY ${KEYS[table]}`).all()
    source.close()
    const columns = Object.keys(inFile[0] ?? { no: 0 }).join(", ")
    const inDatabase = await database.query(
      `SELECT to_jsonb(x) AS row FROM (SELECT ${columns} FROM carillon.${table} ORDER BY ${KEYS[table]}) x`,
    )
    return [inFile.map((row) => ({ ...row })), inDatabase.map(({ row }) => row)]
  }

  it("that is killed anywhere goes on where it was: nothing is there twice, nothing is lost", async () => {
    const faults = [
      "copy.middle=kill@1",
      "copy.after=kill@1",
      "copy.middle=kill@3",
      "copy.after=kill@4",
      "copy.middle=kill@2",
      "copy.ending=kill",
      "copy.ended=kill",
    ]
    const copied: number[] = []

    for (const fault of faults) {
      const { killed, err } = await run(database.url, fault)
      expect([fault, killed, err]).toEqual([fault, true, expect.any(String)])
      if (fault !== "copy.ended=kill") {
        copied.push(await rowsCopied())
        await expect(createCarillon({ database: database.url })).rejects.toThrow("a copy has not ended yet")
      }
    }
    const { code, out } = await run(database.url, "")

    expect(copied).toEqual([...copied].sort((a, b) => a - b))
    expect(copied.slice(0, 2)).toEqual([0, 1]) // taken back, and kept
    expect([code, JSON.parse(out).endedAt]).toEqual([0, expect.any(String)])
    for (const table of Object.keys(KEYS)) {
      const [inFile, inDatabase] = await inBoth(table)
      expect([table, inDatabase.length]).toEqual([table, inFile.length])
      expect(inDatabase).toEqual(inFile)
    }
    const carillon = await createCarillon({ database: database.url, logger: false })
    expect(await carillon.stats()).toMatchObject({ events: EVENTS })
    await carillon.stop()
  }, 60_000)

  it("says on stderr how far each table is, line by line, and on stdout what it did", async () => {
    const { code, out, err } = await run(database.url, "")

    const lines = err
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
    const ends = lines.filter(({ rows, total }) => rows === total)
    expect(code).toBe(0)
    expect(ends.find(({ table }) => table === "events")).toEqual({
      table: "events",
      rows: EVENTS,
      total: EVENTS,
      rowsPerSecond: expect.any(Number),
    })
    expect(JSON.parse(out)).toMatchObject({ from: file, schema: "carillon", tables: { events: EVENTS } })
  })
})
