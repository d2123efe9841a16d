import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { type Carillon, createCarillon } from "carillon"
import { afterAll, afterEach, describe, expect, it } from "vitest"
import { describePostgres, skipAloud } from "../support/describe.ts"
import { testDatabase } from "../support/postgres.ts"
import { postgresFolder } from "../support/programs.ts"

const folder = mkdtempSync(join(tmpdir(), "carillon-restore-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const opened: Carillon[] = []
afterEach(async () => {
  for (const carillon of opened.splice(0)) await carillon.stop()
})

/** An app, and what its handler was given. */
async function startShop(database: string) {
  const handled: unknown[] = []
  const shop = await createCarillon({ database, group: "shop", logger: false })
  opened.push(shop)
  shop.events.subscribe("order.placed", ({ data }) => handled.push(data), { subscriberId: "stock" })
  await shop.start()
  return { shop, handled }
}

/** A backup taken while the app is at work: two orders are handled before it, one waits, one comes after it. */
async function play(original: string, backUp: () => Promise<string>): Promise<unknown[]> {
  const { shop } = await startShop(original)
  await shop.emit([1, 2].map((data) => ({ name: "order.placed", data })))
  await shop.drain()
  await shop.pause("stock")
  await shop.emit({ name: "order.placed", data: 3 })
  const copy = await backUp()
  await shop.resume("stock")
  await shop.emit({ name: "order.placed", data: 4 })
  await shop.drain()

  const restored = await startShop(copy)
  await restored.shop.resume("stock")
  await restored.shop.drain()
  await restored.shop.emit({ name: "order.placed", data: 5 })
  await restored.shop.drain()
  expect((await restored.shop.listEvents()).items.map((each) => each.data)).toEqual([5, 3, 2, 1])
  expect((await restored.shop.doctor()).findings.filter((each) => each.check === "schema")).toMatchObject([
    { verdict: "ok" },
  ])
  return restored.handled
}

describe("a backup of a file, taken while the app is at work", () => {
  it("goes on where it was taken", async () => {
    const original = join(folder, "shop.db")

    const handled = await play(original, async () => {
      const copy = join(folder, "copy.db")
      const db = new DatabaseSync(original)
      db.exec(`VACUUM INTO '${copy}'`)
      db.close()
      return copy
    })

    expect(handled).toEqual([3, 5])
  })
})

const TITLE = "a backup of PostgreSQL, taken while the app is at work"
const programs = postgresFolder()
if (programs === null) skipAloud(TITLE, "pg_dump is not installed here", () => it("goes on", () => {}))
else
  await describePostgres(TITLE, () => {
    it("goes on where it was taken", async () => {
      const original = await testDatabase("original")
      const copy = await testDatabase("copy")

      const handled = await play(original.url, async () => {
        const dump = run("pg_dump", ["--dbname", original.url])
        run("psql", ["--dbname", copy.url, "--set", "ON_ERROR_STOP=1", "--quiet"], dump)
        return copy.url
      })

      expect(handled).toEqual([3, 5])
      for (const carillon of opened.splice(0)) await carillon.stop()
      await original.drop()
      await copy.drop()
    })
  })

function run(program: string, args: string[], input = ""): string {
  const ran = spawnSync(join(programs ?? "", program), args, { encoding: "utf8", input, maxBuffer: 1e9 })
  if (ran.status !== 0) throw new Error(ran.stderr)
  return ran.stdout
}
