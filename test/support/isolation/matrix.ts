import type { Matrix } from "./attempt.ts"
import { deliveryAttempts } from "./delivery-attempts.ts"
import { eventAttempts } from "./event-attempts.ts"
import { identityAttempts } from "./identity-attempts.ts"
import { runAttempts } from "./run-attempts.ts"
import { systemAttempts } from "./system-attempts.ts"
import { webhookAttempts } from "./webhook-attempts.ts"

/** How Acme tries to reach what is Globex', by every route of the API, in this order. */
export const matrix: Matrix = {
  ...eventAttempts,
  ...deliveryAttempts,
  ...webhookAttempts,
  ...runAttempts,
  ...identityAttempts,
  ...systemAttempts,
}
