export type {
  EngineHarness,
  Expect,
  Feature,
  StoreUnderTest,
  TestRunner,
} from "./conformance/harness.ts"
export { testEngine } from "./conformance/test-engine.ts"
export { type Duration, type MovingClock, movingClock } from "./moving-clock.ts"
export type { Part, Recorded, RecordedEmit } from "./recorded.ts"
export { createTestCarillon, type TestCarillon, type TestCarillonOptions } from "./test-carillon.ts"
export {
  type ReceivedRequest,
  type WebhookAnswer,
  type WebhookAnswerer,
  type WebhookReceiver,
  webhookReceiver,
} from "./webhook-receiver.ts"
