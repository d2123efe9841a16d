import { type ChildProcess, execFile, spawn } from "node:child_process"
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { type CarillonOptions, createCarillon, PermanentError } from "carillon"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { runHere, type Said } from "../support/command-line.ts"
import { describeEngines } from "../support/describe.ts"
import { type TestDatabase, testDatabase } from "../support/postgres.ts"

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url))
const brands = fileURLToPath(new URL("../../examples/brands", import.meta.url))
const folder = mkdtempSync(join(tmpdir(), "carillon-cli-"))
const children = new Set<ChildProcess>()
afterEach(() => {
  for (const child of children) child.kill("SIGKILL")
  children.clear()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let stores = 0

/** The real command line, as a process of its own. */
function carillon(...args: string[]): Promise<Said> {
  return carillonBy([], ...args)
}

/** The same, by a Node that is told something beside. */
function carillonBy(nodes: readonly string[], ...args: string[]): Promise<Said> {
  return new Promise((resolve) => {
    const command = [...nodes, main, ...args]
    const child = execFile(process.execPath, command, { cwd: folder, env }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err })
    })
    child.stdin?.end()
  })
}

const env = { ...process.env, CARILLON_DATABASE: "", FORCE_COLOR: undefined }

/** For what is asked beside what a test is about: here, without a process of its own. */
async function json<T = Record<string, unknown>>(...args: string[]): Promise<T> {
  return parsed(await runHere([...args, "--json"], {}))
}

async function jsonApart<T = Record<string, unknown>>(...args: string[]): Promise<T> {
  return parsed(await carillon(...args, "--json"))
}

function parsed<T>({ out, err }: Said): T {
  if (out === "") throw new Error(err)
  return JSON.parse(out) as T
}

/** Names of stores that are not there yet. */
function databasesOf(engine: "sqlite" | "postgres"): () => string {
  if (engine === "sqlite") return () => join(folder, `store-${++stores}`, "shop.db")
  let database: TestDatabase | undefined
  beforeAll(async () => {
    database = await testDatabase("cli")
  })
  afterAll(() => database?.drop())
  return () => `${database?.url}?schema=shop_${++stores}`
}

/** An app: it handles orders, and refuses those of unknown accounts. */
async function setup(database: string, options: CarillonOptions = {}) {
  const handled: string[] = []
  const app = await createCarillon({ database, logger: false, group: "shop", ...options })
  app.events
    .subscribe("order.placed", ({ id }) => handled.push(id), { subscriberId: "stock" })
    .subscribe(
      "order.refused",
      () => {
        throw new PermanentError("no such account")
      },
      { subscriberId: "crm" },
    )
  await app.start()
  return { app, handled, on: ["--database", database, "--group", "shop"], database }
}

