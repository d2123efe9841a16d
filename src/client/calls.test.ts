import { describe, expect, it } from "vitest"
import { contract } from "../contract/contract.ts"
import type { RouteContract } from "../contract/route.ts"
import { type Call, calls, type RouteId } from "./calls.ts"
import type { CarillonClient } from "./client.ts"
import { createClient } from "./create-client.ts"

interface Sent {
  readonly method: string
  readonly path: string
  readonly query: Record<string, string>
  readonly body: unknown
}

/** How each route is called by hand. */
const examples: Record<RouteId, (client: CarillonClient) => unknown> = {
  emitEvents: (client) => client.emit({ name: "order.placed", data: { id: "ord_1001" } }),
  listEvents: ({ events }) =>
    events
      .list({ name: "order.placed", from: new Date(0), limit: 10, filter: { data: { id: ["o1"] } } })
      .page(),
  getEvent: ({ events }) => events.get("evt_1/2"),
  listDeliveries: ({ deliveries }) => deliveries.list({ state: "dead", cursor: "abc" }).page(),
  getDelivery: ({ deliveries }) => deliveries.get("dlv_1", { scope: "acme/master" }),
  redriveDelivery: ({ deliveries }) => deliveries.redrive("dlv_1"),
  cancelDelivery: ({ deliveries }) => deliveries.cancel("dlv_1"),
  listDeadLetters: ({ deadLetters }) => deadLetters.list({ subscription: "stock" }).page(),
  redrive: (client) => client.redrive({ subscription: "stock", dryRun: true }),
  cancel: (client) => client.cancel({ ids: ["dlv_1"] }),
  startReplay: (client) => client.replay({ subscription: "stock", since: new Date(0), dryRun: true }),
  getReplay: ({ replays }) => replays.get("rpl_1"),
  listSubscriptions: ({ subscriptions }) => subscriptions.list().page(),
  getSubscription: ({ subscriptions }) => subscriptions.get("stock@order.placed"),
  pauseSubscription: ({ subscriptions }) => subscriptions.pause("stock", { group: "shop" }),
  resumeSubscription: ({ subscriptions }) => subscriptions.resume("stock"),
  removeSubscription: ({ subscriptions }) => subscriptions.remove("stock"),
  listWebhooks: ({ webhooks }) => webhooks.list({ scope: "acme/master" }).page(),
  createWebhook: ({ webhooks }) =>
    webhooks.create({ events: ["order.*"], recipient: "https://erp.example/orders", policy: "magento" }),
  getWebhook: ({ webhooks }) => webhooks.get("sub_1"),
  updateWebhook: ({ webhooks }) => webhooks.update("sub_1", { filter: null, policy: { timeout: 5_000 } }),
  removeWebhook: ({ webhooks }) => webhooks.remove("sub_1"),
  pauseWebhook: ({ webhooks }) => webhooks.pause("sub_1", { scope: "acme/master" }),
  resumeWebhook: ({ webhooks }) => webhooks.resume("sub_1"),
  enableWebhook: ({ webhooks }) => webhooks.enable("sub_1"),
  disableWebhook: ({ webhooks }) => webhooks.disable("sub_1", { detail: "the ERP moves", scope: "acme" }),
  rotateWebhookSecret: ({ webhooks }) => webhooks.rotateSecret("sub_1", { overlapMs: 0 }),
  testWebhook: ({ webhooks }) => webhooks.test("sub_1", { event: "order.placed", data: { id: "ord_1001" } }),
  getWebhookHealth: ({ webhooks }) => webhooks.health("sub_1"),
  listWorkflows: ({ workflows }) => workflows.list().page(),
  startRun: ({ runs }) => runs.start("place-order", { input: { id: "ord_1001" }, waitMs: 1_000 }),
  listRuns: ({ runs }) => runs.list({ workflow: "place-order" }).page(),
  getRun: ({ runs }) => runs.get("run_1"),
  cancelRun: ({ runs }) => runs.cancel("run_1", { reason: "the customer called", scope: "acme/master" }),
  retryStep: ({ runs }) => runs.retryStep("run_1", "charge card"),
  setStepSuccess: ({ runs }) => runs.setStepSuccess("run_1", "charge", { output: 1, scope: "acme" }),
  setStepFailure: ({ runs }) => runs.setStepFailure("run_1", "charge", { error: "declined" }),
  listSchedules: ({ schedules }) => schedules.list().page(),
  pauseSchedule: ({ schedules }) => schedules.pause("schedule:sync-brands"),
  resumeSchedule: ({ schedules }) => schedules.resume("schedule:sync-brands"),
  removeSchedule: ({ schedules }) => schedules.remove("schedule:sync-brands"),
  releaseEventGroup: ({ eventGroups }) => eventGroups.release("checkout-1001"),
  clearEventGroup: ({ eventGroups }) => eventGroups.clear("checkout-1001", { eventNames: ["order.placed"] }),
  listEventNames: ({ eventNames }) => eventNames.list({ limit: 5 }).page(),
  listDefinitions: ({ definitions }) => definitions.list().page(),
  getDefinition: ({ definitions }) => definitions.get("order.placed"),
  traceEvent: ({ events }) => events.trace("evt_1"),
  streamEvents: (client) => client.stream({ name: "order.*", since: new Date(0) }).next(),
  listScopes: ({ scopes }) => scopes.list().page(),
  erase: (client) =>
    client.erase({ where: { key: ["cus_1"] }, dryRun: true, from: new Date(0), scope: "acme" }),
  listAudit: ({ audit }) => audit.list({ action: "token.*" }).page(),
  getApi: ({ server }) => server.about(),
  getDocument: ({ server }) => server.document(),
  getHealth: ({ server }) => server.health(),
  getReady: ({ server }) => server.ready(),
  getMetrics: ({ system }) => system.metrics(),
  logIn: (client) => client.logIn({ email: "ada@shop.example", password: "correct horse" }),
  listWorkers: ({ system }) => system.workers().page(),
  getStats: ({ system }) => system.stats(),
  getDiagnosis: ({ system }) => system.doctor(),
  prune: ({ system }) => system.prune({ before: new Date(0), dryRun: true }),
  getMe: (client) => client.me(),
  listUsers: ({ users }) => users.list().page(),
  createUser: ({ users }) => users.create({ email: "ada@shop.example", password: "correct horse" }),
  getUser: ({ users }) => users.get("ada@shop.example"),
  updateUser: ({ users }) => users.update("user_1", { roles: ["viewer"], scopes: ["acme/master"] }),
  setPassword: ({ users }) => users.setPassword("user_1", "battery staple"),
  removeUser: ({ users }) => users.remove("user_1"),
  listRoles: ({ roles }) => roles.list().page(),
  createRole: ({ roles }) => roles.create({ name: "support", permissions: ["VIEW_EVENTS"] }),
  updateRole: ({ roles }) => roles.update("support", { permissions: ["VIEW_EVENTS", "VIEW_RUNS"] }),
  removeRole: ({ roles }) => roles.remove("support"),
  listTokens: ({ tokens }) => tokens.list().page(),
  createToken: ({ tokens }) => tokens.create({ name: "till", roles: ["emitter"], expiresAt: null }),
  getToken: ({ tokens }) => tokens.get("tok_1"),
  revokeToken: ({ tokens }) => tokens.revoke("tok_1"),
  listApplications: ({ applications }) => applications.list().page(),
  createApplication: ({ applications }) => applications.create({ name: "erp", scopes: "all" }),
  getApplication: ({ applications }) => applications.get("app_1"),
  rotateApplication: ({ applications }) => applications.rotate("app_1"),
  removeApplication: ({ applications }) => applications.remove("app_1"),
}

