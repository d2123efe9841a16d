import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { copyStore } from "carillon"
import { afterAll, beforeAll, expect, it } from "vitest"
import type { Engine } from "../../src/engine/engine.ts"
import { openPostgres } from "../../src/engines/postgres/engine.ts"
import { openSqlite } from "../../src/engines/sqlite/engine.ts"
import { resolveOptions } from "../../src/options.ts"
import { systemClock } from "../../src/system-clock.ts"
import { OrderRuns } from "../../src/testing/conformance/order-runs.ts"
import { Shop } from "../../src/testing/conformance/shop.ts"
import { describePostgres } from "../support/describe.ts"
import { type TestDatabase, testDatabase } from "../support/postgres.ts"

const folder = mkdtempSync(join(tmpdir(), "carillon-copy-runs-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function shopOn(engine: Engine): Shop {
  const { now } = systemClock
  const nothing = async () => {}
  return new Shop({ engine, now, advance: nothing, flush: nothing, badEvent: {}, destroy: nothing })
}

await describePostgres("a copy of a store with runs", () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await testDatabase("copy-runs")
  })
  afterAll(() => database.drop())

  it("takes them along with their steps, and they go on where they stood", async () => {
    const path = join(folder, "shop.db")
    const file = await openSqlite({ path, synchronous: "NORMAL", thread: "main", clock: systemClock })
    const before = await OrderRuns.of(shopOn(file))
    const inAcme = { scope: "acme/master" }
    const [held, parked, done] = [await before.held(), await before.parked(inAcme), await before.held()]
    await before.shop.write(
      before.checkpoint(held, [before.step("reserve-stock"), before.step("charge", { outcome: "failed" })]),
      before.end(done, { keepUntil: Date.now() + 1_000_000, records: [before.step("notify")] }),
      { kind: "put-record", collection: "users", id: "ada", value: "{}", ifAbsent: true },
    )
    const rows = await Promise.all([parked, done].map(({ id }) => before.row(id)))
    const steps = await file.queries.runSteps(held.run)
    await file.leases.leave(before.worker)
    await file.close()

    const report = await copyStore({ from: path, to: database.url })

    expect(report.tables).toMatchObject({ runs: 3, run_steps: 3, records: 1 })
    const { postgres } = resolveOptions({ database: database.url })
    if (postgres === null) throw new Error("Expected the options of PostgreSQL.")
    const { engine: server } = await openPostgres({
      ...postgres,
      applicationName: "copy",
      clock: systemClock,
    })
    const shop = shopOn(server)
    const after = new OrderRuns(shop, before.subscription, await shop.join())
    expect(await Promise.all([parked, done].map(({ id }) => after.row(id)))).toEqual(rows)
    expect(await server.queries.runSteps(held.run)).toEqual(steps)
    expect(await server.queries.record("users", "ada")).toBe("{}")
    const job = await shop.claimOne(after.worker, after.subscription)
    expect(job.id).toBe(held.id)
    const lease = { run: held.run, job: job.no, worker: after.worker, epoch: job.epoch }
    await shop.write(
      after.checkpoint(lease, [after.step("a second charge"), after.step("charge")]),
      after.end(lease),
    )
    expect(await after.steps(held.run)).toEqual([
      "reserve-stock invoke 1: done",
      "charge invoke 1: done",
      "a second charge invoke 1: done",
    ])
    const next = await after.start({ id: "run_9001" })
    expect([next.isNew, next.no > done.run]).toEqual([true, true])
    await server.close()
  })
})
