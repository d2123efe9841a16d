import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { createCarillon } from "carillon"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { commitIdFrom, deliveryId } from "../../src/core/ids.ts"
import { resolvePolicy } from "../../src/core/policy.ts"
import { MIGRATIONS } from "../../src/engines/sqlite/migrations.ts"

const FOLDER = new URL("../../src/engines/sqlite/migrations/", import.meta.url)

let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "carillon-migrations-"))
  path = join(folder, "shop.db")
})

afterEach(() => rmSync(folder, { recursive: true }))

const options = () => ({ database: path, logger: false, group: "shop", storeThread: "main" }) as const

/** A store as the first `count` migrations left it. */
function storeAt(count: number): void {
  const db = new DatabaseSync(path)
  db.exec(
    "CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL)",
  )
  for (const { number, name, sql } of MIGRATIONS.slice(0, count)) {
    db.exec(sql)
    db.prepare("INSERT INTO migrations VALUES (?, ?, 0)").run(number, name)
  }
  db.close()
}

const COMMIT = commitIdFrom(Date.parse("2026-11-01"))
const DEFINITION = {
  pattern: "order.placed",
  filter: null,
  sender: null,
  scope: null,
  target: { kind: "handler" },
  policy: resolvePolicy(),
  paused: false,
}

/** A subscription, an event and a job for it that waits. */
const WAITING_WORK = `
  INSERT INTO subscriptions (no, group_name, id) VALUES (1, 'shop', 'mail@order.placed');
  INSERT INTO subscription_versions VALUES (1, 1, NULL, '${JSON.stringify(DEFINITION)}');
  INSERT INTO commits VALUES ('${COMMIT}', 1, 1);
  INSERT INTO commit_names VALUES ('order.placed', '${COMMIT}', 1);
  INSERT INTO events (commit_id, idx, name, at, data) VALUES ('${COMMIT}', 0, 'order.placed', 0, '{"id":"ord_1001"}');
  INSERT INTO jobs (id, kind, group_name, subscription, commit_id, idx, replay, scope, priority, state, reason, due_at,
    attempt, crashes, isolated, epoch, created_at, updated_at)
  VALUES ('${deliveryId(COMMIT, 0, 1, 0)}', 'delivery', 'shop', 1, '${COMMIT}', 0, 0, '', 1, 0, 'queued', 0, 0, 0, 0, 0, 0, 0);
`

const ENDED_RUN = `
  INSERT INTO runs (id, group_name, subscription, workflow, hash, transaction_id, state, context, signals, started_at, ended_at)
  VALUES ('run_1001', 'shop', 1, 'place-order', 'h1', 'cart_1', 'done', '{"eventGroupId":"evg_1"}', 0, 0, 1);
`

function schemaOf(file: string): unknown[] {
  const db = new DatabaseSync(file)
  const rows = db
    .prepare("SELECT type, name, sql FROM sqlite_schema WHERE name <> 'migrations' ORDER BY name")
    .all()
  db.close()
  return rows
}

describe("migrations", () => {
  it("are embedded as they stand in their files, in order and without a gap", () => {
    const files = readdirSync(FOLDER).filter((file) => file.endsWith(".sql"))

    expect(files.toSorted()).toEqual(
      MIGRATIONS.map(({ number, name }) => `${String(number).padStart(4, "0")}_${name}.sql`),
    )
    for (const [i, file] of files.toSorted().entries()) {
      const text = readFileSync(new URL(file, FOLDER), "utf8")
      expect(MIGRATIONS[i]?.sql.trim()).toBe(text.trim())
    }
    expect(MIGRATIONS.map((each) => each.number)).toEqual(MIGRATIONS.map((_, i) => i + 1))
  })

  for (let from = 0; from <= MIGRATIONS.length; from++) {
    it(`bring a store of schema ${from} to the newest, and it works`, async () => {
      storeAt(from)

      const carillon = await createCarillon(options())
      await carillon.emit({ name: "order.placed", data: { id: "ord_1001" } })

      expect((await carillon.listEvents()).items.length).toBe(1)
      await carillon.stop()
      const migrated = schemaOf(path)
      rmSync(path)
      storeAt(MIGRATIONS.length)
      expect(migrated).toEqual(schemaOf(path))
    })
  }

  it("keep the work that waited in a store of the first schema", async () => {
    storeAt(1)
    const db = new DatabaseSync(path)
    db.exec(WAITING_WORK)
    db.close()
    const mailed: string[] = []

    const carillon = await createCarillon(options())
    carillon.events.subscribe<{ id: string }>("order.placed", ({ data }) => void mailed.push(data.id), {
      subscriberId: "mail",
    })
    await carillon.start()
    await carillon.replay({ subscription: "mail", since: new Date(0) })
    await carillon.drain()

    expect(mailed).toEqual(["ord_1001", "ord_1001"]) // the delivery that waited, and its replay
    await carillon.stop()
  })

  it("put the runs of a store from before runs had scopes into the default scope", async () => {
    storeAt(2)
    const db = new DatabaseSync(path)
    db.exec(ENDED_RUN)
    db.close()

    const carillon = await createCarillon(options())

    const { items } = await carillon.workflows.list({ scopes: ["default/master"] })
    expect(items).toMatchObject([{ id: "run_1001", scope: { account: "default", workspace: "master" } }])
    expect((await carillon.workflows.list({ scopes: ["acme/master"] })).items).toEqual([])
    await carillon.stop()
  })

  it("leave a store alone that a newer Carillon wrote, to the byte", async () => {
    storeAt(MIGRATIONS.length)
    const db = new DatabaseSync(path)
    db.exec("PRAGMA journal_mode = WAL")
    db.exec(`INSERT INTO migrations VALUES (${MIGRATIONS.length + 1}, 'the_future', 0)`)
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)")
    const before = readFileSync(path)

    for (const storeThread of ["main", "worker"] as const) {
      const opening = createCarillon({ ...options(), storeThread })
      await expect(opening).rejects.toMatchObject({
        code: "CARILLON_STORE_TOO_NEW",
        name: "StoreTooNewError",
      })
    }

    expect(readFileSync(path).equals(before)).toBe(true)
    db.close()
  })

  it("write nothing into another program's SQLite file", async () => {
    const db = new DatabaseSync(path)
    db.exec("CREATE TABLE users (id INTEGER PRIMARY KEY)")
    db.close()

    await expect(createCarillon(options())).rejects.toMatchObject({ code: "CARILLON_STORE" })

    const tables = new DatabaseSync(path).prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all()
    expect(tables).toEqual([{ name: "users" }])
  })

  it("take no file for a store that some other program made", async () => {
    const { writeFileSync } = await import("node:fs")
    writeFileSync(path, "This is no database, but it is long enough to look at.".repeat(100))

    await expect(createCarillon(options())).rejects.toMatchObject({ code: "CARILLON_STORE" })
  })
})
