import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { type AddressInfo, createServer as createServerSocket } from "node:net"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { createCarillon, PermanentError } from "carillon"
import { createServer } from "carillon/server"
import { createStep, createWorkflow, StepResponse, WorkflowResponse } from "carillon/workflows"
import { describe, expect, it } from "vitest"
import { Listener } from "../../src/http/listener.ts"
import { cleanUp } from "../support/app-process.ts"
import { runHere } from "../support/command-line.ts"
import { describeEngines } from "../support/describe.ts"
import { placeOn } from "../support/place.ts"
import type { EngineName } from "../support/workflow-shop.ts"

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url))
const SECRET = "the-secret-of-a-test-with-32-characters-and-more"

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** The real command line, as a process of its own. */
function carillon(args: readonly string[], env: Record<string, string> = {}, input = ""): Promise<Ran> {
  return new Promise((resolve) => {
    const bare = { ...process.env, CARILLON_DATABASE: "", CARILLON_URL: "", CARILLON_TOKEN: "" }
    const options = { env: { ...bare, CARILLON_SECRET: SECRET, NO_COLOR: "1", ...env } }
    const child = execFile(process.execPath, [main, ...args], options, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    )
    child.stdin?.end(input)
  })
}

const charge = createStep("charge", async (total: number) => new StepResponse(total * 2, total))
createWorkflow("place-order", (total: number) => new WorkflowResponse(charge(total)))

/** What is of its moment, or sealed, on the way by which it came. */
const PASSING =
  /"(?:cursor|position|token|prefix|clientSecret|consumerSecret|bytes|seenAt|lastUsedAt)":"?[^,}"]+"?/g

function lasting(out: string): string {
  return out.replace(PASSING, (found) => `${found.slice(0, found.indexOf(":"))}:"…"`)
}

/** A shop with something of everything, and the two ways to it. */
async function setup(engine: EngineName) {
  const place = await placeOn(engine, "cli_server")
  cleanUp(() => place.remove())
  const app = await createCarillon({
    database: place.database,
    logger: false,
    group: "shop",
    secret: SECRET,
  })
  cleanUp(() => app.stop())
  app.events
    .subscribe("order.placed", () => {}, { subscriberId: "stock" })
    .subscribe("order.refused", refuse, { subscriberId: "crm" })
  await app.start()
  const server = createServer(app, { logRequests: false })
  const listener = await Listener.open({ host: "127.0.0.1", port: 0, requestTimeoutMs: 5_000 }, server.fetch)
  cleanUp(() => Promise.all([server.close(0), listener.close(0)]))
  const { token } = await app.identity.tokens.create({ name: "operator", roles: ["admin"], scopes: "all" })
  const atServer = { CARILLON_URL: listener.url, CARILLON_TOKEN: token, CARILLON_SECRET: SECRET }
  const group = ["--group", "shop"]
  const direct = (...args: string[]) =>
    runHere([...args, "--database", place.database, ...group], { CARILLON_SECRET: SECRET })
  const remote = (...args: string[]) => runHere([...args, ...group], atServer)
  return {
    app,
    url: listener.url,
    token,
    database: place.database,
    bothWays: async (...args: string[]) => [await direct(...args), await remote(...args)] as const,
    direct,
    remote,
  }
}

async function lively(engine: EngineName) {
  const shop = await setup(engine)
  const { app } = shop
  await app.emit([
    {
      name: "order.placed",
      id: "ord_1001",
      data: { id: "ord_1001", at: "noon" },
      key: "cus_1",
      scope: "acme/master",
    },
    { name: "order.refused", id: "ord_1002", data: { id: "ord_1002" } },
    { name: "order.refused", id: "ord_1003", metadata: { since: "monday" } },
    { name: "order.refused", id: "ord_1004" },
    { name: "order.refused", id: "ord_1005" },
  ])
  await app.workflows.run("place-order", { input: 21, transactionId: "checkout-1" })
  await app.identity.roles.create({ name: "support", permissions: ["VIEW_EVENTS"] })
  await app.users.create({ email: "ada@shop.example", password: "correct horse" })
  await app.identity.applications.create({ name: "erp", roles: ["viewer"] })
  await app.drain()
  return shop
}

