import { execFile } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { type Carillon, createCarillon, type DoctorReport, type Finding, PermanentError } from "carillon"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { Cluster } from "../support/cluster.ts"
import { describeCluster, skipAloud } from "../support/describe.ts"
import { PgBouncer } from "../support/pgbouncer.ts"

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url))
const folder = mkdtempSync(join(tmpdir(), "carillon-doctor-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const opened: Carillon[] = []
afterEach(async () => {
  for (const carillon of opened.splice(0)) await carillon.stop()
})

/** An app that handles orders, and refuses those of unknown accounts. */
async function startShop(database: string): Promise<Carillon> {
  const shop = await createCarillon({ database, group: "shop", logger: false })
  opened.push(shop)
  shop.events
    .subscribe("order.placed", () => {}, { subscriberId: "stock" })
    .subscribe("order.refused", refuse, { subscriberId: "crm" })
  await shop.start()
  return shop
}

function refuse(): never {
  throw new PermanentError("no such account")
}

/** The real command line, as a process of its own. */
function carillon(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const env = { ...process.env, CARILLON_DATABASE: "", FORCE_COLOR: undefined }
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], { cwd: folder, env }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err })
    })
  })
}

function troublesOf({ findings }: DoctorReport): string[] {
  return findings.filter((each) => each.verdict !== "ok").map(({ check, verdict }) => `${check}: ${verdict}`)
}

function found({ findings }: DoctorReport, check: string): Finding | undefined {
  return findings.find((each) => each.check === check)
}

describeCluster("carillon doctor on PostgreSQL", () => {
  let cluster: Cluster
  let schemas = 0
  beforeAll(async () => {
    cluster = await Cluster.start()
  }, 60_000)
  afterAll(() => cluster.close())

  const newDatabase = () => `${cluster.url()}?schema=shop_${++schemas}`
  const inSchema = (sql: string) => cluster.query(`SET search_path = shop_${schemas}; ${sql}`)

  it("finds an app at work well, and ends with 0", async () => {
    const database = newDatabase()
    const shop = await startShop(database)
    await shop.emit({ name: "order.placed" })
    await shop.drain()

    const report = await shop.doctor()
    const { code, out, err } = await carillon("doctor", "--database", database)

    expect(troublesOf(report)).toEqual([])
    expect(found(report, "workers")?.what).toBe("1 worker is live, of 1 group.")
    expect(report.tables.map((table) => table.name)).toContain("events")
    expect(report.days.length).toBeGreaterThan(1)
    expect([code, err]).toEqual([0, "All is well.\n"])
    expect(out).toMatch(/^ok +hints +What one process notifies another hears/m)
    expect(out).toMatch(/^TABLE +ROWS/m)
  })

  it("names what is wrong with a store and with who works on it, and ends with 1", async () => {
    const database = newDatabase()
    const shop = await startShop(database)
    await shop.emit([{ name: "order.refused" }, { name: "order.placed", delay: 3_600_000 }])
    await shop.drain()
    await shop.pause("stock")
    await shop.stop()
    await inSchema(`
      INSERT INTO workers (pid, started_at, seen_at, expires_at, group_name, name, host, handles)
        VALUES (1, 0, 0, 1, 'billing', 'gone', 'till-9 boot', '[]');
      UPDATE jobs SET state = 1, worker = 99 WHERE state = 0;
      INSERT INTO staged (at, idx, event_group, commit_id, name, scope) VALUES (0, 0, '', 'X', 'order.placed', '');
      INSERT INTO staged (at, idx, event_group, commit_id, name, scope) VALUES (0, 0, 'checkout_1', 'X', 'order.placed', '');
      ALTER TABLE rates SET UNLOGGED;
      ALTER TABLE jobs SET (autovacuum_enabled = off)`)

    const { code, out } = await carillon("doctor", "--json", "--database", database)

    expect(code).toBe(1)
    expect(troublesOf(JSON.parse(out))).toEqual([
      "autovacuum: warning",
      "schema: problem",
      "workers: problem",
      "orphans: warning",
      "dead letters: warning",
      "strays: problem",
      "event groups: warning",
      "outbox: problem",
    ])
  })

  it("names settings that endanger what is promised", async () => {
    const database = newDatabase()
    const shop = await startShop(database)
    const settings = ["fsync", "full_page_writes", "synchronous_commit", "autovacuum"]
    const onEach = async (how: (name: string) => string): Promise<void> => {
      for (const name of settings) await cluster.query(how(name))
      await cluster.query("SELECT pg_reload_conf()")
    }
    await onEach((name) => `ALTER SYSTEM SET ${name} = off`)
    try {
      await expect
        .poll(async () => troublesOf(await shop.doctor()))
        .toEqual(["durability: problem", "durability: problem", "durability: problem", "autovacuum: problem"])
    } finally {
      await onEach((name) => `ALTER SYSTEM RESET ${name}`)
    }
  })

  it("says what was tried and what the server said, where it cannot be reached", async () => {
    const { code, out } = await carillon(
      "doctor",
      "--json",
      "--database",
      "postgres://x:secret@127.0.0.1:1/y",
    )

    const report = JSON.parse(out) as DoctorReport
    expect([code, report.healthy, report.findings.length]).toEqual([1, false, 1])
    expect(report.findings[0]).toMatchObject({
      check: "connection",
      what: expect.stringMatching(/`postgres:\/\/x:\*\*\*@127\.0\.0\.1:1\/y`.*ECONNREFUSED/),
    })
    expect(out).not.toContain("secret")
  })

  it("makes nothing where nothing is yet", async () => {
    const { code, out } = await carillon("doctor", "--database", newDatabase())

    expect([code, out]).toEqual([1, expect.stringMatching(/^problem +schema .*carillon migrate/)])
    const made = await cluster.query("SELECT 1 FROM pg_namespace WHERE nspname = $1", [`shop_${schemas}`])
    expect(made).toEqual([])
  })

  const missing = PgBouncer.missing()
  if (missing !== null) skipAloud("behind a pooler", missing, () => it("works", () => {}))
  else
    describe("behind a pooler", () => {
      let pooler: PgBouncer
      beforeAll(async () => {
        pooler = await PgBouncer.start(cluster.url())
      })
      afterAll(() => pooler.close())

      it("says that Carillon was not told of it", async () => {
        await (await startShop(newDatabase())).stop()

        const { out } = await carillon("doctor", "--database", `${pooler.url()}?schema=shop_${schemas}`)

        expect(out).toMatch(/^problem +connection .*startup parameter.*\?pooler=true/)
      })

      it("warns only that nobody listens, where Carillon knows", async () => {
        const shop = await startShop(newDatabase())

        const { code, out } = await carillon(
          "doctor",
          "--json",
          "--database",
          `${pooler.url()}?schema=shop_${schemas}&pooler=true`,
        )

        expect(troublesOf(JSON.parse(out))).toEqual(["hints: warning"])
        expect(code).toBe(0)
        await shop.stop()
      })
    })
})

