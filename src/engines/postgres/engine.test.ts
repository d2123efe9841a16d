import { spawnSync } from "node:child_process"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { describePostgres, skipAloud } from "../../../test/support/describe.ts"
import { PgBouncer } from "../../../test/support/pgbouncer.ts"
import { type TestDatabase, testDatabase } from "../../../test/support/postgres.ts"
import type { EngineHarness } from "../../testing/conformance/harness.ts"
import { testEngine } from "../../testing/conformance/test-engine.ts"
import { movingClock } from "../../testing/moving-clock.ts"
import type { PostgresEngineOptions } from "./engine.ts"
import { openPostgres } from "./engine.ts"

await describePostgres("PostgreSQL, directly", () => {
  const database = useDatabase()

  testEngine(
    harnessOf("one schema a test", database, (url) => ({ url, pooler: false, listenUrl: url })),
    {
      describe,
      it,
      expect,
    },
  )
})

const noPooler = PgBouncer.missing()
if (noPooler !== null) skipAloud("PostgreSQL, behind a pooler", noPooler, () => it("works", () => {}))
else {
  await describePostgres("PostgreSQL, behind a pooler in transaction mode", () => {
    const database = useDatabase()
    let pooler: PgBouncer | undefined
    beforeAll(async () => {
      pooler = await PgBouncer.start(database().url)
    })
    afterAll(() => pooler?.close())

    const wayTo = (url: string) => ({
      url: (pooler as PgBouncer).url(new URL(url).pathname.slice(1)),
      pooler: true,
      listenUrl: url, // listening needs a session: it goes past the pooler
    })
    testEngine(harnessOf("one schema a test", database, wayTo), { describe, it, expect })
  })
}

/** One database for all tests, a schema each. */
function useDatabase(): () => TestDatabase {
  let database: TestDatabase | undefined
  beforeAll(async () => {
    database = await testDatabase("engine", { durable: false })
  })
  afterAll(() => database?.drop())
  return () => database as TestDatabase
}

let schemas = 0

function harnessOf(
  name: string,
  database: () => TestDatabase,
  wayTo: (url: string) => Pick<PostgresEngineOptions, "url" | "pooler" | "listenUrl">,
): EngineHarness {
  return {
    name,
    missing: { "pruning by rows": "events that are past retention go by the day" },
    create: async () => {
      const clock = movingClock()
      const schema = `shop_${++schemas}`
      const { query, url } = database()
      const open = async () => {
        const { engine } = await openPostgres({
          ...wayTo(url),
          schema,
          readers: 2,
          transactions: 2,
          answerTimeoutMs: 10_000,
          applicationName: "carillon conformance",
          clock,
        })
        return engine
      }
      const engine = await open()
      return {
        engine,
        now: clock.now,
        advance: clock.advance,
        flush: async () => {},
        badEvent: { name: "order\0placed" }, // PostgreSQL's text holds no zero byte
        open,
        kill: async (worker) => {
          await query(`UPDATE ${schema}.workers SET pid = ${deadPid()}, name = 'gone' WHERE no = ${worker}`)
        },
        makeNewer: async () => {
          await query(`INSERT INTO ${schema}.migrations VALUES (9999, 9999, 'the_future', 0)`)
        },
        fingerprint: async () =>
          JSON.stringify(await query(`SELECT * FROM ${schema}.migrations, ${schema}.meta`)),
        destroy: () => engine.close(), // the schema goes with the database: to drop it takes as long as a test
      }
    },
  }
}

/** The number of a process that has just ended. */
function deadPid(): number {
  return spawnSync(process.execPath, ["-e", "0"]).pid
}
