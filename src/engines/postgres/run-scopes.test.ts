import { afterAll, beforeAll, expect, it } from "vitest"
import { describePostgres } from "../../../test/support/describe.ts"
import { type TestDatabase, testDatabase } from "../../../test/support/postgres.ts"
import type { Engine } from "../../engine/engine.ts"
import type { NewRun } from "../../engine/runs.ts"
import { openPostgres } from "./engine.ts"
import { MIGRATIONS } from "./migrations.ts"

const BEFORE_SCOPES = 2
const ACME = "acme/master"

await describePostgres("a store from before runs had scopes", () => {
  let database: TestDatabase
  let engine: Engine

  beforeAll(async () => {
    database = await testDatabase("run_scopes", { durable: false })
    await database.query(schemaOf(BEFORE_SCOPES))
    await database.query(startAsBefore("run_1001"))
    engine = await open(database.url)
  })
  afterAll(async () => {
    await engine.close()
    await database.drop()
  })

  it("has its runs in the default scope, where they are joined", async () => {
    const run = await engine.queries.run("run_1001")

    expect(run).toMatchObject({ scope: "", transactionId: "cart_1", job: { state: "waiting" } })
    expect(await start(engine, { id: "run_1002" })).toMatchObject({ id: "run_1001", isNew: false })
    expect(await start(engine, { id: "run_1003", scope: ACME })).toMatchObject({ isNew: true })
  })

  it("serves older processes, who start and join runs in the default scope only", async () => {
    await start(engine, { id: "run_1004", transactionId: "cart_2", scope: ACME })

    await database.query(startAsBefore("run_1005", "cart_2"))
    const [again] = await database.query<{ old: unknown }>(startAsBefore("run_1006", "cart_2"))

    expect((await engine.queries.run("run_1005"))?.scope).toBe("")
    expect(again?.old).toMatchObject([
      [0, expect.anything(), expect.anything(), 0, "invoking", false, "run_1005"],
    ])
    expect(await engine.queries.run("run_1006")).toBe(null)
  })
})

/** As the first migrations left it. */
function schemaOf(count: number): string {
  const migrations = MIGRATIONS.slice(0, count)
  return `CREATE SCHEMA shop;
    CREATE TABLE shop.migrations (number INTEGER PRIMARY KEY, oldest INTEGER NOT NULL, name TEXT NOT NULL, applied_at BIGINT NOT NULL);
    ${migrations.map(({ sql }) => sql.replaceAll("store.", "shop.")).join("\n")}
    ${migrations.map(({ number, name }) => `INSERT INTO shop.migrations VALUES (${number}, 1, '${name}', 0);`).join("\n")}`
}

/** The call of a process that knows of no scopes. */
function startAsBefore(id: string, transaction = "cart_1"): string {
  return `SELECT shop.start_runs(NULL, ',', '-', '${id}', 'shop', 'place-order', 'h1', '${transaction}', NULL, NULL, NULL,
    '{"eventGroupId":"evg_1"}', '{1}', NULL, '{0}', NULL, NULL) -> 'old' AS old`
}

async function start(engine: Engine, over: Partial<NewRun>) {
  const run: NewRun = {
    id: "run_1001",
    group: "shop",
    subscription: 1,
    workflow: "place-order",
    hash: "h1",
    scope: "",
    transactionId: "cart_1",
    parent: null,
    input: null,
    context: CONTEXT,
    priority: 1,
    dueAt: 0,
    ...over,
  }
  const [result] = await engine.commit([{ kind: "start-run", worker: null, join: "live", run }])
  return result?.status === "ok" ? result.run : result
}

const CONTEXT = {
  eventGroupId: "evg_1",
  metadata: null,
  timeoutAt: null,
  deadline: null,
  retentionMs: null,
  ownsGroup: true,
  correlationId: null,
  causationId: null,
  traceparent: null,
}

async function open(url: string): Promise<Engine> {
  const { engine } = await openPostgres({
    url,
    schema: "shop",
    pooler: false,
    listenUrl: null,
    readers: 2,
    transactions: 2,
    answerTimeoutMs: 10_000,
    applicationName: "carillon scopes",
    clock: null,
  })
  return engine
}
