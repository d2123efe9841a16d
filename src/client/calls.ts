import type { contract } from "../contract/contract.ts"

export type Contract = typeof contract
export type RouteId = keyof Contract

/** How a route is called. A test keeps these equal to the contract, which is too heavy to be loaded here. */
export interface Call {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE"
  readonly path: string
  /** Twice is as good as once, so it may be tried again when nobody knows whether it arrived. */
  readonly repeatable: boolean
}

const get = (path: string): Call => ({ method: "GET", path, repeatable: true })
const post = (path: string): Call => ({ method: "POST", path, repeatable: false })
const postAgain = (path: string): Call => ({ method: "POST", path, repeatable: true })
const change = (method: "PUT" | "PATCH", path: string): Call => ({ method, path, repeatable: true })
/** Twice would say of the second time that there is nothing of that name. */
const remove = (path: string): Call => ({ method: "DELETE", path, repeatable: false })

export const calls = {
  emitEvents: postAgain("/api/events"), // each goes with an `Idempotency-Key`
  listEvents: get("/api/events"),
  getEvent: get("/api/events/{id}"),
  traceEvent: get("/api/events/{id}/trace"),
  streamEvents: get("/api/stream"),
  listDeliveries: get("/api/deliveries"),
  getDelivery: get("/api/deliveries/{id}"),
  redriveDelivery: post("/api/deliveries/{id}/redrive"),
  cancelDelivery: post("/api/deliveries/{id}/cancel"),
  listDeadLetters: get("/api/dead-letters"),
  redrive: post("/api/redrive"),
  cancel: post("/api/cancel"),
  startReplay: post("/api/replays"),
  getReplay: get("/api/replays/{id}"),
  listSubscriptions: get("/api/subscriptions"),
  getSubscription: get("/api/subscriptions/{id}"),
  pauseSubscription: postAgain("/api/subscriptions/{id}/pause"),
  resumeSubscription: postAgain("/api/subscriptions/{id}/resume"),
  removeSubscription: remove("/api/subscriptions/{id}"),
  listWebhooks: get("/api/webhooks"),
  createWebhook: post("/api/webhooks"),
  getWebhook: get("/api/webhooks/{id}"),
  updateWebhook: change("PATCH", "/api/webhooks/{id}"),
  removeWebhook: remove("/api/webhooks/{id}"),
  pauseWebhook: postAgain("/api/webhooks/{id}/pause"),
  resumeWebhook: postAgain("/api/webhooks/{id}/resume"),
  enableWebhook: postAgain("/api/webhooks/{id}/enable"),
  disableWebhook: postAgain("/api/webhooks/{id}/disable"),
  rotateWebhookSecret: post("/api/webhooks/{id}/rotate-secret"),
  testWebhook: post("/api/webhooks/{id}/test"),
  getWebhookHealth: get("/api/webhooks/{id}/health"),
  listWorkflows: get("/api/workflows"),
  startRun: post("/api/workflows/{workflow}/runs"),
  listRuns: get("/api/runs"),
  getRun: get("/api/runs/{id}"),
  cancelRun: post("/api/runs/{id}/cancel"),
  retryStep: post("/api/runs/{id}/steps/{step}/retry"),
  setStepSuccess: post("/api/runs/{id}/steps/{step}/success"),
  setStepFailure: post("/api/runs/{id}/steps/{step}/failure"),
  listSchedules: get("/api/schedules"),
  pauseSchedule: postAgain("/api/schedules/{id}/pause"),
  resumeSchedule: postAgain("/api/schedules/{id}/resume"),
  removeSchedule: remove("/api/schedules/{id}"),
  releaseEventGroup: post("/api/event-groups/{id}/release"),
  clearEventGroup: post("/api/event-groups/{id}/clear"),
  listEventNames: get("/api/event-names"),
  listDefinitions: get("/api/definitions"),
  getDefinition: get("/api/definitions/{name}"),
  listScopes: get("/api/scopes"),
  listWorkers: get("/api/workers"),
  getStats: get("/api/stats"),
  getDiagnosis: get("/api/doctor"),
  prune: post("/api/prune"),
  erase: post("/api/erasures"),
  getMe: get("/api/me"),
  listUsers: get("/api/users"),
  createUser: post("/api/users"),
  getUser: get("/api/users/{id}"),
  updateUser: change("PATCH", "/api/users/{id}"),
  setPassword: change("PUT", "/api/users/{id}/password"),
  removeUser: remove("/api/users/{id}"),
  listRoles: get("/api/roles"),
  createRole: post("/api/roles"),
  updateRole: change("PUT", "/api/roles/{name}"),
  removeRole: remove("/api/roles/{name}"),
  listTokens: get("/api/tokens"),
  createToken: post("/api/tokens"),
  getToken: get("/api/tokens/{id}"),
  revokeToken: remove("/api/tokens/{id}"),
  listApplications: get("/api/applications"),
  createApplication: post("/api/applications"),
  getApplication: get("/api/applications/{id}"),
  rotateApplication: post("/api/applications/{id}/rotate"),
  removeApplication: remove("/api/applications/{id}"),
  listAudit: get("/api/audit"),
  getApi: get("/api"),
  getDocument: get("/api/openapi.json"),
  getHealth: get("/health"),
  getReady: get("/ready"),
  getMetrics: get("/metrics"),
  logIn: post("/auth/user/emailpass"),
} satisfies Partial<Record<RouteId, Call>>

/** The routes that this client knows. */
export type CallId = keyof typeof calls
