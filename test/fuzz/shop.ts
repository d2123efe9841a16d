import { type Carillon, createCarillon, defineEvent } from "carillon"
import { createServer } from "carillon/server"
import { createStep, createWorkflow, StepResponse, WorkflowResponse } from "carillon/workflows"
import { z } from "zod"
import { Listener } from "../../src/http/listener.ts"
import { workflowRegistry } from "../../src/runs/registry.ts"
import { type Place, placeOn } from "../support/place.ts"
import { RecordingNotifier } from "../support/recording-notifier.ts"
import { type EngineName, until } from "../support/workflow-shop.ts"
import type { Who } from "./requests.ts"

const SECRET = "the-secret-of-a-test-with-32-characters-and-more"
export const ADA = { email: "ada@shop.example", password: "correct horse battery" }

/** A server over a store that has something of everything; nobody works there, so all change comes by requests. */
export class FuzzShop {
  readonly port: number
  readonly url: string
  readonly database: string
  readonly errors: string[] // what was logged as one
  readonly #carillon: Carillon
  readonly #close: () => Promise<void>
  readonly #tokens = new Map<Who, string>()

  private constructor(
    place: Place,
    carillon: Carillon,
    listener: Listener,
    errors: string[],
    close: () => Promise<void>,
  ) {
    this.errors = errors
    this.database = place.database
    this.port = listener.port
    this.url = listener.url
    this.#carillon = carillon
    this.#close = close
  }

  static async open(engine: EngineName): Promise<FuzzShop> {
    workflowRegistry.clear()
    declareWorkflows()
    const place = await placeOn(engine, "fuzz")
    await fill(place.database)
    const errors: string[] = []
    const note = (first: unknown, ...words: unknown[]) =>
      void errors.push([(first as { err?: Error }).err?.stack ?? first, ...words].map(String).join(" "))
    const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: note }
    const carillon = await createCarillon({
      database: place.database,
      group: "shop",
      secret: SECRET,
      logger,
      definitions: [defineEvent("order.shipped", z.object({ total: z.number() }))],
      webhooks: { notifiers: [new RecordingNotifier("http")] },
    })
    const server = createServer(carillon, {
      logRequests: false,
      proxies: 1,
      maxStreams: { perCredential: 100 },
    })
    const listening = { host: "127.0.0.1", port: 0, requestTimeoutMs: 5_000 }
    const listener = await Listener.open(listening, server.fetch)
    return new FuzzShop(place, carillon, listener, errors, async () => {
      await Promise.all([server.close(0), listener.close(0)])
      await carillon.stop()
      await place.remove()
      workflowRegistry.clear()
    })
  }

  /** What somebody says in `Authorization`; null = nothing. */
  async credentialOf(who: Who): Promise<string | null> {
    if (who === "nobody") return null
    if (who === "stranger") return "Bearer crl_0123456789abcdef0123456789abcdef0123456789"
    const known = this.#tokens.get(who)
    if (known !== undefined) return `Bearer ${known}`
    const scopes = who === "admin" ? ("all" as const) : ["acme/master"]
    const roles = [who === "viewer" ? "viewer" : "admin"]
    const { token } = await this.#carillon.identity.tokens.create({
      name: who,
      roles,
      scopes,
      expiresAt: null,
    })
    this.#tokens.set(who, token)
    return `Bearer ${token}`
  }

  /** A token may have been revoked by one of the requests. */
  forget(who: Who): void {
    this.#tokens.delete(who)
  }

  close(): Promise<void> {
    return this.#close()
  }
}

function declareWorkflows(): void {
  createWorkflow("greet", (input: unknown) => new WorkflowResponse(input))
  createWorkflow("pay", () => {
    createStep(
      "reserve",
      async () => new StepResponse("r1", "r1"),
      async () => {},
    )()
    createStep({ name: "charge", async: true, maxRetries: 0 }, async () => {})()
  })
  createWorkflow("ship", () => {
    createStep({ name: "pack", maxRetries: 3, retryInterval: 3_600 }, async () => {
      throw new Error("out of stock")
    })()
  })
  createWorkflow({ name: "report", schedule: { cron: "0 3 * * *" } }, () => {
    createStep("count", async () => {})()
  })
}

/** Deliveries, runs and the rest in the states that they may be in. */
async function fill(database: string): Promise<void> {
  const shop = await createCarillon({
    database,
    group: "shop",
    secret: SECRET,
    logger: false,
    policy: { retries: 0 },
    webhooks: false,
  })
  shop.events
    .subscribe("order.placed", () => {}, { subscriberId: "stock" })
    .subscribe("order.*", refuse, { subscriberId: "print" })
    .subscribe("order.paid", refuse, {
      subscriberId: "ledger",
      policy: { retries: 5, initialBackoffDelay: 3_600_000 },
    })
    .subscribe("order.paid", () => {}, { subscriberId: "acme-books", scope: "acme/master" })
  await shop.start()
  for (const scope of [undefined, "acme/master", "globex/master"]) await fillScope(shop, scope)
  for (let i = 1; i <= 3; i++) await shop.workflows.start("ship", { transactionId: `ship-${i}` })
  await until(async () => (await shop.listDeliveries({ state: "dead" })).items.length === 48)
  await until(async () => (await shop.listDeliveries({ state: "retry" })).items.length === 24)
  await until(
    async () => (await shop.workflows.list({ workflow: "greet", state: "done" })).items.length === 3,
  )
  await shop.replay({ subscription: "stock", since: new Date(0) })
  await shop.pause("stock")
  const { identity } = shop
  await identity.users.create({ ...ADA, roles: ["operator"], scopes: ["acme/master"] })
  for (let i = 1; i <= 4; i++) {
    const rights = { roles: ["operator"], scopes: ["acme/master"] }
    await identity.users.create({ email: `clerk${i}@shop.example`, password: ADA.password, ...rights })
    await identity.tokens.create({ name: `till-${i}`, ...rights })
    await identity.applications.create({ name: `erp-${i}`, ...rights })
  }
  for (const scope of ["acme/master", "globex/master", null])
    await shop.webhooks.create({ ...WEBHOOK, scope, headers: { "x-api-key": "key-1001" } })
  await shop.stop()
}

const WEBHOOK = { events: ["order.paid", "order.*"], recipient: "https://erp.shop.example/orders" }

async function fillScope(shop: Carillon, scope: string | undefined): Promise<void> {
  for (let i = 1; i <= 8; i++)
    await shop.emit([
      { name: "order.placed", id: `ord_${i}`, scope, data: { customer_id: `cus_${i}`, total: i * 10 } },
      { name: "order.paid", key: `cus_${i}`, scope, data: { customer_id: `cus_${i}` }, sender: "till" },
      { name: "order.placed", scope, delay: 86_400_000, data: {} },
      { name: "order.placed", scope, metadata: { eventGroupId: `checkout-${i}` }, data: {} },
    ])
  for (let i = 1; i <= 5; i++) await shop.workflows.start("pay", { transactionId: `pay-${i}`, scope })
  await shop.workflows.start("greet", { input: "Ada", scope })
}

function refuse(): never {
  throw new Error("the printer is out of paper")
}
