import type { Attempt, Matrix } from "./attempt.ts"
import type { Tenant } from "./tenant.ts"

const SINCE = "2026-01-01T00:00:00Z"

/** How others name a subscription that is Globex' alone. */
const HIDDEN = [
  { how: "by its subscription", subscription: "ledger" },
  { how: "by its subscription's whole id", subscription: "ledger@order.placed" },
  { how: "by a subscription of its group", subscription: "bill", group: "globex" },
] as const

const OWNED = {
  name: "order.placed",
  from: SINCE,
  filter: JSON.stringify({ data: { owner: ["globex"] } }),
}

const hiddenOf = ({ webhook: subscription }: Tenant) => [...HIDDEN, { how: "by its webhook", subscription }]

const lists = (_: Tenant, theirs: Tenant): readonly Attempt[] => [
  { how: "without a filter", status: 200, theirs: 200 },
  { how: "by the name of what only it has emitted", query: { name: "order.returned" }, status: 200 },
  { how: "by a subscription that hears all", query: { subscription: "journal" }, status: 200, theirs: 200 },
  ...hiddenOf(theirs).map(({ how, ...query }) => ({ how, query, status: 404, theirs: 200 })),
  { how: "by time", query: { from: "2026-03-01T12:00:30Z" }, status: 200, theirs: 200 },
  { how: "by what its events hold", query: OWNED, status: 200, theirs: 200 },
]

const selections = (own: Tenant, theirs: Tenant, ofAWorkflow: number): readonly Attempt[] => [
  ...Object.entries(theirs.deliveries).map(([state, id]) => ({
    how: `by the id of a delivery that is ${state}`,
    body: { ids: [id] },
    status: 200,
  })),
  {
    how: "by an event's id that both have",
    body: { ids: ["ord_1002", "ord_1003"], dryRun: true },
    status: 200,
  },
  {
    how: "by ids, among its own",
    body: { ids: [theirs.deliveries.dead, own.deliveries.dead], dryRun: true },
    status: 200,
  },
  { how: "by the id of an event", body: { ids: ["ord_2001", theirs.events.ord_1002] }, status: 200 },
  {
    how: "by the ids of a run and a replay",
    body: { ids: [theirs.runs.tx_ship, theirs.replay] },
    status: 200,
  },
  ...hiddenOf(theirs).map(({ how, ...body }) => ({ how, body, status: 404 })),
  {
    how: "by a subscription that hears all, counted",
    body: { subscription: "journal", dryRun: true },
    status: 200,
  },
  { how: "by a subscription that hears all", body: { subscription: "journal" }, status: 200, theirs: 200 },
  { how: "by name", body: { name: "order.placed" }, status: 200 },
  { how: "by a workflow", body: { subscription: "workflow:ship" }, status: ofAWorkflow },
  { how: "by all there are", body: { all: true }, status: 200, theirs: 200 },
]

export const deliveryAttempts: Matrix = {
  listDeliveries: (own, theirs) => [
    ...lists(own, theirs),
    ...["dead", "waiting", "delivered"].map((state) => ({
      how: `by the state ${state}`,
      query: { state },
      status: 200,
      theirs: 200,
    })),
  ],
  listDeadLetters: lists,
  getDelivery: (own, theirs) => [
    ...Object.values(theirs.deliveries).map((id) => ({
      how: "by its id",
      params: { id },
      status: 404,
      theirs: 200,
    })),
    {
      how: "by its subscription and an event of one's own",
      params: { id: `${own.deliveries.done}3` },
      status: 404,
    },
  ],
  redriveDelivery: (_, theirs) => [
    { how: "by its id", params: { id: theirs.deliveries.dead }, status: 404, theirs: 200 },
    { how: "by an event's id", params: { id: String(theirs.events.ord_1002) }, status: 404 },
    { how: "by a run's id", params: { id: String(theirs.runs.tx_ship) }, status: 404 },
  ],
  cancelDelivery: (_, theirs) => [
    { how: "by its id", params: { id: theirs.deliveries.waiting }, status: 404, theirs: 200 },
    { how: "by a dead letter's id", params: { id: theirs.deliveries.dead }, status: 404 },
  ],
  redrive: (own, theirs) => selections(own, theirs, 200),
  cancel: (own, theirs) => selections(own, theirs, 400),
  getReplay: (_, theirs) => [{ how: "by its id", params: { id: theirs.replay }, status: 404, theirs: 200 }],
  startReplay: (_, theirs) => [
    ...hiddenOf(theirs).map(({ how, ...body }) => ({
      how,
      body: { ...body, since: SINCE, dryRun: true },
      status: 404,
      theirs: 200,
    })),
    {
      how: "of its event",
      body: { subscription: "journal", eventId: theirs.events.ord_1001, dryRun: true },
      status: 404,
      theirs: 200,
    },
    {
      how: "counted",
      body: { subscription: "journal", since: SINCE, dryRun: true },
      status: 200,
      theirs: 200,
    },
    { how: "of all there are", body: { subscription: "journal", since: SINCE, dryRun: false }, status: 202 },
  ],
  listSubscriptions: () => [{ how: "without a filter", status: 200, theirs: 200 }],
  getSubscription: (_, theirs) =>
    subscriptions(theirs, { common: 200 }).map((each) =>
      each.params?.id === "workflow:ship" ? { ...each, status: 400 } : each,
    ),
  pauseSubscription: (_, theirs) => subscriptions(theirs, { common: 403, good: 204 }),
  resumeSubscription: (_, theirs) => subscriptions(theirs, { common: 403, good: 204 }),
  removeSubscription: (_, theirs) =>
    subscriptions(theirs, { common: 403 }).map((each) =>
      goneBy(theirs).includes(String(each.params?.id)) ? { ...each, theirs: undefined } : each,
    ),
}

/** It goes by the first of two names, and is gone by the second; a webhook is ended as one. */
function goneBy({ webhook }: Tenant): readonly string[] {
  return ["ledger@order.placed", webhook]
}

/** One that hears all, and those that Acme has no word of. */
function subscriptions(
  theirs: Tenant,
  { common, good = 200 }: { readonly common: number; readonly good?: number },
): readonly Attempt[] {
  return [
    { how: "by the name of one that hears all", params: { id: "journal" }, status: common },
    ...hiddenOf(theirs).map(({ how, subscription: id, ...query }) => ({
      how,
      params: { id },
      query,
      status: 404,
      theirs: good,
    })),
    { how: "by a name that is near", params: { id: "ledgar" }, status: 404 },
    { how: "by a group that has others", params: { id: "nobody" }, query: { group: "globex" }, status: 404 },
    { how: "by a workflow", params: { id: "workflow:ship" }, status: common },
  ]
}
