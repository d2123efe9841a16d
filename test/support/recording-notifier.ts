import { InvalidInputError } from "../../src/core/errors.ts"
import type { Notification, Notifier, NotifierResult, NotifierWish } from "../../src/webhooks/notifier.ts"

/** A notifier that sends nowhere: it remembers what it was given, and answers what a test wants. */
export class RecordingNotifier implements Notifier {
  readonly key: string
  readonly aliases = ["memory"]
  readonly sent: Notification[] = []
  readonly wishes: NotifierWish[] = []
  answer: (notification: Notification) => Partial<NotifierResult> = () => ({ success: true })

  constructor(key = "recorder") {
    this.key = key
  }

  check(wish: NotifierWish): void {
    this.wishes.push(wish)
    if (!wish.recipient.startsWith("https://"))
      throw new InvalidInputError("Expected a recipient that begins with `https://`, got another.")
  }

  async notify(notification: Notification): Promise<NotifierResult> {
    this.sent.push(notification)
    const { subscription } = notification
    return {
      success: true,
      subscriptionId: subscription.id,
      responseData: "thank you",
      details: {
        notifier: this.key,
        recipient: subscription.recipient,
        status: 200,
        request: { headers: {}, bytes: 2 },
        response: { headers: {}, body: "thank you", isCut: false },
      },
      ...this.answer(notification),
    }
  }
}
