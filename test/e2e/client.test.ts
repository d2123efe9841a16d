import { PermanentError } from "carillon"
import { ApiError, createClient } from "carillon/client"
import { createStep, createWorkflow, StepResponse, WorkflowResponse } from "carillon/workflows"
import { describe, expect, it } from "vitest"
import { type ApiServer, apiServerOn } from "../support/api-server.ts"
import { describeEngines } from "../support/describe.ts"
import { Relay } from "../support/relay.ts"

const charge = createStep("charge", async (total: number) => new StepResponse(total * 2, total))
createWorkflow("place-order", (total: number) => new WorkflowResponse(charge(total)))

await describeEngines((engine) => {
  /** A shop that handles orders and refuses some, behind a server, and a client of it that may do everything. */
  async function setup() {
    const server = await apiServerOn(engine, { carillon: { group: "shop" } })
    const { carillon } = server
    carillon.events
      .subscribe("order.placed", () => {}, { subscriberId: "stock" })
      .subscribe("order.refused", refuse, { subscriberId: "crm" })
    await carillon.start()
    return { server, carillon, client: await clientOf(server, "admin") }
  }

  async function clientOf(server: ApiServer, role: string, scopes: "all" | readonly string[] = "all") {
    return createClient({ url: server.url, token: await server.token(role, scopes) })
  }

  describe("a client", () => {
    it("emits one event and many, and finds them again", async () => {
      const { client } = await setup()

      const [one] = await client.emit({
        name: "order.placed",
        id: "ord_1001",
        data: { total: 40 },
        key: "cus_1",
      })
      const many = await client.emit([
        { name: "order.placed" },
        { name: "order.placed", scope: "acme/master" },
      ])
      const [again] = await client.emit({
        name: "order.placed",
        id: "ord_1001",
        data: { total: 40 },
        key: "cus_1",
      })

      expect([one, again]).toEqual([
        { id: "ord_1001", existing: false },
        { id: "ord_1001", existing: true },
      ])
      expect(many).toHaveLength(2)
      expect(await client.events.get("ord_1001")).toMatchObject({ name: "order.placed", data: { total: 40 } })
      const page = await client.events.list({ scope: "acme/master" }).page()
      expect(page.items.map(({ id }) => id)).toEqual([many[1]?.id])
    })

    it("makes one event of what it emits twice under one key", async () => {
      const { client } = await setup()
      const order = { name: "order.placed", data: { id: "ord_1001" } }

      const first = await client.emit(order, { idempotencyKey: "checkout-1" })
      const second = await client.emit(order, { idempotencyKey: "checkout-1" })

      expect(second.map(({ id }) => id)).toEqual(first.map(({ id }) => id))
      expect((await client.events.list().page()).items).toHaveLength(1)
    })

    it("emits once although the answer is lost with its connection", async () => {
      const { server, client: direct } = await setup()
      const link = await Relay.to(server.port)
      const client = createClient({ url: link.url, token: await server.token("admin") })

      link.loseAnswers(1)
      const receipts = await client.emit({ name: "order.placed", data: { id: "ord_1001" } })

      expect(receipts).toEqual([{ id: expect.any(String), existing: true }])
      expect((await direct.events.list().page()).items).toHaveLength(1)
      await link.close()
    })

    it("goes through lists page by page", async () => {
      const { client } = await setup()
      const ids = Array.from({ length: 25 }, (_, i) => `ord_${1_000 + i}`)
      for (const id of ids) await client.emit({ name: "order.placed", id })

      const found: string[] = []
      for await (const { id } of client.events.list({ name: "order.placed", limit: 10 })) found.push(id)

      expect(found).toEqual(ids.toReversed())
    })

    it("tells what became of an event, and sends dead letters again", async () => {
      const { client, carillon } = await setup()
      const [receipt] = await client.emit({ name: "order.refused" })
      await carillon.drain()

      const { deliveries } = await client.events.trace(receipt?.id ?? "")
      const dead = await client.deadLetters.list({ subscription: "crm" }).page()

      expect(deliveries).toMatchObject([{ state: "dead", error: "no such account" }])
      expect(dead.items.map(({ deliveryId }) => deliveryId)).toEqual([deliveries[0]?.deliveryId])
      expect(await client.redrive({ subscription: "crm", dryRun: true })).toMatchObject({
        redriven: 1,
        dryRun: true,
      })
      expect(await client.redrive({ subscription: "crm" })).toMatchObject({ redriven: 1, skipped: [] })
    })

    it("pauses and resumes, replays and counts", async () => {
      const { client, carillon } = await setup()
      await client.emit({ name: "order.placed" })
      await carillon.drain()

      await client.subscriptions.pause("stock")
      expect(await client.subscriptions.get("stock")).toMatchObject({ paused: true })
      await client.subscriptions.resume("stock")

      const since = new Date(0)
      expect(await client.replay({ subscription: "stock", since, dryRun: true })).toMatchObject({
        id: null,
        count: 1,
      })
      const { id } = await client.replay({ subscription: "stock", since, dryRun: false })
      await carillon.drain()
      expect(await client.replays.get(id ?? "")).toMatchObject({ state: "done", made: 1 })
      expect(await client.system.stats()).toMatchObject({ subscriptions: 2, workers: 1 })
    })

    it("starts runs, waits for them, and looks at their steps", async () => {
      const { client } = await setup()
      const { run, result } = await client.runs.start("place-order", { input: 21, waitMs: 10_000 })

      expect([run.state, result]).toEqual(["done", 42])
      expect((await client.runs.get(run.id)).steps).toMatchObject([
        { step: "charge", outcome: "done", output: 42 },
      ])
      expect((await client.runs.list({ workflow: "place-order" }).page()).items).toHaveLength(1)
    })

    it("follows what happens, over a server that goes away and comes back", async () => {
      const { server, carillon, client: direct } = await setup()
      const link = await Relay.to(server.port)
      const client = createClient({ url: link.url, token: await server.token("admin") })
      const entries = client.stream({ since: new Date(0) })
      const next = async () => {
        const { value } = await entries.next()
        if (value === undefined) throw new Error("Expected the stream to go on.")
        return value.kind === "event" ? value.event.id : `${value.delivery.eventId} ${value.delivery.state}`
      }

      await direct.emit({ name: "order.placed", id: "ord_1001" })
      const told = [await next()]
      link.cutAll()
      await direct.emit({ name: "order.placed", id: "ord_1002" })
      await carillon.drain()
      while (!told.includes("ord_1002")) told.push(await next())

      expect(told.filter((each) => each === "ord_1001")).toHaveLength(1)
      expect(new Set(told).size).toBe(told.length)
      await entries.return()
      await link.close()
    })

    it("is told what is wrong, and by which code", async () => {
      const { server, client } = await setup()
      const viewer = await clientOf(server, "viewer")
      const nobody = createClient({ url: server.url, token: "crl_nobody_nothing" })
      const failureOf = (work: Promise<unknown>) => work.then(String, (error) => error)

      const missing = await failureOf(client.events.get("evt_absent"))
      expect(missing).toBeInstanceOf(ApiError)
      expect(missing).toMatchObject({
        status: 404,
        code: "CARILLON_NOT_FOUND",
        requestId: expect.any(String),
      })
      expect(await failureOf(viewer.redrive({ all: true }))).toMatchObject({
        status: 403,
        code: "CARILLON_FORBIDDEN",
      })
      expect(await failureOf(nobody.me())).toMatchObject({ status: 401, code: "CARILLON_API" })
      expect(await failureOf(client.emit({ name: "" }))).toMatchObject({
        status: 400,
        problem: { errors: [expect.anything()] },
      })
    })

    it("of one scope neither sees nor touches what lies in another", async () => {
      const { server, client } = await setup()
      const acme = await clientOf(server, "admin", ["acme/master"])
      await client.emit({ name: "order.placed", id: "ord_1001", scope: "globex/master" })

      expect((await acme.events.list().page()).items).toEqual([])
      await expect(acme.events.get("ord_1001")).rejects.toMatchObject({ status: 404 })
      expect(await acme.me()).toMatchObject({ scopes: ["acme/master"] })
    })

    it("manages who may do what", async () => {
      const { server, client } = await setup()

      const { token, id } = await client.tokens.create({ name: "till", roles: ["emitter"] })
      const till = createClient({ url: server.url, token })
      await till.emit({ name: "order.placed" })
      await expect(till.events.list().page()).rejects.toMatchObject({ status: 403 })
      expect(await client.tokens.revoke(id)).toMatchObject({ state: "revoked" })

      await client.users.create({ email: "ada@shop.example", password: "correct horse" })
      const { token: session } = await client.logIn({ email: "ada@shop.example", password: "correct horse" })
      expect(await createClient({ url: server.url, token: session }).me()).toMatchObject({
        actor: { kind: "user", name: "ada@shop.example" },
      })
    })

    it("asks the server itself how it is", async () => {
      const { server, client } = await setup()
      const stranger = createClient({ url: server.url })

      expect(await stranger.server.health()).toEqual({ status: "ok" })
      expect(await stranger.server.ready()).toEqual({ status: "ready" })
      expect(await stranger.server.about()).toMatchObject({ name: "carillon" })
      expect(await stranger.server.document()).toMatchObject({ openapi: "3.1.0" })
      expect(await client.system.metrics()).toMatch(/^# HELP carillon_/m)
    })
  })
})

function refuse(): void {
  throw new PermanentError("no such account")
}
