import { createHash } from "node:crypto"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Carillon, type CopyReport, copyStore, IdConflictError, type ListPage } from "carillon"
import { afterAll, beforeAll, expect, it } from "vitest"
import { describePostgres } from "../support/describe.ts"
import { type TestDatabase, testDatabase } from "../support/postgres.ts"
import { until } from "../support/programs.ts"
import { Calls, exported, fillShop, openShop, subscribeShop } from "./copy-shop.ts"
import { ARCHIVED, killTill, subscribeTill } from "./copy-till.ts"

const folder = mkdtempSync(join(tmpdir(), "carillon-copy-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const file = join(folder, "shop.db")

/** Of every file but the index of the log, in which who reads leaves a mark. */
function hashes(): Record<string, string> {
  const names = readdirSync(folder).filter((name) => !name.endsWith("-shm"))
  const hashOf = (name: string) =>
    createHash("sha256")
      .update(readFileSync(join(folder, name)))
      .digest("hex")
  return Object.fromEntries(names.map((name) => [name, hashOf(name)]))
}

const EVENTS_OF_THE_SHOP = 5 + 1 + 2 + 10 + 20 // placed, refused, delayed, paid, exported
const EVENTS = EVENTS_OF_THE_SHOP + ARCHIVED + 3 + 2 // receipts, drawers

/** What the till was doing when it was killed waits again in the copy. */
const OF_THE_TILL = /^(receipt|drawer)\.|^order\.archived$/

/** All that the public face shows of the shop's own work. */
async function seen(carillon: Carillon) {
  const events = await whole((cursor) => carillon.listEvents({ cursor }))
  const shops = events.filter(({ name }) => !OF_THE_TILL.test(name))
  const deliveries = await whole((cursor) => carillon.listDeliveries({ cursor, limit: 1_000 }))
  // What ends with the till is open in the file, and in jobs of its own where the till took its time.
  const { bytes, workers, subscriptions, openJobs, ...stats } = await carillon.stats()
  return {
    events,
    traces: await Promise.all(shops.map(({ id }) => carillon.trace(id))),
    deliveries: deliveries.filter(({ eventName }) => eventName === null || !OF_THE_TILL.test(eventName)),
    dead: await whole((cursor) => carillon.deadLetters({ cursor })),
    names: (await carillon.eventNames()).filter(({ name }) => !OF_THE_TILL.test(name)),
    subscriptions: (await carillon.subscriptions())
      .filter(({ group }) => group === "shop")
      .map(({ lagSeconds, ...rest }) => rest),
    stats,
  }
}

async function whole<T>(page: (cursor: string | undefined) => Promise<ListPage<T>>): Promise<T[]> {
  const items: T[] = []
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const next = await page(cursor)
    items.push(...next.items)
    cursor = next.cursor
  }
  return items
}

await describePostgres("a store that was copied to PostgreSQL", () => {
  let database: TestDatabase
  let before: Record<string, string>
  let called: Calls // in the shop, before the copy
  let report: CopyReport

  beforeAll(async () => {
    database = await testDatabase("copy")
    called = await fillShop(file)
    await killTill(file)
    before = hashes()
    report = await copyStore({ from: file, to: database.url })
  }, 60_000)
  afterAll(() => database?.drop())

  it("leaves the file as it was, to the byte, with the log of a process that was killed", () => {
    expect(Object.keys(before)).toContain("shop.db-wal")
    expect(hashes()).toEqual(before)
  })

  it("has as many rows in each table and in each state as the file, with nothing leased any more", () => {
    const count = (name: string, of: "file" | "postgres") =>
      Object.fromEntries(
        report.states.filter(({ table }) => table === name).map((each) => [each.state, each[of]]),
      )

    expect(report).toMatchObject({ resumed: false, endedAt: null, replaced: 0 })
    expect(report.tables).toMatchObject({ events: EVENTS, staged: 2, event_ids: 3 })
    expect(count("jobs", "file")).toMatchObject({ dead: 1 })
    for (const table of ["batches", "parts", "jobs"]) {
      const { waiting, open = waiting, leased = 0 } = count(table, "file")
      const { waiting: waits, open: opened = waits } = count(table, "postgres")
      expect(count(table, "postgres")).toMatchObject({ leased: 0 })
      expect(opened).toBe((open ?? 0) + leased)
    }
    expect(report.handedBack).toBeGreaterThanOrEqual(3) // receipts, the drawer, the replay
  })

  it("shows every event, trace and list as the file shows them", async () => {
    const inFile = await openShop(file, { group: "office" })
    const inDatabase = await openShop(database.url, { group: "office" })

    const [was, is] = [await seen(inFile), await seen(inDatabase)]

    for (const what of Object.keys(was) as (keyof typeof was)[]) expect(is[what], what).toEqual(was[what])
    expect(was.traces.length).toBe(EVENTS_OF_THE_SHOP)
    await inFile.stop()
    await inDatabase.stop()
  })

  it("has what the killed till was doing waiting again, without a mark against it", async () => {
    const rows = await database.query(
      `SELECT state, worker, takes, crashes FROM (
         SELECT no, state, worker, takes, 0 AS crashes, group_name FROM carillon.batches UNION ALL
         SELECT no, state, worker, takes, 0, group_name FROM carillon.parts UNION ALL
         SELECT no, state, worker, 0, crashes, group_name FROM carillon.jobs) AS work
       WHERE group_name = 'till' AND state < 2`, // what took long was spilled, and ended with the till
    )

    expect(rows.length).toBeGreaterThan(3)
    for (const row of rows) expect(row).toEqual({ state: 0, worker: null, takes: 0, crashes: 0 })
  })

  it("has ended what was to live only as long as the till", async () => {
    const ended = report.ended.map(({ id, group }) => [group, id.replace(/.*@/, "…@")])

    expect(ended).toEqual([["till", "…@receipt.printed"]])
  })

  it("goes on where the file stopped: what was open is handled once, in order, and what was done is not", async () => {
    const calls = new Calls()
    const shop = await openShop(database.url, { pollMs: 50 })
    const till = await openShop(database.url, { pollMs: 50, group: "till" })
    subscribeShop(shop, calls, "works")
    subscribeTill(till, (subscriber, order) => calls.add(subscriber, order))
    await shop.start()
    await till.start()
    await shop.resume("mails")
    await until(
      async () =>
        calls.of("archive").length >= ARCHIVED && calls.of("erp").length >= 20 - called.of("erp").length,
    )
    await shop.drain()
    await till.drain()

    const placed = ["ord_1", "ord_2", "ord_3", "ord_4", "ord_5"]
    expect(calls.of("stock").sort()).toEqual(placed) // the replay; the emits were handled before
    expect(called.of("stock").sort()).toEqual(placed)
    expect(calls.of("mails").sort()).toEqual([...placed, ...placed].sort()) // the emits, and the replay
    expect(calls.of("cms")).toEqual([]) // each retry has its time
    expect(calls.of("crm")).toEqual([])
    expect(calls.of("ledger")).toEqual(["ana-3", "ana-4", "ana-5"])
    expect(calls.of("fax")).toEqual(["soon"])
    expect([...called.of("erp"), ...calls.of("erp")].sort()).toEqual(exported().sort())
    expect(calls.of("printer").sort()).toEqual(["r-1", "r-2", "r-3"])
    expect(calls.of("drawer")).toEqual(["d-1", "d-2"])
    expect(new Set(calls.of("archive")).size).toBe(ARCHIVED)
    expect(calls.of("archive").length).toBe(ARCHIVED)
    await shop.stop()
    await till.stop()
  }, 60_000)

  it("still knows the ids that callers gave, releases what was staged, redrives, and takes new events", async () => {
    const calls = new Calls()
    const shop = await openShop(database.url)
    subscribeShop(shop, calls, "works")
    await shop.start()
    const [last] = await database.query<{ no: number }>("SELECT max(no)::integer AS no FROM carillon.jobs")
    const placed = { name: "order.placed", id: "placed-ord_1" }

    const [again] = await shop.emit({ ...placed, data: { order: "ord_1" } })
    const conflict = shop.emit({ ...placed, data: { order: "another" } })
    await expect(conflict).rejects.toThrow(IdConflictError)
    const { redriven } = await shop.redrive({ subscription: "crm" })
    await shop.events.releaseGroupedEvents("checkout")
    await shop.emit({ name: "order.paid", key: "ana", data: { order: "ana-6" } })
    await shop.drain()

    expect([again, redriven]).toEqual([{ id: "placed-ord_1", existing: true }, 1])
    expect(calls.of("crm")).toEqual(["ord_6"])
    expect(calls.of("stock")).toEqual(["late-1", "late-2"])
    expect(calls.of("ledger")).toEqual(["ana-6"])
    const [paid] = await database.query(
      "SELECT no FROM carillon.jobs WHERE key = 'ana' ORDER BY no DESC LIMIT 1",
    )
    expect(Number(paid?.no)).toBeGreaterThan(last?.no ?? 0)
    await shop.stop()
  })

  it("is found to be done when it is copied once more", async () => {
    const again = await copyStore({ from: file, to: database.url })

    expect(again).toMatchObject({ endedAt: expect.any(Date), tables: {} })
  })
})
