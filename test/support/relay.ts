import { once } from "node:events"
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net"

/** A bad line to a server: what goes over it can be cut at the worst moment. */
export class Relay {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #answersToCut = 0

  private constructor(port: number) {
    this.#server = createServer((near) => {
      const far = connect(port, "127.0.0.1")
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(socket)
        socket.on("error", () => {}) // what follows is its close
        socket.once("close", () => {
          this.#sockets.delete(socket)
          other.destroy()
        })
      }
      near.on("data", (chunk) => far.write(chunk))
      far.on("data", (chunk) => this.#answer(near, chunk))
    })
  }

  static async to(port: number): Promise<Relay> {
    const relay = new Relay(port)
    await once(relay.#server.listen(0, "127.0.0.1"), "listening")
    return relay
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** The next so many answers are lost, with their connections: the server has done what it was asked for. */
  loseAnswers(count: number): void {
    this.#answersToCut = count
  }

  cutAll(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  async close(): Promise<void> {
    this.cutAll()
    await new Promise((done) => this.#server.close(done))
  }

  #answer(near: Socket, chunk: Buffer): void {
    if (this.#answersToCut === 0) near.write(chunk)
    else {
      this.#answersToCut--
      near.resetAndDestroy()
    }
  }
}
