import type { RunRow } from "../../engine/runs.ts"
import { OrderRuns, WORKFLOW } from "./order-runs.ts"
import { GROUP, type Shop } from "./shop.ts"
import type { Suite } from "./test-engine.ts"

const ACME = "acme/master"
const GLOBEX = "globex/master"
const CART = { transactionId: "cart_1" }
const CANCEL = { kind: "cancel", reason: "the customer changed their mind" } as const

export function testRunScopes({ it, expect }: Suite): void {
  it("keeps a run with its scope, and its job with the same", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const { id } = await runs.held({ scope: ACME })
    const other = await runs.held()

    expect([(await runs.row(id)).scope, (await runs.row(other.id)).scope]).toEqual([ACME, ""])
    const { items } = await shop.engine.queries.jobs({ kind: "run", scopes: [ACME], limit: 10 })
    expect(items.map((each) => each.id)).toEqual([id])
  })

  it("starts runs of one transaction id side by side in several scopes, also in one commit", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const wishes = [runs.newStart({ ...CART, scope: ACME }), runs.newStart({ ...CART, scope: GLOBEX })]

    const results = await shop.write(...wishes, runs.newStart(CART), runs.newStart({ ...CART, scope: ACME }))

    const started = results.map((each) => (each.status === "ok" ? each.run : undefined))
    expect(started.map((run) => run?.isNew)).toEqual([true, true, true, false])
    expect(started[3]?.id).toBe(started[0]?.id)
  })

  for (const join of ["live", "done", "any"] as const) {
    it(`joins (${join}) no run of another scope, whether it goes on or is done`, async (shop) => {
      const runs = await OrderRuns.of(shop)
      const ended = await runs.held({ ...CART, scope: ACME })
      await shop.writeOne(runs.end(ended))
      await runs.held({ ...CART, scope: GLOBEX })

      expect(await runs.start({ ...CART, join })).toMatchObject({ isNew: true })
      const again = await runs.start({ ...CART, scope: ACME, join })
      expect(again.isNew).toBe(join === "live")
    })
  }

  it("finds the run of a transaction id in its scope, in whatever scope, and not in another", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const acme = await runs.held({ ...CART, scope: ACME })
    const globex = await runs.held({ ...CART, scope: GLOBEX })
    const idOf = async (scope: string | null) =>
      (await shop.engine.queries.runOf(GROUP, WORKFLOW, "cart_1", scope))?.id ?? null

    expect(await idOf(ACME)).toBe(acme.id)
    expect(await idOf(GLOBEX)).toBe(globex.id)
    expect(await idOf("")).toBe(null)
    expect(await idOf(null)).toBe(globex.id)
  })

  it("takes a run up again, in its scope, though another scope has a live one of the transaction id", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const done = await runs.held({ ...CART, scope: ACME })
    await shop.writeOne(runs.end(done))
    await runs.held({ ...CART, scope: GLOBEX })

    expect(await shop.writeOne(runs.signal(done.id, CANCEL))).toMatchObject({ status: "ok", count: 1 })

    const { items } = await shop.engine.queries.jobs({ kind: "run", scopes: [ACME], limit: 10 })
    expect(items.map((each) => each.id)).toEqual([done.id])
  })

  it("lists the runs of some scopes, newest first, page by page, each once", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const parent = await runs.held({ scope: ACME })
    const ids: Record<string, string[]> = { [ACME]: [parent.id], [GLOBEX]: [], "": [] }
    for (let i = 0; i < 12; i++) {
      const scope = [ACME, "", GLOBEX, GLOBEX][i % 4] as string
      const lease = await runs.held({ scope, parent: { run: parent.id, step: "pay" } })
      if (i >= 6) await shop.writeOne(runs.end(lease, { state: i % 2 ? "done" : "failed" }))
      ids[scope]?.unshift(lease.id)
    }
    const both = [...(ids[ACME] ?? []), ...(ids[GLOBEX] ?? [])].sort(byNumber)

    for (const limit of [1, 2, 3, 50]) {
      const list = (query: object) => listed(shop, query, limit)
      expect(await list({ scopes: [ACME] })).toEqual(ids[ACME])
      expect(await list({ scopes: [GLOBEX, ACME] })).toEqual(both)
      expect((await list({ scopes: [GLOBEX, ""], workflow: WORKFLOW })).length).toBe(9)
      expect(await list({ scopes: [] })).toEqual([])
      expect(await list({ scopes: ["initech/master"] })).toEqual([])
      expect(await list({ scopes: [ACME], workflow: "refund-order" })).toEqual([])
    }
    for (const limit of [1, 50]) await listsByState(shop, limit)
    expect(await listed(shop, { scopes: [GLOBEX], parent: parent.id }, 2)).toEqual(ids[GLOBEX])
    expect(await listed(shop, { scopes: [GLOBEX], transactionId: parent.id }, 2)).toEqual([])
  })

  async function listsByState(shop: Shop, limit: number): Promise<void> {
    for (const state of ["invoking", "done", "failed"] as const) {
      const all = await listedRows(shop, { state }, limit)
      const globex = all.filter((row) => row.scope === GLOBEX).map((row) => row.id)
      expect(globex.length > 0).toBe(true)
      expect(await listed(shop, { state, scopes: [GLOBEX] }, limit)).toEqual(globex)
    }
  }

  it("finds steps that wait for an event in runs of its scope only", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const wait = { kind: "event", event: "parcel.sent", filter: null } as const
    const leases = [await runs.held({ scope: ACME }), await runs.held({ scope: GLOBEX }), await runs.held()]
    for (const lease of leases) await shop.writeOne(runs.checkpoint(lease, [runs.waiting("a", { wait })]))
    const waiting = async (scope?: string) => {
      const query = {
        group: GROUP,
        event: "parcel.sent",
        limit: 10,
        ...(scope === undefined ? {} : { scope }),
      }
      return (await shop.engine.queries.waits(query)).items.map(({ run }) => run)
    }

    expect(await waiting(ACME)).toEqual([leases[0]?.id])
    expect(await waiting("")).toEqual([leases[2]?.id])
    expect(await waiting("initech/master")).toEqual([])
    expect((await waiting()).length).toBe(3)
  })

  it("claims runs of several scopes in turn", async (shop) => {
    const runs = await OrderRuns.of(shop)
    for (let i = 0; i < 6; i++) await runs.start({ scope: ACME, worker: null })
    const lone = await runs.start({ scope: GLOBEX, worker: null })

    const { jobs } = await shop.claim(runs.worker, runs.subscription, 2)

    expect(jobs.length).toBe(2)
    expect(jobs.some((job) => job.id === lone.id)).toBe(true)
  })
}

async function listedRows(shop: Shop, query: object, limit: number): Promise<RunRow[]> {
  const found: RunRow[] = []
  for (let cursor: string | undefined, pages = 0; pages < 100; pages++) {
    const page = await shop.engine.queries.runs({ ...query, cursor, limit })
    found.push(...page.items)
    if (page.cursor === null) return found
    cursor = page.cursor
  }
  throw new Error("Expected the pages to end.")
}

async function listed(shop: Shop, query: object, limit: number): Promise<string[]> {
  return (await listedRows(shop, query, limit)).map((row) => row.id)
}

function byNumber(a: string, b: string): number {
  return Number(b.slice(4)) - Number(a.slice(4))
}
