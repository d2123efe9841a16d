import type { Carillon } from "../carillon.ts"
import type { Identity } from "../identity/identity.ts"
import type { WorkflowEngine } from "../runs/service.ts"
import type { WebhookHealth } from "../webhooks/health.ts"
import type { MadeWebhook, NewWebhook, Webhook, WebhookChange } from "../webhooks/shapes.ts"
import type { WebhookTestOptions, WebhookTestResult } from "../webhooks/trials.ts"
import type { DisableWebhookOptions, RotateSecretOptions } from "../webhooks/webhooks.ts"

/** What verbs ask: of a database, or of the server before it, which answers alike. */
export interface Operator extends Pick<Carillon, Asked> {
  readonly workflows: Pick<WorkflowEngine, "list" | "retrieve" | "revert" | "retry" | Listed>
  readonly webhooks: WebhookOperator
  readonly users: Pick<Identity["users"], "create" | "update" | "setPassword" | "list" | "remove">
  readonly identity: {
    readonly tokens: Pick<Identity["tokens"], "create" | "list" | "get" | "revoke">
    readonly applications: Pick<Identity["applications"], "create" | "list" | "rotate" | "remove">
    readonly roles: Pick<Identity["roles"], "list" | "create" | "update" | "remove">
    readonly audit: Pick<Identity["audit"], "audited" | "list">
    readonly sealed: Pick<Identity["sealed"], "check" | "reencrypt">
  }
}

/** Of the store's own number of a webhook a server tells nothing. */
interface WebhookOperator {
  create(wish: NewWebhook): Promise<Omit<MadeWebhook, "no">>
  list(): Promise<readonly Omit<Webhook, "no">[]>
  get(id: string): Promise<Omit<Webhook, "no">>
  update(id: string, change: WebhookChange): Promise<Omit<Webhook, "no">>
  remove(id: string): Promise<{ readonly id: string; readonly group: string; readonly cancelled: number }>
  pause(id: string): Promise<Omit<Webhook, "no">>
  resume(id: string): Promise<Omit<Webhook, "no">>
  enable(id: string): Promise<Omit<Webhook, "no">>
  disable(id: string, options?: DisableWebhookOptions): Promise<Omit<Webhook, "no">>
  rotateSecret(id: string, options?: RotateSecretOptions): Promise<Omit<MadeWebhook, "no">>
  test(id: string, options?: WebhookTestOptions): Promise<WebhookTestResult>
  health(id: string): Promise<WebhookHealth>
}

type Asked =
  | "emit"
  | "trace"
  | "eventNames"
  | "listEvents"
  | "listDeliveries"
  | "deadLetters"
  | "redrive"
  | "cancel"
  | "replay"
  | "replayProgress"
  | "pause"
  | "resume"
  | "subscriptions"
  | "removeSubscription"
  | "scopes"
  | "workers"
  | "stats"
  | "doctor"
  | "tail"
  | "prune"
  | "erase"

type Listed = "listWorkflows" | "listSchedules"
