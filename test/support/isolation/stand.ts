import { type Carillon, type CarillonEvent, defineEvent } from "carillon"
import { type MovingClock, movingClock } from "carillon/testing"
import { createStep, createWorkflow, WorkflowResponse, waitForEventStep } from "carillon/workflows"
import { z } from "zod"
import { workflowRegistry } from "../../../src/runs/registry.ts"
import { createServer } from "../../../src/server/index.ts"
import { RecordingNotifier } from "../recording-notifier.ts"
import { type EngineName, WorkflowShop } from "../workflow-shop.ts"
import { Asking } from "./answer.ts"
import { ACME, GLOBEX, type Tenant, tenantOf } from "./tenant.ts"

const SECRET = "a-secret-of-a-test-of-more-than-32-letters"
const NOON = Date.UTC(2026, 2, 1, 12)
const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

const orderPlaced = defineEvent("order.placed", z.looseObject({ email: z.string() }))

/**
 * A store in which Acme trades, with or without Globex beside it, and the server that speaks for it. No worker is
 * at it while it is asked, and its clock stands still: what differs between two of them is what a neighbour makes of it.
 */
export class Stand {
  readonly shop: WorkflowShop
  readonly clock: MovingClock
  readonly asking: Asking
  readonly carillon: Carillon
  readonly acme: Tenant
  /** null = it has no neighbour. */
  readonly globex: Tenant | null
  /** A token for everything. */
  readonly admin: string

  private constructor(stand: Omit<Stand, "close" | "work">) {
    this.shop = stand.shop
    this.clock = stand.clock
    this.asking = stand.asking
    this.carillon = stand.carillon
    this.acme = stand.acme
    this.globex = stand.globex
    this.admin = stand.admin
  }

  static async open(engine: EngineName, scopes: readonly string[]): Promise<Stand> {
    const shop = await WorkflowShop.open(engine)
    const clock = movingClock({ start: NOON })
    const carillon = await carillonOf(shop, clock, { start: false })
    const asking = new Asking(createServer(carillon, { logRequests: false }))
    const admin = (
      await carillon.identity.tokens.create({ name: "admin", roles: ["admin"], expiresAt: null })
    ).token
    const credentials = []
    for (const scope of scopes) credentials.push({ scope, ...(await credentialOf(carillon, scope)) })
    const workers = [await shopOf(shop, clock)]
    const [common] = workers as [Carillon]
    for (const { scope, token } of credentials) {
      if (scope === GLOBEX) workers.push(await globexOf(shop, clock, common))
      await trade(common, asking, { scope, token })
      await clock.advance("1m")
    }
    await end(workers)
    clock.set(NOON + 60 * MINUTE_MS) // whatever happened before, all are asked at one time
    const tenants = []
    for (const each of credentials) tenants.push(await tenantOf(asking, shop.place, each))
    const [acme, globex = null] = tenants as [Tenant, Tenant?]
    return new Stand({ shop, clock, asking, carillon, acme, globex, admin })
  }

  /** Has workers do all that can be done. */
  async work(): Promise<void> {
    const common = await shopOf(this.shop, this.clock)
    const others = this.globex === null ? [] : [await globexOf(this.shop, this.clock, common)]
    await end([common, ...others])
  }

  close(): Promise<void> {
    return this.shop.close()
  }
}

async function carillonOf(
  shop: WorkflowShop,
  clock: MovingClock,
  { start, group = "shop" }: { readonly start: boolean; readonly group?: string },
): Promise<Carillon> {
  const timing = { clock, leaseMs: 6_000_000, heartbeatMs: 2_000_000, pollMs: 600_000 }
  const definitions = [orderPlaced]
  const webhooks = { notifiers: [new RecordingNotifier("http")] }
  return shop.carillon({
    ...timing,
    group,
    secret: SECRET,
    definitions,
    policy: { retries: 0 },
    webhooks,
    start,
  })
}

async function credentialOf(carillon: Carillon, scope: string) {
  const { id, token } = await carillon.identity.tokens.create({
    name: "till",
    roles: ["admin"],
    scopes: [scope],
    expiresAt: null,
  })
  return { token, tokenId: id }
}

/** The worker of everybody and of Acme. */
async function shopOf(shop: WorkflowShop, clock: MovingClock): Promise<Carillon> {
  declareWorkflows()
  const worker = await carillonOf(shop, clock, { start: false })
  worker.events.subscribe("order.*", handle, { subscriberId: "journal", scope: null })
  worker.events.subscribe("order.placed", handle, { subscriberId: "bill", scope: ACME })
  await worker.start()
  return worker
}

