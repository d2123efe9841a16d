import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { type CopyOptions, copyStore, createCarillon, type ReplacedText } from "carillon"
import { afterAll, afterEach, beforeEach, expect, it } from "vitest"
import { TABLES } from "../../src/copy/tables.ts"
import { describePostgres } from "../support/describe.ts"
import { type TestDatabase, testDatabase } from "../support/postgres.ts"
import { openShop } from "./copy-shop.ts"

const folder = mkdtempSync(join(tmpdir(), "carillon-copy-refused-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let files = 0

const placed = { name: "order.placed", data: { order: "ord_1" } }

/** A file with an event and a delivery that waits. */
async function newFile(): Promise<string> {
  const file = join(folder, `${++files}.db`)
  const shop = await openShop(file)
  shop.events.subscribe("order.placed", () => {}, { subscriberId: "stock", policy: { order: "hold" } })
  await shop.emit({ ...placed, key: "ana" })
  await shop.stop()
  return file
}

function change(file: string, sql: string, ...values: (string | number)[]): void {
  const db = new DatabaseSync(file)
  db.prepare(sql).run(...values)
  db.close()
}

const EVERYTHING = `SELECT c.relname AS name, c.relkind AS kind FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'carillon'
  UNION ALL SELECT tgname, 't' FROM pg_trigger ORDER BY 1`

await describePostgres("a copy is refused", () => {
  let database: TestDatabase

  beforeEach(async () => {
    database = await testDatabase("copy_refused")
  })
  afterEach(() => database.drop())

  const copy = (from: string, more: Partial<CopyOptions> = {}) =>
    copyStore({ from, to: database.url, ...more })
  const count = async (table: string) =>
    Number((await database.query(`SELECT count(*) AS n FROM carillon.${table}`))[0]?.n)
  const schemas = () => database.query("SELECT 1 FROM pg_namespace WHERE nspname = 'carillon'")

  /** Ends in the middle, as a broken connection ends it. */
  async function breakOff(from: string): Promise<void> {
    const onProgress: CopyOptions["onProgress"] = ({ table, rows }) => {
      if (table === "events" && rows > 0) throw new Error("the connection broke")
    }
    await expect(copy(from, { onProgress })).rejects.toThrow("the connection broke")
  }

  it("while a worker runs on the file, which it names", async () => {
    const file = await newFile()
    const shop = await openShop(file)
    await shop.start()

    await expect(copy(file)).rejects.toThrow(
      new RegExp(`a live worker: group \`shop\`, pid ${process.pid} on .*Stop every process`),
    )

    expect(await schemas()).toEqual([])
    await shop.stop()
    expect((await copy(file)).tables).toMatchObject({ events: 1 })
  })

  it("where the file is not there, is none of ours, or is of another version", async () => {
    const text = join(folder, "notes.txt")
    writeFileSync(text, "not a database, but long enough to be looked at as if it were one".repeat(20))
    const foreign = join(folder, "foreign.db")
    new DatabaseSync(foreign).exec("CREATE TABLE orders (id TEXT)")
    const older = await newFile()
    change(older, "DELETE FROM migrations WHERE number > 1")
    change(older, "UPDATE migrations SET number = 0")

    await expect(copy(join(folder, "none.db"))).rejects.toThrow("found none")
    await expect(copy(text)).rejects.toThrow("to be a Carillon store, got another file")
    await expect(copy(foreign)).rejects.toThrow("to be a Carillon store, got another file")
    await expect(copy(older)).rejects.toThrow(/at migration \d+, .* got one at 0/)
    expect(await schemas()).toEqual([])
  })

  it("where from is no file, or to no PostgreSQL", async () => {
    const file = await newFile()

    await expect(copy(database.url)).rejects.toThrow("`from` to be a file")
    await expect(copy(file, { to: "file:./shop.db" })).rejects.toThrow("`to` to be `postgres://…`")
  })

  it("into a store that holds anything of its own, which stays as it is", async () => {
    const file = await newFile()
    const shop = await openShop(database.url)
    await shop.emit(placed)
    const before = await database.query(EVERYTHING)

    await expect(copy(file)).rejects.toThrow(/holds commits, commit_names, events already/)

    expect(await database.query(EVERYTHING)).toEqual(before)
    await shop.emit(placed)
    expect(await count("events")).toBe(2)
    await shop.stop()
  })

  it("into a schema that is not Carillon's", async () => {
    await database.query("CREATE SCHEMA carillon")
    await database.query("CREATE TABLE carillon.orders (id text)")

    await expect(copy(await newFile())).rejects.toThrow("a table `orders` that is not Carillon's")
  })

  it("into the half copy of another file, or of this one as it was before somebody wrote to it", async () => {
    const file = await newFile()
    await breakOff(file)
    const other = await newFile()

    await expect(copy(other)).rejects.toThrow(/to go on with the copy of .* got another store, or one/)
    const shop = await openShop(file)
    await shop.emit(placed)
    await shop.stop()
    await expect(copy(file)).rejects.toThrow(/commits: 1\/.*1 then, 2\/.*2 now/)

    expect(await count("events")).toBe(1)
  })
})

await describePostgres("while a copy has not ended", () => {
  let database: TestDatabase

  beforeEach(async () => {
    database = await testDatabase("copy_unfinished")
  })
  afterEach(() => database.drop())

  it("nobody writes to the file, and nobody uses the target, not even who had opened it before", async () => {
    const file = await newFile()
    const early = await openShop(database.url, { emitTimeoutMs: 2_000 })
    let written: unknown = null
    const onProgress: CopyOptions["onProgress"] = ({ table }) => {
      if (table !== "events") return
      try {
        change(file, "UPDATE meta SET value = value")
      } catch (error) {
        written = error
      }
      throw new Error("the connection broke")
    }

    await expect(copyStore({ from: file, to: database.url, onProgress })).rejects.toThrow("broke")

    expect(written).toMatchObject({ errcode: 5 })
    await expect(createCarillon({ database: database.url })).rejects.toThrow("a copy has not ended yet")
    await expect(early.emit(placed)).rejects.toThrow("a copy into this store has not ended yet")
    await expect(early.start()).rejects.toThrow("a copy into this store has not ended yet")

    expect(await copyStore({ from: file, to: database.url })).toMatchObject({
      resumed: true,
      tables: { events: 1, jobs: 1 },
    })
    const [{ id } = { id: "" }] = await early.emit({ ...placed, key: "ana" })
    expect((await early.trace(id)).deliveries).toMatchObject([{ subscription: "stock@order.placed" }])
    await early.stop()
  })
})

await describePostgres("a copy of odd values", () => {
  let database: TestDatabase

  beforeEach(async () => {
    database = await testDatabase("copy_odd")
  })
  afterEach(() => database.drop())

  it("replaces zero bytes, which PostgreSQL cannot hold, and names each event and delivery", async () => {
    const file = await newFile()
    change(file, "UPDATE events SET key = ?, sender = ?", "ana\0", "\0till\0")
    change(file, "UPDATE jobs SET error = ?, key = 'ana'", "cms said \0")
    const replaced: ReplacedText[] = []

    const report = await copyStore({
      from: file,
      to: database.url,
      onReplaced: (each) => replaced.push(each),
    })

    expect(report.replaced).toBe(2)
    expect(replaced).toEqual([
      { table: "events", row: expect.stringMatching(/^evt_\w{29}$/), columns: ["sender", "key"] },
      { table: "jobs", row: expect.stringMatching(/^dlv_\w{29}_1$/), columns: ["error"] },
    ])
    expect(await database.query("SELECT key, sender FROM carillon.events")).toEqual([
      { key: "ana\ufffd", sender: "\ufffdtill\ufffd" },
    ])
    expect(await database.query("SELECT error FROM carillon.jobs")).toEqual([{ error: "cms said \ufffd" }])
  })

  it("keeps quotes, backslashes, control characters, empty texts and astral signs as they are", async () => {
    const file = await newFile()
    const texts = ['{"a":"b\\"c\\\\d"}', "NULL", "", "{}", "\n\r\t\u0001\u001f", "🔔 é", "a,b;{c}"]
    for (const [i, text] of texts.entries())
      change(
        file,
        "INSERT INTO events (commit_id, idx, name, scope, sender, key, at, data, extra, id) SELECT commit_id, ?, ?, '', ?, NULL, at, ?, NULL, NULL FROM events WHERE idx = 0",
        i + 1,
        text,
        text,
        text,
      )
    change(file, "UPDATE commits SET events = ?", texts.length + 1)

    await copyStore({ from: file, to: database.url })

    const rows = await database.query(
      "SELECT name, sender, data, key FROM carillon.events WHERE idx > 0 ORDER BY idx",
    )
    expect(rows).toEqual(texts.map((text) => ({ name: text, sender: text, data: text, key: null })))
  })

  it("names the rows among which one has no place in PostgreSQL", async () => {
    const file = await newFile()
    change(file, "UPDATE jobs SET epoch = 3000000000")

    const copied = copyStore({ from: file, to: database.url })

    await expect(copied).rejects.toThrow(/rows of `jobs` .* from dlv_\w{29}_1 to dlv_.*out of range/)
  })

  it("takes every column of every table along, whatever the file's schema has", async () => {
    const file = await newFile()
    const db = new DatabaseSync(file, { readOnly: true })
    const columns = db
      .prepare(
        "SELECT m.name AS t, p.name AS c FROM sqlite_schema m, pragma_table_info(m.name) p WHERE m.type = 'table'",
      )
      .all()
      .map(({ t, c }) => `${t}.${c}`)
    db.close()
    await copyStore({ from: file, to: database.url })
    const there = await database.query<{ name: string }>(
      `SELECT table_name || '.' || column_name AS name FROM information_schema.columns
       WHERE table_schema = 'carillon' AND table_name !~ '_[0-9]{8}$'`,
    )

    const isCopied = (name: string) => TABLES.some((table) => name.startsWith(`${table.name}.`))
    const left = columns.filter((name) => !isCopied(name)).map((name) => name.split(".")[0])
    expect([...new Set(left)].sort()).toEqual(["migrations", "sqlite_sequence", "workers"])
    const own = there.map(({ name }) => name).filter((name) => isCopied(name) && !columns.includes(name))
    expect(own.sort()).toEqual(["jobs.lease", "rates.no"])
  })
})
