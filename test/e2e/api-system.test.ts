import { defineEvent } from "carillon"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { z } from "zod"
import { listAudit } from "../../src/contract/audit.ts"
import { contract } from "../../src/contract/contract.ts"
import { listDeliveries } from "../../src/contract/deliveries.ts"
import { erase } from "../../src/contract/erasures.ts"
import { clearEventGroup, releaseEventGroup } from "../../src/contract/event-groups.ts"
import { getEvent, listEvents, traceEvent } from "../../src/contract/events.ts"
import { getDefinition, listDefinitions, listEventNames } from "../../src/contract/names.ts"
import { listScopes } from "../../src/contract/scopes.ts"
import { getDiagnosis, getStats, listWorkers, prune } from "../../src/contract/system.ts"
import { createToken } from "../../src/contract/tokens.ts"
import { routes } from "../../src/server/routes.ts"
import { ApiShop } from "../support/api-shop.ts"
import { describeEngines } from "../support/describe.ts"

const orderPlaced = defineEvent("order.placed", z.object({ total: z.number() }), {
  description: "Somebody has bought something",
})
const orderDated = defineEvent("order.dated", z.object({ on: z.date().transform((on) => on.toISOString()) }))

await describeEngines((engine) => {
  let shop: ApiShop
  beforeEach(async () => {
    shop = await ApiShop.open(engine, { definitions: [orderPlaced, orderDated] })
  })
  afterEach(() => shop.close())

  const place = (id: string, scope?: string) =>
    shop.carillon.emit({ name: "order.placed", id, scope, data: { total: 120 }, key: "cus_1001" })
  const namesOf = async (caller = shop.admin) => (await caller.ask(listEvents)).body.items.map(({ id }) => id)

  describe("names of events", () => {
    it("are listed with a sample, of one's own scopes", async () => {
      await place("ord_1001", "globex/master")
      await place("ord_1002", "acme/master")
      const acme = await shop.bound(["acme/master"])

      const [all, theirs] = [await shop.admin.ask(listEventNames), await acme.ask(listEventNames)]

      expect(all.body.items).toMatchObject([{ name: "order.placed", events: 2, sample: { total: 120 } }])
      expect(theirs.body.items).toMatchObject([{ name: "order.placed", events: 1, sampleId: "ord_1002" }])
      expect((await (await shop.bound(["initech/master"])).ask(listEventNames)).body.items).toEqual([])
    })
  })

  describe("a definition", () => {
    it("is shown as JSON Schema where its library can say", async () => {
      const { body } = await shop.admin.ask(getDefinition, { params: { name: "order.placed" } })

      expect(body).toMatchObject({
        name: "order.placed",
        description: "Somebody has bought something",
        vendor: "zod",
        jsonSchema: { type: "object", properties: { total: { type: "number" } }, required: ["total"] },
      })
      const dated = await shop.admin.ask(getDefinition, { params: { name: "order.dated" } })
      expect(dated.body.jsonSchema).toBeNull()
    })

    it("is listed, page by page, and not there under another name", async () => {
      const first = await shop.admin.ask(listDefinitions, { query: { limit: 1 } })
      const second = await shop.admin.ask(listDefinitions, { query: { cursor: first.body.cursor ?? "" } })

      expect([...first.body.items, ...second.body.items].map(({ name }) => name)).toEqual([
        "order.placed",
        "order.dated",
      ])
      expect(await shop.admin.refused(getDefinition, { params: { name: "order.shipped" } })).toMatchObject({
        status: 404,
      })
    })
  })

  describe("an event group", () => {
    const stage = (id: string, scope: string) =>
      shop.carillon.events.emit({
        name: "order.placed",
        id,
        scope,
        data: { total: 1 },
        metadata: { eventGroupId: "checkout" },
      })
    const named = { params: { id: "checkout" } }

    it("is released and cleared within one's own scopes", async () => {
      await stage("ord_1001", "acme/master")
      await stage("ord_1002", "globex/master")
      const [acme, globex] = [await shop.bound(["acme/master"]), await shop.bound(["globex/master"])]

      await acme.ask(releaseEventGroup, named)
      expect(await namesOf()).toEqual(["ord_1001"])
      await globex.ask(clearEventGroup, { ...named, body: { eventNames: ["order.shipped"] } })
      await acme.ask(clearEventGroup, named)
      await shop.admin.ask(releaseEventGroup, named)

      expect((await namesOf()).sort()).toEqual(["ord_1001", "ord_1002"])
    })
  })

  describe("scopes", () => {
    it("are listed with their events, or, to who is bound to some, without", async () => {
      await place("ord_1001", "globex/master")
      const bound = await shop.bound(["acme/master", "acme/dev"])

      const [all, own] = [await shop.admin.ask(listScopes), await bound.ask(listScopes)]

      expect(all.body.items).toEqual([{ account: "globex", workspace: "master", events: 1, complete: true }])
      expect(own.body.items).toEqual([
        { account: "acme", workspace: "dev", events: null, complete: null },
        { account: "acme", workspace: "master", events: null, complete: null },
      ])
    })
  })

  describe("the installation", () => {
    it("tells of its workers, numbers and health, to who may see all scopes", async () => {
      await place("ord_1001")
      await shop.carillon.drain()
      const acme = await shop.bound(["acme/master"])

      const [workers, stats] = [await shop.admin.ask(listWorkers), await shop.admin.ask(getStats)]
      const diagnosis = await shop.admin.ask(getDiagnosis)

      expect(workers.body.items).toMatchObject([{ group: "shop", alive: true }])
      expect(stats.body).toMatchObject({ events: 1, workers: 1 })
      expect(diagnosis.body.findings.length).toBeGreaterThan(3)
      for (const route of [listWorkers, getStats, getDiagnosis])
        expect(await acme.refused(route)).toMatchObject({ status: 403 })
    })

    it("is told of in events that nobody sees who is bound to scopes, nor can be bound to", async () => {
      shop.carillon.events.subscribe("carillon.*", () => {}, { subscriberId: "watch" })
      await place("ord_1001")
      const usual = await shop.bound(["default/master", "acme/master"])
      const scope = "_carillon/installation"

      await shop.admin.ask(erase, { body: { where: { key: ["cus_1001"] }, dryRun: false } })
      await shop.carillon.drain()

      const [told] = (await shop.admin.ask(listEvents, { query: { scope } })).body.items
      const id = told?.id ?? ""
      expect(told?.name).toBe("carillon.data.erased")
      expect((await shop.admin.ask(traceEvent, { params: { id } })).body.deliveries).toHaveLength(1)
      expect(await namesOf(usual)).toEqual(["ord_1001"])
      expect((await usual.ask(listEvents, { query: { scope } })).body.items).toEqual([])
      expect((await usual.ask(listDeliveries)).body.items).toEqual([])
      for (const route of [getEvent, traceEvent])
        expect(await usual.refused(route, { params: { id } })).toMatchObject({ status: 404 })
      for (const caller of [shop.admin, usual])
        expect(
          await caller.refused(createToken, { body: { name: "watch", roles: ["viewer"], scopes: [scope] } }),
        ).toMatchObject({ status: 400 })
    })

    it("is pruned after it was counted, by who may see all scopes", async () => {
      await place("ord_1001")
      await shop.carillon.drain()
      const before = "2099-01-01T00:00:00Z"

      expect(await shop.admin.refused(prune, { body: { before } as never })).toMatchObject({ status: 400 })
      const counted = await shop.admin.ask(prune, { body: { before, dryRun: true } })
      expect(counted.body).toMatchObject({ events: 1, dryRun: true })
      const done = await shop.admin.ask(prune, { body: { before, dryRun: false } })

      expect(done.body).toMatchObject({ events: 1, dryRun: false })
      expect(await namesOf()).toEqual([])
      const acme = await shop.bound(["acme/master"])
      expect(await acme.refused(prune, { body: { dryRun: true } })).toMatchObject({ status: 403 })
    })
  })

  /** A pattern that nobody can mean. */
  function nested(depth: number): Record<string, unknown> {
    return depth === 0 ? {} : { data: nested(depth - 1) }
  }

  describe("an erasure", () => {
    it("counts first, takes what lies in one's own scopes, and names nobody in the audit log", async () => {
      await place("ord_1001", "acme/master")
      await place("ord_1002", "globex/master")
      await shop.carillon.drain()
      const acme = await shop.bound(["acme/master"])
      const where = { key: ["cus_1001"] }

      expect(await acme.refused(erase, { body: { where } as never })).toMatchObject({ status: 400 })
      expect(await acme.refused(erase, { body: { where: {}, dryRun: true } })).toMatchObject({ status: 400 })
      for (const bad of [{ key: "cus_1001" }, { data: { email: "cus_1001" } }, nested(1_000)])
        expect(await acme.refused(erase, { body: { where: bad, dryRun: true } })).toMatchObject({
          status: 400,
        })
      const counted = await acme.ask(erase, { body: { where, dryRun: true } })
      const done = await acme.ask(erase, { body: { where, dryRun: false } })

      expect(counted.body).toMatchObject({
        events: 1,
        dryRun: true,
        remains: null,
        ids: { events: ["ord_1001"] },
      })
      expect(done.body).toMatchObject({ events: 1, dryRun: false })
      const [theirs] = (await (await shop.bound(["globex/master"])).ask(listEvents)).body.items
      expect(theirs).toMatchObject({ id: "ord_1002", data: { total: 120 } })
      const { items } = (await acme.ask(listAudit)).body
      expect(items.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
        "data.erase done",
        "data.erase done",
        "data.erase failed",
      ])
      expect(JSON.stringify(items)).not.toContain("cus_1001")
    })
  })

  describe("the contract", () => {
    it("has a handler for each of its rooms' routes, and a name that is its own", () => {
      const served = new Set(routes.map(({ contract: { id } }) => id))
      const all = Object.entries(contract)

      expect(all.filter(([name, { id }]) => name !== id)).toEqual([])
      expect(new Set(all.map(([, { method, path }]) => `${method} ${path}`)).size).toBe(all.length)
      expect([...served].filter((id) => !(id in contract))).toEqual([])
    })

    it("has what changes something written down in the audit log", () => {
      const unaudited = Object.values(contract)
        .filter(({ method, audit }) => method !== "get" && audit === undefined)
        .map(({ id }) => id)

      expect(unaudited.sort()).toEqual(["emitEvents", "logIn"].filter((id) => id in contract))
    })
  })
})
