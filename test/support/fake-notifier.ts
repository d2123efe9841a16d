import type { Notification, Notifier, NotifierResult } from "carillon/webhooks"

type Answer = Omit<NotifierResult, "subscriptionId">

/** A recipient that answers as the test says, and remembers what it was told. */
export class FakeNotifier implements Notifier {
  readonly key = "fake"
  readonly told: Notification[] = []
  answer: (notification: Notification) => Answer | Promise<Answer> = () => OK

  readonly notify = async (notification: Notification): Promise<NotifierResult> => {
    this.told.push(notification)
    const answer = await this.answer(notification)
    return { subscriptionId: notification.subscription.id, ...answer }
  }

  /** What was told, by the events' data. */
  get data(): unknown[] {
    return this.told.map(({ data }) => data)
  }
}

export const OK: Answer = { success: true, responseData: "thank you" }
export const DOWN: Answer = { success: false, responseData: "the shop is closed" }

/** It answers when the test says so, or is given up when its time is over. */
export function hanging({ signal }: Notification): Promise<Answer> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
}

/** With what a request was. */
export function status(code: number, rest: Partial<Answer> = {}): Answer {
  const details = {
    notifier: "fake",
    recipient: "https://shop.example/orders",
    status: code,
    request: { headers: { "webhook-id": "evt_1" }, bytes: 20 },
    response: { headers: {}, body: "", isCut: false },
  }
  return { success: code < 300, responseData: `${code}`, details, ...rest }
}