/** Globex comes later: numbers of subscriptions, which stand in ids of deliveries, are given as these are deployed. */
async function globexOf(shop: WorkflowShop, clock: MovingClock, common: Carillon): Promise<Carillon> {
  common.events.subscribe("order.placed", handle, { subscriberId: "ledger", scope: GLOBEX })
  const workflows = workflowRegistry.all()
  workflowRegistry.clear() // its group has none
  const worker = await carillonOf(shop, clock, { start: false, group: "globex" })
  worker.events.subscribe("order.placed", handle, { subscriberId: "bill", scope: GLOBEX })
  await worker.start()
  workflowRegistry.replace(workflows)
  return worker
}

async function end(workers: readonly Carillon[]): Promise<void> {
  for (const worker of workers) await worker.drain()
  for (const worker of workers) await worker.stop()
  workflowRegistry.clear() // the server knows no code
}

async function handle({ data }: CarillonEvent<unknown>): Promise<void> {
  if ((data as { fails?: boolean }).fails === true) throw new Error("the printer is out of paper")
}

function declareWorkflows(): void {
  createWorkflow("place-order", () => {
    const pay = createStep<unknown, string>({ name: "pay", async: true, maxRetries: 0 }, async () => {})
    return new WorkflowResponse(pay())
  })
  createWorkflow("ship", () => {
    createStep({ name: "load", maxRetries: 5, retryInterval: 86_400 }, async () => {
      throw new Error("not there yet")
    })()
  })
  createWorkflow("await-payment", () => {
    waitForEventStep({ event: "order.paid" })
  })
}

/** What both tenants do, under the same names and ids; Globex does some things that Acme does not. */
async function trade(
  worker: Carillon,
  asking: Asking,
  { scope, token }: { readonly scope: string; readonly token: string },
): Promise<void> {
  const account = scope.split("/")[0] as string
  const post = (path: string, body: unknown, headers = {}) =>
    asking.json("POST", path, { token, body, headers })
  const place = (id: string, more: object = {}, data: object = {}) => ({
    name: "order.placed",
    id,
    key: "cus_1001",
    data: { email: "cus_1001@mail.example", owner: account, ...data },
    ...more,
  })
  const recipient = `https://erp.example/${account}`
  await post("/api/webhooks", { events: ["order.*"], recipient, headers: { "x-api-key": account } })
  await post("/api/events", place("ord_1001"))
  await post("/api/events", place("ord_1002", {}, { fails: true }))
  await post("/api/events", place("ord_1003", { delay: DAY_MS }))
  for (const [id, eventGroupId] of Object.entries({ ord_1004: "checkout-1001", ord_1005: "checkout-1002" }))
    await post("/api/events", place(id, { metadata: { eventGroupId } }))
  const keys = scope === GLOBEX ? ["key-1001", "key-2001"] : ["key-1001"]
  for (const key of keys)
    await post("/api/events", { name: "order.packed", data: { owner: account } }, { "idempotency-key": key })
  if (scope === GLOBEX) await globexAlone(post, place)
  const runs = scope === GLOBEX ? ["ord_1001", "tx_cancel", "tx_success", "tx_failure"] : ["ord_1001"]
  for (const transactionId of runs)
    await post("/api/workflows/place-order/runs", { transactionId, input: { owner: account } })
  await post("/api/workflows/ship/runs", { transactionId: "tx_ship" })
  await post("/api/workflows/await-payment/runs", { transactionId: "tx_wait" })
  await worker.drain()
  await post("/api/replays", { subscription: "journal", eventId: "ord_1001", dryRun: false })
  await post("/api/applications", { name: "erp", roles: ["emitter"] })
  await worker.users.create({
    email: `clerk@${account}.example`,
    password: "correct horse",
    roles: ["viewer"],
    scopes: [scope],
  })
  await worker.drain()
}

/** What Acme has nothing like. */
async function globexAlone(
  post: (path: string, body: unknown) => Promise<unknown>,
  place: (id: string, more?: object) => object,
): Promise<void> {
  await post("/api/events", place("ord_2001"))
  await post("/api/events", place("ord_2002", { metadata: { eventGroupId: "checkout-2001" } }))
  await post("/api/events", { name: "order.returned", data: { owner: "globex" } })
}
