import { type AddressInfo, createConnection, createServer, type Server, type Socket } from "node:net"
import { createServer as createTlsServer } from "node:tls"
import { RABBIT_URL } from "./rabbit.ts"

interface LinkCertificate {
  readonly certificate: string // PEM
  readonly key: string
}

/** Stands before a broker, so that its connections can be counted, cut and held. */
export class BrokerLink implements AsyncDisposable {
  connections = 0
  #held = Promise.withResolvers<void>()
  #isHolding = false
  readonly #server: Server
  readonly #ends = new Set<() => void>()

  private constructor({ hostname, port }: URL, tls: LinkCertificate | null) {
    const link = (near: Socket): void => {
      this.connections++
      const far = createConnection({ host: hostname, port: Number(port || 5672) })
      const end = (): void => {
        near.destroy()
        far.destroy()
      }
      this.#ends.add(end)
      for (const socket of [near, far]) socket.on("error", end).on("close", end)
      near.on("data", (data) => far.write(data))
      far.on("data", (data) => {
        if (this.#isHolding) this.#held.resolve()
        else near.write(data)
      })
    }
    this.#server =
      tls === null ? createServer(link) : createTlsServer({ cert: tls.certificate, key: tls.key }, link)
  }

  /** With a certificate it is called by TLS. */
  static async open(tls: LinkCertificate | null = null): Promise<BrokerLink> {
    const link = new BrokerLink(new URL(RABBIT_URL), tls)
    await new Promise<void>((resolve) => link.#server.listen(0, "127.0.0.1", resolve))
    return link
  }

  get url(): string {
    const { username, password } = new URL(RABBIT_URL)
    return `amqp://${username}:${password}@127.0.0.1:${this.port}`
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** The same without user and password. */
  get bareUrl(): string {
    return `amqp://127.0.0.1:${this.port}`
  }

  /** Something came back while it was held. */
  get held(): Promise<void> {
    return this.#held.promise
  }

  hold(): void {
    this.#isHolding = true
  }

  letGo(): void {
    this.#isHolding = false
    this.#held = Promise.withResolvers<void>()
  }

  cut(): void {
    for (const end of this.#ends) end()
    this.#ends.clear()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