await describeEngines((engine) => {
  describe("a verb that looks", () => {
    it("prints the same of a server as of its database, for programs and for people", {
      timeout: 240_000,
    }, async () => {
      const { app, bothWays } = await lively(engine)
      const [run] = (await app.workflows.list()).items
      const verbs = [
        ["events"],
        ["events", "--name", "order.placed", "--scope", "acme", "--since", "1h", "--limit", "1"],
        [
          "events",
          "--name",
          "order.refused",
          "--since",
          "1h",
          "--filter",
          '{"metadata":{"since":["monday"]}}',
        ],
        ["dead", "--name", "order.refused", "--since", "1h", "--filter", '{"data":{"id":["ord_1002"]}}'],
        ["names"],
        ["names", "--scope", "acme"],
        ["trace", "ord_1001"],
        ["trace", run?.id ?? ""],
        ["deliveries", "--state", "dead", "--subscription", "crm"],
        ["dead", "--name", "order.refused"],
        ["trace", "ord_1001", "--scope", "acme"],
        ["deliveries", "--scope", "acme"],
        ["dead", "--scope", "default/master", "--limit", "1"],
        ["runs", "--scope", "default/master"],
        ["runs", "show", run?.id ?? "", "--scope", "default/master"],
        ["redrive", "--all", "--scope", "default/master", "--dry-run"],
        ["cancel", "--all", "--scope", "acme", "--dry-run"],
        ["replay", "--subscription", "stock", "--since", "1h", "--scope", "acme", "--dry-run"],
        ["subscriptions"],
        ["runs", "--workflow", "place-order", "--transaction", "checkout-1"],
        ["runs", "show", run?.id ?? ""],
        ["workflows"],
        ["schedules"],
        ["scope", "list"],
        ["workers"],
        ["stats"],
        ["user", "list"],
        ["token", "list"],
        ["application", "list"],
        ["role", "list"],
        ["audit"],
        ["redrive", "--subscription", "crm", "--dry-run"],
        ["cancel", "--all", "--dry-run"],
        ["replay", "--subscription", "stock", "--since", "1h", "--dry-run"],
        ["prune", "--before", "1h", "--dry-run"],
        ["erase", "--where", '{"key":["cus_1"]}', "--dry-run"],
      ]

      for (const verb of verbs) {
        for (const form of [[], ["--json"]]) {
          const [direct, remote] = await bothWays(...verb, ...form)
          if (form.length > 0 || !SHOWS_PASSING.has(verb[0] ?? ""))
            expect([verb, lasting(remote.out)]).toEqual([verb, lasting(direct.out)])
          expect([verb, remote.err, remote.code]).toEqual([
            verb,
            expect.not.stringMatching(/error/),
            direct.code,
          ])
          expect(direct.out).not.toBe("")
        }
      }
    })

    it("says of a doctor's visit the same", async () => {
      const { bothWays } = await lively(engine)

      const [direct, remote] = (await bothWays("doctor", "--json")).map(({ out }) => JSON.parse(out))

      expect(Object.keys(remote)).toEqual(Object.keys(direct))
      const checks = (report: { findings: { check: string; verdict: string }[] }) =>
        report.findings.map(({ check, verdict }) => `${check} ${verdict}`)
      expect(checks(remote)).toEqual(checks(direct))
    })

    it("goes on where a list ended", async () => {
      const { remote } = await lively(engine)
      const ids: string[] = []

      for (let cursor: string | null = ""; cursor !== null; ) {
        const ran: Ran = await remote(
          "events",
          "--json",
          "--limit",
          "2",
          ...(cursor ? ["--cursor", cursor] : []),
        )
        const page = JSON.parse(ran.out)
        ids.push(...page.items.map(({ id }: { id: string }) => id))
        cursor = page.cursor
      }

      expect(ids.filter((id) => id.startsWith("ord_"))).toEqual([
        "ord_1005",
        "ord_1004",
        "ord_1003",
        "ord_1002",
        "ord_1001",
      ])
    })

    it("shows and steers only what lies in the scope that is named, either way", async () => {
      const { app, bothWays } = await lively(engine)
      await app.workflows.run("place-order", { input: 1, transactionId: "checkout-2", scope: "acme/master" })
      await app.drain()
      const [own, other] = (await app.workflows.list()).items
      const both = async (...args: string[]) => {
        const ways = await bothWays(...args)
        return ways.map(({ out, err, code }) => (code === 0 ? JSON.parse(out) : [code, err]))
      }
      const notThere = [1, expect.stringMatching(/there is no/i)]

      for (const page of await both("events", "--scope", "acme", "--json"))
        expect(page.items).toMatchObject([{ id: "ord_1001" }])
      for (const names of await both("names", "--scope", "acme", "--json"))
        expect(names).toMatchObject([{ name: "order.placed", events: 1 }])
      for (const page of await both("deliveries", "--scope", "acme", "--json"))
        expect(page.items).toMatchObject([{ eventId: "ord_1001" }])
      for (const page of await both("dead", "--scope", "acme", "--json")) expect(page.items).toEqual([])
      for (const page of await both("runs", "--scope", "acme", "--json"))
        expect(page.items).toMatchObject([{ transactionId: "checkout-2" }])
      for (const run of await both("runs", "show", own?.id ?? "", "--scope", "acme", "--json"))
        expect(run).toMatchObject({ transactionId: "checkout-2" })
      for (const found of await both("trace", "ord_1001", "--scope", "acme", "--json"))
        expect(found).toMatchObject({ event: { id: "ord_1001" } })
      for (const refused of [
        ...(await both("trace", "ord_1002", "--scope", "acme", "--json")),
        ...(await both("runs", "show", other?.id ?? "", "--scope", "acme", "--json")),
        ...(await both("runs", "cancel", other?.id ?? "", "--scope", "acme", "--json")),
        ...(await both("runs", "retry", other?.id ?? "", "charge", "--scope", "acme", "--json")),
        ...(await both("trace", other?.id ?? "", "--scope", "acme", "--json")),
      ])
        expect(refused).toEqual(notThere)
      for (const result of await both("redrive", "--all", "--scope", "acme", "--json"))
        expect(result).toMatchObject({ redriven: 0 })
      for (const result of await both(
        "replay",
        "--subscription",
        "stock",
        "--since",
        "1h",
        "--scope",
        "acme",
        "--dry-run",
        "--json",
      ))
        expect(result).toMatchObject({ count: 1 })
      const [entry] = (await app.identity.audit.list({ action: "delivery.redrive" })).items
      expect(entry?.scopes).toEqual(["acme/master"])
    })

    it("follows what happens", async () => {
      const { app, url, token } = await setup(engine)
      await app.emit({ name: "order.placed", id: "ord_1000", scope: "globex" })
      await app.emit({ name: "order.placed", id: "ord_1001", data: { id: "ord_1001" }, scope: "acme" })
      const filter = ["--since", "1h", "--name", "order.*", "--scope", "acme"]
      const args = ["tail", ...filter, "--json", "--url", url]
      const bare = { ...process.env, CARILLON_DATABASE: "", CARILLON_TOKEN: token }
      const tail = spawn(process.execPath, [main, ...args], {
        env: bare,
        stdio: ["ignore", "pipe", "inherit"],
      })
      cleanUp(() => tail.kill("SIGKILL"))
      const lines = createInterface({ input: tail.stdout })[Symbol.asyncIterator]()

      const { value: first } = await lines.next()
      tail.kill("SIGTERM")
      const [code] = await once(tail, "exit")

      expect(JSON.parse(first ?? "")).toMatchObject({
        kind: "event",
        event: { id: "ord_1001", data: { id: "ord_1001" } },
      })
      expect(code).toBe(0)
    })
  })

  describe("a verb that changes", () => {
    it("does the same by way of a server, and says the same", { timeout: 240_000 }, async () => {
      const { app, direct, remote } = await lively(engine)
      const said = async (way: typeof direct, ...args: string[]): Promise<unknown> => {
        const { out, err, code } = await way(...args, "--json")
        if (code !== 0) throw new Error(`${args.join(" ")}: ${err}`)
        return JSON.parse(out)
      }
      const shapeOf = (value: unknown): unknown =>
        typeof value !== "object" || value === null
          ? typeof value
          : Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shapeOf(inner)]))
      const pairs: [string[], string[]][] = [
        [
          ["emit", "order.placed", '{"id":"ord_1"}', "--id", "ord_1", "--delay", "1h"],
          ["emit", "order.placed", '{"id":"ord_2"}', "--id", "ord_2", "--delay", "1h"],
        ],
        [
          ["pause", "stock"],
          ["pause", "stock"],
        ],
        [
          ["resume", "stock"],
          ["resume", "stock"],
        ],
        [
          ["redrive", "ord_1002"],
          ["redrive", "ord_1003"],
        ],
        [
          ["cancel", "ord_1004"],
          ["cancel", "ord_1005"],
        ],
        [
          ["replay", "--subscription", "stock", "--event", "ord_1001"],
          ["replay", "--subscription", "stock", "--event", "ord_1001"],
        ],
        [
          ["role", "create", "clerk", "--permission", "VIEW_EVENTS", "--description", "looks"],
          ["role", "create", "guard", "--permission", "VIEW_EVENTS", "--description", "looks"],
        ],
        [
          ["role", "update", "clerk", "--permission", "VIEW_RUNS"],
          ["role", "update", "guard", "--permission", "VIEW_RUNS"],
        ],
        [
          ["role", "remove", "clerk"],
          ["role", "remove", "guard"],
        ],
        [
          ["user", "create", "bob@shop.example", "--password", "correct horse", "--role", "viewer"],
          ["user", "create", "eve@shop.example", "--password", "correct horse", "--role", "viewer"],
        ],
        [
          ["user", "update", "bob@shop.example", "--scope", "acme/master"],
          ["user", "update", "eve@shop.example", "--scope", "acme/master"],
        ],
        [
          ["user", "password", "bob@shop.example", "--password", "battery staple"],
          ["user", "password", "eve@shop.example", "--password", "battery staple"],
        ],
        [
          ["user", "remove", "bob@shop.example"],
          ["user", "remove", "eve@shop.example"],
        ],
        [
          ["token", "create", "till", "--role", "emitter", "--expires", "never"],
          ["token", "create", "till", "--role", "emitter", "--expires", "never"],
        ],
        [
          ["application", "create", "crm", "--role", "viewer", "--host", "shop.example"],
          ["application", "create", "crm", "--role", "viewer", "--host", "shop.example"],
        ],
        [
          ["erase", "--where", '{"key":["cus_1"]}', "--yes"],
          ["erase", "--where", '{"key":["cus_2"]}', "--yes"],
        ],
        [
          ["prune", "--before", "1h"],
          ["prune", "--before", "1h"],
        ],
        [
          ["subscriptions", "remove", "crm"],
          ["subscriptions", "remove", "stock"],
        ],
      ]

      for (const [here, there] of pairs) {
        const [first, second] = [await said(direct, ...here), await said(remote, ...there)]
        if (here[0] !== "erase" && here[0] !== "prune")
          expect([here, shapeOf(second)]).toEqual([here, shapeOf(first)])
        expect([here, Object.keys(second as object)]).toEqual([here, Object.keys(first as object)])
      }
      const audit = (await app.identity.audit.list({ limit: 1_000 })).items
      for (const action of ["delivery.redrive", "subscription.pause", "token.create", "user.remove"])
        expect([
          action,
          new Set(audit.filter((each) => each.action === action).map(({ actor }) => actor.kind)),
        ]).toEqual([action, new Set(["command line", "token"])])
    })

    it("revokes tokens, rotates and removes applications, and cancels runs of a server's", async () => {
      const { app, remote } = await lively(engine)
      const { id } = await app.identity.tokens.create({ name: "till", roles: ["emitter"] })
      const [erp] = await app.identity.applications.list()
      const [run] = (await app.workflows.list()).items
      const outOf = async (...args: string[]) => JSON.parse((await remote(...args, "--json")).out)

      expect(await outOf("token", "revoke", id)).toMatchObject({ id, state: "revoked" })
      expect(await outOf("application", "rotate", erp?.clientId ?? "")).toMatchObject({
        clientId: erp?.clientId,
        clientSecret: expect.any(String),
      })
      expect(await outOf("application", "remove", erp?.clientId ?? "")).toMatchObject({ name: "erp" })
      expect(await outOf("runs", "cancel", run?.id ?? "")).toMatchObject({ id: run?.id })
    })
  })
})

