import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { afterEach, beforeEach, expect, it } from "vitest"
import { describePostgres } from "../support/describe.ts"
import { type TestDatabase, testDatabase } from "../support/postgres.ts"
import { until } from "../support/programs.ts"
import { openShop } from "./transactional-shop.ts"

/** What a process says next; one that ends instead fails the test. */
async function said(actor: ChildProcess): Promise<void> {
  const ended = new AbortController()
  actor.once("exit", () => ended.abort(new Error("The process has ended.")))
  await once(actor, "message", { signal: ended.signal })
}

const KILLS = 4 // a delivery that took part in five crashes would be a dead letter

await describePostgres("processes that die in the middle of a transaction", () => {
  let database: TestDatabase
  const actors: ChildProcess[] = []

  beforeEach(async () => {
    database = await testDatabase("transactional_crash")
    await database.query("CREATE TABLE payments (event text, cents int)")
    await database.query("CREATE TABLE account AS SELECT 0 AS cents")
  })
  afterEach(async () => {
    for (const actor of actors.splice(0)) actor.kill("SIGKILL")
    await database.drop()
  })

  function play(name: string): ChildProcess {
    const actor = fork(new URL("transactional-actor.ts", import.meta.url), [name, database.url])
    actors.push(actor)
    return actor
  }

  const sum = async (sql: string) => Number((await database.query(sql))[0]?.sum)
  const open = () => sum("SELECT count(*) AS sum FROM carillon.jobs WHERE state < 2")
  const account = () => sum("SELECT cents AS sum FROM account")
  const payments = () => sum("SELECT count(*) AS sum FROM payments")

  it("lose no event that they committed and told nobody of", async () => {
    const handled: string[] = []
    await once(play("commit and die"), "exit")
    const carillon = await openShop(database.url, { pollMs: 20 })
    carillon.events.subscribe("order.placed", ({ id }) => handled.push(id), { subscriberId: "mail" })

    expect(await sum("SELECT count(*) AS sum FROM carillon.staged")).toBe(1)
    await carillon.start()

    await until(async () => handled.length > 0)
    expect(handled).toEqual(["ord_1001"])
    await carillon.stop()
  })

  it("book every payment once, wherever they are killed", async () => {
    const events = Array.from({ length: 400 }, (_, i) => ({ name: "order.paid", data: { cents: i + 1 } }))
    const total = events.reduce((cents, { data }) => cents + data.cents, 0)
    const till = await openShop(database.url)
    let worker = play("book")
    await said(worker) // its subscription is there before the first event
    for (let i = 0; i < events.length; i += 50) await till.emit(events.slice(i, i + 50))

    for (let kills = 1; kills <= KILLS; kills++) {
      const enough = (events.length * kills * Math.random()) / (KILLS + 1)
      await until(async () => (await payments()) > enough)
      worker.kill("SIGKILL")
      worker = play("book")
      await said(worker)
    }
    await until(async () => (await open()) === 0)

    expect(await account()).toBe(total)
    expect(await sum("SELECT count(DISTINCT event) AS sum FROM payments")).toBe(events.length)
    console.log(`${events.length} payments booked once, over ${KILLS} kills`)
    await till.stop()
  }, 60_000)

  it("undo what they wrote when they were frozen for longer than their lease, and hold no row against others", async () => {
    const till = await openShop(database.url)
    const frozen = play("linger")
    await said(frozen)
    await till.emit({ name: "order.paid", data: { cents: 5 } })
    await said(frozen) // inside
    frozen.kill("SIGSTOP")

    await said(play("book"))
    await until(async () => (await account()) === 5)
    frozen.kill("SIGCONT")
    frozen.send("go on")
    await until(async () => (await openTransactions()) === 0)

    expect(await payments()).toBe(1)
    expect(await account()).toBe(5)
    await till.stop()
  }, 60_000)

  const openTransactions = () =>
    sum(
      "SELECT count(*) AS sum FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'",
    )
})
