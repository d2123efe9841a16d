import { createServer as createHttpServer } from "node:http"
import type { AddressInfo } from "node:net"
import { createCarillon } from "../../src/index.ts"
import { createServer } from "../../src/server/index.ts"
import { onMessages } from "./messages.ts"

// Promise: the API as Node's own server mounts it, and `carillon serve`, on the store that the first argument names. Sends its port and a token.

const carillon = await createCarillon({
  database: process.argv[2] as string,
  logger: false,
  secret: "a secret that is only for this benchmark",
})
const { token } = await carillon.identity.tokens.create({ name: "bench", roles: ["emitter"], scopes: "all" })
const server = createServer(carillon, { logRequests: false })

const listening = createHttpServer(server.node).listen(0, "127.0.0.1", () => {
  process.send?.({ port: (listening.address() as AddressInfo).port, token })
})
onMessages(() => void carillon.stop().then(() => process.exit(0)))
