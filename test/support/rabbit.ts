import { createConnection } from "node:net"
import { describe } from "vitest"
import { skipAloud } from "./describe.ts"

/** Where a RabbitMQ answers, with a user who may declare things. */
export const RABBIT_URL = process.env.CARILLON_TEST_AMQP ?? "amqp://guest:guest@127.0.0.1:5672"

const HOW_TO_GET_IT =
  "start one and say where in CARILLON_TEST_AMQP (amqp://user:password@host:5672), or install it (Debian: apt-get install rabbitmq-server)"

/** `describe` where a RabbitMQ answers; elsewhere its tests are skipped aloud. */
export async function describeRabbit(title: string, body: () => void): Promise<void> {
  if (await answers()) describe(title, body)
  else skipAloud(title, `no RabbitMQ answers: ${HOW_TO_GET_IT}`, body)
}

function answers(): Promise<boolean> {
  const { hostname, port } = new URL(RABBIT_URL)
  return new Promise((resolve) => {
    const socket = createConnection({ host: hostname, port: Number(port || 5672), timeout: 1_000 })
    const end = (isThere: boolean) => {
      socket.destroy()
      resolve(isThere)
    }
    socket.once("connect", () => end(true))
    socket.once("error", () => end(false))
    socket.once("timeout", () => end(false))
  })
}
