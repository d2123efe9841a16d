import type { Matrix } from "./attempt.ts"
import { GLOBEX } from "./tenant.ts"

const ACCEPT = "application/cloudevents+json"
const order = { name: "order.placed", key: "cus_1001", data: { email: "acme@mail.example" } }

const OWNED = {
  name: "order.placed",
  from: "2026-03-01T00:00:00Z",
  filter: JSON.stringify({ data: { owner: ["globex"] } }),
}

/** Events that Globex has, and an event that both have under one id. */
const known = (theirs: { readonly events: Readonly<Record<string, string>> }) => [
  { how: "by an id of the caller's", params: { id: "ord_2001" } },
  { how: "by the id that the store derived", params: { id: String(theirs.events.ord_1001) } },
  { how: "by the id of a staged event", params: { id: "ord_2002" } },
]

export const eventAttempts: Matrix = {
  emitEvents: (_, theirs) => [
    { how: "under an id that it has", body: { ...order, id: "ord_2001" }, status: 201, theirs: 409 },
    { how: "under an id that both have", body: { ...order, id: "ord_1001" }, status: 409 },
    {
      how: "under a key that it has used",
      body: { ...order, data: { email: "other@mail.example" } },
      headers: { "idempotency-key": "key-2001" },
      status: 201,
      theirs: 409,
    },
    { how: "into its scope", body: { ...order, scope: GLOBEX }, status: 403 },
    {
      how: "into its scope, among others",
      body: [order, { ...order, scope: { account: "globex" } }],
      status: 403,
    },
    {
      how: "into its scope, as a CloudEvent",
      body: {
        specversion: "1.0",
        id: "ord_3001",
        source: "till",
        type: "order.placed",
        data: order.data,
        carillonscope: GLOBEX,
      },
      headers: { "content-type": ACCEPT },
      status: 403,
    },
    {
      how: "into its scope, as a binary CloudEvent",
      body: order.data,
      headers: {
        "ce-specversion": "1.0",
        "ce-id": "ord_3002",
        "ce-source": "till",
        "ce-type": "order.placed",
        "ce-carillonscope": GLOBEX,
      },
      status: 403,
    },
    {
      how: "as what its event caused",
      body: { ...order, id: "ord_1006", causationId: theirs.events.ord_2001, correlationId: "ord_2001" },
      status: 201,
    },
    {
      how: "as what its run caused",
      body: { ...order, id: "ord_1009", causationId: theirs.runs.ord_1001 },
      status: 201,
    },
    {
      how: "into its event group",
      body: { ...order, id: "ord_1007", metadata: { eventGroupId: "checkout-1001" } },
      status: 201,
    },
    { how: "to wake its run", body: { name: "order.paid", id: "ord_1008" }, status: 201 },
    { how: "as an event of the bus's own", body: { name: "carillon.dead_letter" }, status: 400 },
    { how: "last of all", body: { ...order, id: "ord_9001" }, status: 201 },
  ],
  listEvents: () => [
    { how: "without a filter", status: 200, theirs: 200 },
    { how: "by name", query: { name: "order.packed" }, status: 200, theirs: 200 },
    { how: "by time", query: { from: "2026-03-01T12:00:30Z" }, status: 200, theirs: 200 },
    { how: "by what it holds", query: OWNED, status: 200, theirs: 200 },
    {
      how: "as CloudEvents",
      query: { limit: "2" },
      headers: { accept: "application/cloudevents-batch+json" },
      status: 200,
    },
  ],
  getEvent: (_, theirs) => [
    // Acme has emitted one of that id by now, and gets its own.
    { how: "by an id that both have", params: { id: "ord_2001" }, status: 200, theirs: 200 },
    { how: "by a delivery's id", params: { id: theirs.deliveries.done }, status: 404, theirs: 200 },
    ...known(theirs)
      .slice(1)
      .map((each) => ({ ...each, status: 404, theirs: 200 })),
    {
      how: "as a CloudEvent",
      params: { id: String(theirs.events.ord_1001) },
      query: { cloudevent: "binary" },
      status: 404,
      theirs: 200,
    },
  ],
  traceEvent: (_, theirs) => [
    { how: "by an id that both have", params: { id: "ord_1001" }, status: 200, theirs: 200 },
    { how: "through an effect of its event", params: { id: "ord_1006" }, status: 200 },
    { how: "through an effect of its run", params: { id: "ord_1009" }, status: 200 },
    { how: "by a run's id", params: { id: String(theirs.runs.ord_1001) }, status: 404 },
    { how: "by a delivery's id", params: { id: theirs.deliveries.dead }, status: 404, theirs: 200 },
    ...known(theirs)
      .slice(1)
      .map((each) => ({ ...each, status: 404, theirs: 200 })),
  ],
  streamEvents: () => [
    { how: "from the beginning", query: { since: "0" }, status: 200, until: "ord_9001" },
    {
      how: "by a pattern",
      query: { since: "0", name: "order.*", kind: "event" },
      status: 200,
      until: "ord_9001",
    },
  ],
  releaseEventGroup: () => [
    { how: "of an id that it has alone", params: { id: "checkout-2001" }, status: 204, theirs: 204 },
    { how: "of an id that both have", params: { id: "checkout-1001" }, status: 204, theirs: 204 },
  ],
  clearEventGroup: () => [
    { how: "by name", params: { id: "checkout-1002" }, body: { eventNames: ["order.placed"] }, status: 204 },
    { how: "of an id that both have", params: { id: "checkout-1002" }, status: 204, theirs: 204 },
    { how: "of an id that it has alone", params: { id: "checkout-2001" }, status: 204, theirs: 204 },
  ],
  listEventNames: () => [{ how: "without a filter", status: 200, theirs: 200 }],
  listDefinitions: () => [{ how: "without a filter", status: 200 }],
  getDefinition: () => [
    { how: "by a name that everybody may know", params: { name: "order.placed" }, status: 200 },
    { how: "by a name that only it has emitted", params: { name: "order.returned" }, status: 404 },
  ],
}