async function until(holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 8_000; !holds(); ) {
    if (Date.now() > end) throw new Error("It did not come to hold within 8 s.")
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

describe("what went wrong", () => {
  it.each([
    [["nonsense"], 2, /unknown command/],
    [["trace"], 2, /missing required argument/],
    [["events", "--since", "soon"], 2, /Expected a time such as/],
    [["events", "--limit", "0"], 2, /whole number from 1 to 1000/],
    [["emit", "order.placed", "{id:1}"], 2, /Expected the data to be JSON/],
    [["redrive"], 2, /say which deliveries are meant/],
    [["replay", "--subscription", "stock"], 2, /Expected --since or --event/],
    [["stats", "--database", "absent.db"], 1, /found none.*carillon migrate/],
    [["stats", "--database", ":memory:"], 1, /got `:memory:`/],
    [["stats", "--database", "mysql://shop"], 1, /no engine for it/],
    [["stats", "--database", "postgres://127.0.0.1:1/shop"], 1, /does not answer.*ECONNREFUSED/],
    [["stats", "--database", "postgres://db/shop?schema=public"], 1, /not `public`/],
  ])("%j ends with %i and says why, without a stack", async (args, code, message) => {
    const ran = await carillon(...args)

    expect(ran.code).toBe(code)
    expect(ran.err).toMatch(message)
    expect(ran.err).not.toMatch(/^\s+at /m)
    expect(existsSync(join(folder, "absent.db"))).toBe(false)
  })
})

await describeEngines((engine) => {
  const newDatabase = databasesOf(engine)

  describe("carillon emit", () => {
    it("emits to an app that runs in another process, which hears of it long before it looks by itself", async () => {
      const { app, handled, on } = await setup(newDatabase(), { pollMs: 60_000 })

      for (let i = 0; i < 3; i++) {
        const { id } = await jsonApart<{ id: string }>("emit", "order.placed", `{"id":"ord_${i}"}`, ...on)
        await until(() => handled.length === i + 1)
        expect([handled[i], (await app.trace(id)).event.data]).toEqual([id, { id: `ord_${i}` }])
      }

      await app.stop()
    })

    it("makes the database when there is none, and joins as no worker", async () => {
      const database = newDatabase()

      const { code, out } = await carillon("emit", "order.placed", "--database", database)

      expect([code, out]).toEqual([0, expect.stringMatching(/^evt_\w{29}\n$/)])
      expect(await json("workers", "--database", database)).toEqual([])
    })

    it("passes id, key, sender, scope, metadata and a file's data on", async () => {
      const database = newDatabase()
      const file = join(folder, "order.json")
      writeFileSync(file, '{"id":"ord_1002"}')
      const event = [
        "--id",
        "ord_1002-placed",
        "--key",
        "ord_1002",
        "--sender",
        "till",
        "--scope",
        "acme/dev",
      ]
      const args = ["emit", "order.placed", "--file", file, ...event, "--metadata", '{"shop":"berlin"}']

      await carillon(...args, "--delay", "1h", "--database", database)
      const again = await carillon(...args, "--delay", "1h", "--database", database)
      const { items } = await json<{ items: Record<string, unknown>[] }>("events", "--database", database)

      expect(again.out).toBe("ord_1002-placed was emitted before\n")
      expect(items).toMatchObject([
        {
          id: "ord_1002-placed",
          data: { id: "ord_1002" },
          key: "ord_1002",
          sender: "till",
          scope: { account: "acme", workspace: "dev" },
          metadata: { shop: "berlin" },
        },
      ])
    })

    it("reads its data from standard input", async () => {
      const database = newDatabase()
      const child = spawn(process.execPath, [
        main,
        "emit",
        "order.placed",
        "--file",
        "-",
        "--database",
        database,
      ])
      children.add(child)
      child.stdin.end('{"id":"ord_1003"}')
      const code = await new Promise((resolve) => child.on("exit", resolve))

      const { items } = await json<{ items: { data: unknown }[] }>("events", "--database", database)

      expect([code, items[0]?.data]).toEqual([0, { id: "ord_1003" }])
    })
  })

  describe("carillon migrate", () => {
    it("says from where to where, and does nothing the second time", async () => {
      const database = newDatabase()

      const before = await json("migrate", "--check", "--database", database)
      const { code } = await carillon("migrate", "--check", "--database", database)
      const stats = await carillon("stats", "--database", database)
      const made = await json("migrate", "--database", database)
      const again = await carillon("migrate", "--database", database)
      const after = await carillon("migrate", "--check", "--database", database)

      expect([before.store, before.ready, code]).toEqual([0, false, 1])
      expect([stats.code, stats.err]).toEqual([1, expect.stringMatching(/carillon migrate/)])
      expect(made).toEqual({ database: before.database, from: 0, to: before.code, created: true })
      expect(again.out).toMatch(/ is up to date, at migration \d+\n$/)
      expect([after.code, await json("stats", "--database", database)]).toMatchObject([0, { events: 0 }])
    })

    it("may be run by several at once, of which one makes the store", async () => {
      const database = newDatabase()

      const runs = await Promise.all(
        Array.from({ length: 5 }, () => jsonApart("migrate", "--database", database)),
      )

      expect(runs.filter((each) => each.created === true).length).toBe(1)
      expect(new Set(runs.map((each) => each.to)).size).toBe(1)
    })
  })

  describe("carillon dev", () => {
    it("runs an example's app to its end, and says where its events are", async () => {
      const database = newDatabase()

      const { code, out } = await carillon("dev", brands, "--once", "--database", database)
      const { items } = await json<{ items: { name: string }[] }>("events", "--database", database)

      expect([code, out]).toEqual([
        0,
        expect.stringMatching(/brand\.created \(run_\w+:emit-event-step:0\) was delivered/),
      ])
      expect(out).toContain(`Events are kept in ${engine === "sqlite" ? "" : database}`)
      expect(items.map((each) => each.name)).toEqual(["brand.created"])
    })
  })

  describe("seeing and steering from another process", () => {
    it("an event and a subscription that are not there are named, with what to do", async () => {
      const { app, on } = await setup(newDatabase())

      const trace = await carillon("trace", "evt_unknown", ...on)
      const pause = await carillon("pause", "stok", ...on)

      expect([trace.code, trace.err]).toEqual([
        1,
        expect.stringMatching(/got `evt_unknown`: there is none here/),
      ])
      expect([pause.code, pause.err]).toEqual([1, expect.stringMatching(/Did you mean `stock`\?/)])
      await app.stop()
    })

    it("traces, lists and redrives a dead letter", async () => {
      const { app, on } = await setup(newDatabase())
      const { id } = await json<{ id: string }>("emit", "order.refused", '{"id":"ord_1004"}', ...on)
      for (let dead = 0; dead === 0; ) dead = (await app.stats()).deadJobs

      const trace = await carillon("trace", id, ...on)
      const dead = await json<{ items: { deliveryId: string; error: string }[] }>("dead", ...on)
      const dry = await json("redrive", "--all", "--dry-run", ...on)
      const redriven = await json("redrive", dead.items[0]?.deliveryId ?? "", ...on)

      expect(trace.out).toMatch(/dead +crm@order.refused \(shop\): the error is permanent/)
      expect(trace.out).toMatch(/attempt 1: dead after .* no such account/)
      expect(dead.items).toMatchObject([{ error: "no such account" }])
      expect(dry).toMatchObject({ redriven: 1, dryRun: true })
      expect(redriven).toEqual({ redriven: 1, skipped: [], dryRun: false })
      await app.stop()
    })

    it("pauses and resumes a running app's subscription", async () => {
      const { app, handled, on } = await setup(newDatabase())

      await carillon("pause", "stock", ...on)
      await carillon("emit", "order.placed", ...on)
      const paused = await json<{ id: string; paused: boolean; waiting: number }[]>("subscriptions", ...on)
      const waiting = await json<{ items: { why: string }[] }>("deliveries", "--state", "waiting", ...on)
      const during = handled.length
      await carillon("resume", "stock", ...on)
      await until(() => handled.length === 1)

      expect(paused[0]).toMatchObject({ id: "stock@order.placed", paused: true, waiting: 1 })
      expect(waiting.items[0]?.why).toBe("the subscription is paused")
      expect(during).toBe(0)
      await app.stop()
    })

    it("replays, and waits until a worker has made the deliveries", async () => {
      const { app, handled, on } = await setup(newDatabase())
      await app.emit([{ name: "order.placed" }, { name: "order.placed" }])
      await app.drain()

      const dry = await json("replay", "--subscription", "stock", "--since", "1h", "--dry-run", ...on)
      const done = await json("replay", "--subscription", "stock", "--since", "1h", "--wait", ...on)
      await until(() => handled.length === 4)

      expect(dry).toMatchObject({ id: null, count: 2, dryRun: true })
      expect(done).toMatchObject({ id: "rpl_1", count: 2 })
      await app.stop()
    })

    it("names, stats, workers, cancel, prune and subscriptions remove answer in JSON and in tables", async () => {
      const { app, on } = await setup(newDatabase())
      await app.emit({ name: "order.placed", delay: 3_600_000 })

      expect(await json<unknown>("names", ...on)).toMatchObject([{ name: "order.placed", events: 1 }])
      expect(await json("stats", ...on)).toMatchObject({ events: 1, openJobs: 1, workers: 1 })
      expect(await json<unknown>("workers", ...on)).toMatchObject([{ alive: true, pid: process.pid }])
      expect((await carillon("workers", ...on)).out).toMatch(/NO +GROUP +HOST +PID/)
      expect(await json("cancel", "--name", "order.placed", ...on)).toMatchObject({ cancelled: 1 })
      expect(await json("prune", "--dry-run", "--before", "0s", ...on)).toMatchObject({ dryRun: true })
      expect(await json("subscriptions", "remove", "crm", ...on)).toMatchObject({ id: "crm@order.refused" })
      await app.stop()
    })

    it("tails new events with their outcomes, a JSON value a line, until it is interrupted", async () => {
      const { app, on } = await setup(newDatabase())
      const child = spawn(process.execPath, [main, "tail", "--json", "--since", "1m", ...on], { env })
      children.add(child)
      let out = ""
      child.stdout.on("data", (chunk) => {
        out += chunk
      })
      await app.emit({ name: "order.refused", data: { id: "ord_1005" } })

      await until(() => out.includes('"state":"dead"'))
      child.kill("SIGINT")
      const code = await new Promise((resolve) => child.on("exit", resolve))

      const lines = out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line))
      expect(lines[0]).toMatchObject({ kind: "event", event: { data: { id: "ord_1005" } } })
      expect(code).toBe(0)
      await app.stop()
    })

    it("ends quietly when its reader has enough", async () => {
      const { app, on } = await setup(newDatabase())
      const text = "x".repeat(1_000)
      await app.emit(Array.from({ length: 400 }, () => ({ name: "order.noted", data: { text } })))
      const child = spawn(process.execPath, [main, "events", "--limit", "500", ...on], { env })
      children.add(child)
      let err = ""
      child.stderr.on("data", (chunk) => {
        err += chunk
      })
      child.stdout.once("data", () => child.stdout.destroy())

      const code = await new Promise((resolve) => child.on("exit", resolve))

      expect([code, err]).toEqual([0, ""])
      await app.stop()
    })
  })
})

it("shows its verbs without loading what they do", async () => {
  const tell =
    'import { registerHooks } from "node:module"; registerHooks({ load: (url, context, next) => (console.error(url), next(url, context)) })'

  const { code, out, err } = await carillonBy(
    ["--import", `data:text/javascript,${encodeURIComponent(tell)}`],
    "--help",
  )

  expect(code).toBe(0)
  for (const verb of "emit events names trace deliveries dead redrive replay pause resume cancel".split(" "))
    expect(out).toMatch(new RegExp(`^  ${verb} `, "m"))
  const loaded = err.split("\n").filter((url) => url.includes("/src/"))
  expect(loaded).toContainEqual(expect.stringMatching(/\/src\/cli\/main\.ts$/))
  expect(loaded.filter((url) => /\/src\/(?:carillon\.ts|cli\/verbs\/|engines\/|server\/)/.test(url))).toEqual(
    [],
  )
})
