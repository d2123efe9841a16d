import { optionalPackage } from "./optional-package.ts"

export type AmqpDriver = typeof import("amqplib")

export const loadAmqp = optionalPackage<AmqpDriver>(
  async () => (await import("amqplib")).default,
  "amqplib",
  "AMQP",
)