describe("carillon doctor on SQLite", () => {
  it("finds an app at work well, and ends with 0", async () => {
    const database = join(folder, "well.db")
    const shop = await startShop(database)
    await shop.emit({ name: "order.placed" })
    await shop.drain()

    const { code, out, err } = await carillon("doctor", "--database", database)

    expect([code, err]).toEqual([0, "All is well.\n"])
    expect(out).toMatch(/^ok +integrity +The file is whole/m)
    expect(troublesOf(await shop.doctor())).toEqual([])
  })

  it("finds damage in the file", async () => {
    const database = join(folder, "damaged.db")
    const shop = await startShop(database)
    await shop.emit(
      Array.from({ length: 2_000 }, (_, i) => ({ name: "order.placed", data: { id: `ord_${i}` } })),
    )
    await shop.drain()
    await shop.stop()
    const bytes = readFileSync(database)
    bytes.fill(0xff, bytes.length - 3 * 4096, bytes.length - 4096)
    writeFileSync(database, bytes)

    const { code, out } = await carillon("doctor", "--database", database)

    expect([code, out]).toEqual([
      1,
      expect.stringMatching(/^problem +store .* is damaged: .*restore a backup/),
    ])
  })

  it("makes no file where there is none", async () => {
    const database = join(folder, "absent.db")

    const { code, out } = await carillon("doctor", "--database", database)

    expect([code, out]).toEqual([1, expect.stringMatching(/^problem +schema /)])
    expect(() => readFileSync(database)).toThrow(/ENOENT/)
  })
})
