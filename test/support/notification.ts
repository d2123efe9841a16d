import type { Notification, NotifiedEvent, NotifiedSubscription } from "../../src/webhooks/notifier.ts"

export interface NotificationParts extends Partial<Omit<Notification, "event" | "subscription">> {
  readonly event?: Partial<NotifiedEvent>
  readonly subscription?: Partial<NotifiedSubscription>
}

/** An attempt to tell of an order. */
export function notificationOf({ event, subscription, ...rest }: NotificationParts = {}): Notification {
  return {
    event: {
      id: "evt_1001",
      name: "sales.order.created",
      at: new Date("2026-03-01T10:00:00.500Z"),
      scope: { account: "default", workspace: "master" },
      key: null,
      sender: null,
      metadata: {},
      causationId: null,
      correlationId: null,
      traceparent: null,
      ...event,
    },
    subscription: {
      id: "sub_01",
      no: 1,
      recipient: "orders",
      form: "legacy",
      secrets: [{ secret: "fv38u07Wdh$R@mRd", createdAt: 0, expiresAt: null }],
      headers: {},
      options: {},
      ...subscription,
    },
    data: { increment_id: "000000001", customer_email: "zoë@shop.example" },
    deliveryId: "dlv_1001_1",
    attempt: 1,
    isTest: false,
    signal: AbortSignal.timeout(10_000),
    timeoutMs: 10_000,
    now: Date.parse("2026-03-01T10:00:07Z"),
    ...rest,
  }
}