/** What a call would send: the first answer is a refusal that nobody repeats. */
async function sentBy(call: (client: CarillonClient) => unknown): Promise<Sent> {
  let sent: Sent | undefined
  const fetch = async (input: unknown, init?: RequestInit): Promise<Response> => {
    const url = new URL(String(input))
    const body = init?.body === undefined ? undefined : JSON.parse(String(init.body))
    sent = {
      method: init?.method ?? "",
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      body,
    }
    return new Response("", { status: 418 })
  }
  await expect(call(createClient({ url: "http://shop.example", fetch }))).rejects.toMatchObject({
    status: 418,
  })
  if (sent === undefined) throw new Error("Expected a request, got none.")
  return sent
}

describe.each(Object.entries<RouteContract>(contract))("the route %s", (id, route) => {
  it("has a method of the client, which asks as the contract says", async () => {
    const example = examples[id as RouteId]
    expect(example, "give it a call in calls.ts, a method, and an example here").toBeDefined()
    const { method, path, query, body } = await sentBy(example)

    const named = new RegExp(`^${route.path.replaceAll(/\{\w+\}/g, "[^/]+")}$`)
    expect([method.toLowerCase(), path]).toEqual([route.method, expect.stringMatching(named)])
    if (route.query === undefined) expect(query).toEqual({})
    else expect(route.query.safeParse(query).error).toBeUndefined()
    if (route.body === undefined) expect(body).toBeUndefined()
    else expect(route.body.safeParse(body).error).toBeUndefined()
  })

  it("is repeated exactly where the contract allows it", () => {
    const call: Call | undefined = (calls as Record<string, Call>)[id]

    expect(call).toEqual({
      method: route.method.toUpperCase(),
      path: route.path,
      repeatable: route.method === "get" || route.repeatable === true,
    })
  })
})

it("calls nothing that the contract does not have", () => {
  expect(Object.keys(calls).filter((id) => !(id in contract))).toEqual([])
})
