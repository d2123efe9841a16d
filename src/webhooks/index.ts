export {
  CarillonError,
  InvalidInputError,
  type VerificationFailure,
  WebhookVerificationError,
} from "../core/errors.ts"
export type {
  BodyForm,
  EndpointSecret,
  Notification,
  NotifiedEvent,
  NotifiedSubscription,
  Notifier,
  NotifierResult,
  NotifierWish,
} from "./notifier.ts"
export type { MadeWebhook, NewWebhook, PolicyPreset, Webhook, WebhookChange } from "./shapes.ts"
export {
  type ReceivedLegacyWebhook,
  type ReceivedWebhook,
  type VerifiedLegacyWebhook,
  type VerifiedWebhook,
  verifyLegacyWebhook,
  verifyWebhook,
} from "./verify.ts"
export type { ReceivedBody, WebhookHeaders } from "./verify-request.ts"
