import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { PermanentError } from "carillon"
import { afterEach, beforeEach, expect, it } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { tablesWith } from "../support/traces-of.ts"
import { WorkflowShop } from "../support/workflow-shop.ts"

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url))
const ANNA = "anna.example@mail.test"
const WHERE = JSON.stringify({ data: { email: [ANNA] } })

await describeEngines((engine) => {
  let shop: WorkflowShop
  beforeEach(async () => {
    shop = await WorkflowShop.open(engine)
  })
  afterEach(() => shop.close())

  const env = { ...process.env, CARILLON_DATABASE: "", FORCE_COLOR: undefined }

  /** The real command line, as a process of its own. */
  function cli(
    args: readonly string[],
    stdin = "",
  ): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
    const all = [main, ...args, "--database", shop.database, "--group", "shop"]
    return new Promise((resolve) => {
      const child = execFile(process.execPath, all, { env }, (error, out, err) =>
        resolve({ code: error === null ? 0 : Number(error.code), out, err }),
      )
      child.stdin?.end(stdin)
    })
  }

  /** Two orders of one person: one could not be mailed, one is still to be. */
  async function fill() {
    const carillon = await shop.carillon()
    carillon.events.subscribe(
      "order.placed",
      () => {
        throw new PermanentError(`no mailbox ${ANNA}`)
      },
      { subscriberId: "mail" },
    )
    await carillon.emit({ name: "order.placed", id: "ord_1001", data: { email: ANNA } })
    await carillon.drain()
    await carillon.emit({ name: "order.placed", id: "ord_1002", data: { email: ANNA }, delay: 3_600_000 })
    return carillon
  }

  it("counts first, erases what is over, and names what is open", async () => {
    const carillon = await fill()

    const dry = await cli(["erase", "--where", WHERE, "--dry-run"])
    const done = await cli(["erase", "--where", WHERE, "--yes"])

    expect(dry.out).toContain("WOULD BE ERASED")
    expect(dry.out.match(/^events.*$/m)?.[0]).toMatch(/^events +1 +1$/)
    expect(done.out.match(/^events.*$/m)?.[0]).toMatch(/^events +1 +1$/)
    expect(done.out.match(/^deliveries.*$/m)?.[0]).toMatch(/^deliveries +1 +1$/)
    expect(done.err).toContain("1 deliveries, 0 runs and 0 staged events are still open")
    expect((await cli(["trace", "ord_1001"])).out).toContain("erased at")
    expect((await carillon.trace("ord_1002")).event.erasedAt).toBe(null)
  })

  it("tells programs all that it did, and takes the pattern from standard input", async () => {
    await fill()

    const { out } = await cli(["erase", "--where", "-", "--include-open", "--yes", "--json"], WHERE)

    expect(JSON.parse(out)).toMatchObject({
      dryRun: false,
      events: 2,
      deliveries: 2,
      cancelled: 1,
      open: { events: 0 },
      ids: { events: ["ord_1002", "ord_1001"], open: [] },
    })
    expect(await tablesWith(shop.place, engine, ANNA)).toEqual([])
  })

  it("leaves a trace that says who did it and how much it was, and not whose", async () => {
    const carillon = await fill()
    await cli(["erase", "--where", WHERE, "--dry-run"])

    await cli(["erase", "--where", WHERE, "--yes", "--scope", "default/master"])

    const { items } = await carillon.identity.audit.list({ action: "data.erase" })
    expect(items).toMatchObject([
      {
        actor: { kind: "command line" },
        outcome: "done",
        details: { events: 1, deliveries: 1, runs: 0, open: 1 },
        scopes: [""],
      },
    ])
    expect(await tablesWith(shop.place, engine, ANNA)).not.toContain("records")
  })

  it("asks for a word, and does not repeat a pattern that it cannot read", async () => {
    await fill()

    expect(await cli(["erase", "--where", WHERE])).toMatchObject({ code: 2 })
    expect(await cli(["erase", "--where", WHERE, "--yes", "--dry-run"])).toMatchObject({ code: 2 })
    expect((await cli(["erase", "--where", "{}", "--yes"])).code).toBe(1)
    const unread = await cli(["erase", "--where", `{"data":${ANNA}`, "--yes"])
    expect(unread.code).toBe(2)
    expect(unread.err).not.toContain(ANNA)
    await cli(["erase", "--where", `{"data":{"email":"${ANNA}"}}`, "--yes"])
    expect(await tablesWith(shop.place, engine, ANNA)).not.toContain("records")
    expect(await tablesWith(shop.place, engine, ANNA)).toContain("events")
  })
})
