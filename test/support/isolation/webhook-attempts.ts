import type { Attempt, Attempts, Matrix } from "./attempt.ts"
import { GLOBEX } from "./tenant.ts"

const webhook = { events: ["order.*"], recipient: "https://erp.example/acme" }

/** By its id, as it is and nearly so; another body than none is asked for with it. */
const byId =
  (theirs: number, body?: unknown): Attempts =>
  (_, { webhook: id }): readonly Attempt[] => [
    { how: "by its id", params: { id }, body, status: 404, theirs },
    { how: "by its id in small letters", params: { id: id.toLowerCase() }, body, status: 404 },
    { how: "by its recipient", params: { id: "https://erp.example/globex" }, body, status: 404 },
  ]

export const webhookAttempts: Matrix = {
  listWebhooks: () => [{ how: "without a filter", status: 200, theirs: 200 }],
  createWebhook: () => [
    { how: "of its scope", body: { ...webhook, scope: GLOBEX }, status: 403 },
    { how: "of its scope, in parts", body: { ...webhook, scope: { account: "globex" } }, status: 403 },
    { how: "of every scope", body: { ...webhook, scope: null }, status: 403 },
    {
      how: "to where its own go",
      body: { ...webhook, recipient: "https://erp.example/globex" },
      status: 201,
    },
  ],
  getWebhook: byId(200),
  updateWebhook: (own, theirs) => [
    ...byId(200, { description: "taken" })(own, theirs),
    {
      how: "by moving one into its scope",
      params: { id: own.webhook },
      body: { scope: GLOBEX },
      status: 403,
    },
    {
      how: "by moving one into every scope",
      params: { id: own.webhook },
      body: { scope: null },
      status: 403,
    },
  ],
  removeWebhook: byId(200),
  pauseWebhook: byId(200),
  resumeWebhook: byId(200),
  enableWebhook: byId(200),
  disableWebhook: byId(200),
  rotateWebhookSecret: byId(200),
  testWebhook: byId(200, { event: "order.placed" }),
  getWebhookHealth: byId(200),
}