describe("where the verb is told to go", () => {
  it("is one place", async () => {
    const { url, token, database } = await setup("sqlite")
    const stats = (...args: string[]) => carillon(["stats", "--json", ...args])

    const flags = await stats("--url", url, "--database", database)
    expect([flags.code, flags.err]).toEqual([
      2,
      expect.stringContaining("either --database or --url, got both"),
    ])
    const both = await carillon(["stats"], { CARILLON_URL: url, CARILLON_DATABASE: database })
    expect([both.code, both.err]).toEqual([
      2,
      expect.stringMatching(/either CARILLON_DATABASE or CARILLON_URL/),
    ])
    const alone = await stats("--token", "crl_1", "--database", database)
    expect([alone.code, alone.err]).toEqual([2, expect.stringContaining("Expected --url beside --token")])
    const environments: Record<string, string>[] = [
      { CARILLON_URL: "http://127.0.0.1:1" },
      { CARILLON_DATABASE: "absent.db" },
    ]
    for (const env of environments) {
      const other = "CARILLON_URL" in env ? ["--database", database] : ["--url", url]
      expect((await carillon(["stats", ...other], { ...env, CARILLON_TOKEN: token })).code).toBe(0)
    }
  })

  it("takes its token from a pipe, the environment or a flag, and warns of the last", async () => {
    const { url, token } = await setup("sqlite")
    const stats = ["stats", "--json", "--url", url]

    const piped = await carillon([...stats, "--token", "-"], {}, `${token}\n`)
    const flag = await carillon([...stats, "--token", token])
    const none = await carillon([...stats])
    const empty = await carillon([...stats, "--token", "-"])

    expect([piped.code, piped.err]).toEqual([0, ""])
    expect([flag.code, flag.err]).toEqual([0, expect.stringMatching(/^warning: others .* can see a --token/)])
    expect([none.code, none.err]).toEqual([
      1,
      expect.stringMatching(/^error: Expected `Authorization` with a credential/),
    ])
    expect([empty.code, empty.err]).toEqual([2, expect.stringMatching(/Expected a token on standard input/)])
    expect(none.err).not.toMatch(/^\s+at /m)
  })

  it("is the database for verbs that work on that itself", async () => {
    const { url } = await setup("sqlite")

    for (const verb of [["migrate"], ["secret", "check"], ["secret", "reencrypt"]]) {
      const ran = await carillon([...verb, "--url", url])
      expect([verb, ran.code, ran.err]).toEqual([verb, 2, expect.stringContaining("--database")])
    }
  })

  it("says what is wrong when nobody is there", { timeout: 120_000 }, async () => {
    const socket = createServerSocket()
    await once(socket.listen(0, "127.0.0.1"), "listening")
    const { port } = socket.address() as AddressInfo
    socket.close()

    const ran = await carillon(["stats", "--url", `http://127.0.0.1:${port}`])

    expect([ran.code, ran.err]).toEqual([1, expect.stringMatching(/^error: .*got none: ECONNREFUSED\./)])
  })
})

/** Sizes and the last moments of workers move while one looks. */
const SHOWS_PASSING: ReadonlySet<string> = new Set(["stats", "workers", "token"])

function refuse(): void {
  throw new PermanentError("no such account")
}
