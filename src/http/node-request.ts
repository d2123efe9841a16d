import type { IncomingMessage } from "node:http"
import type { TLSSocket } from "node:tls"
import { ConfigError } from "../core/errors.ts"
import type { Received } from "./received.ts"
import { targetOf } from "./target.ts"

/** One of Node's requests as the checks see it, without a web `Request` in between: that costs more than all checks. */
export class NodeRequest implements Received {
  readonly method: string
  readonly target: string
  readonly #incoming: IncomingMessage

  /** @throws HttpError (400) for a host or a path that cannot be one */
  constructor(incoming: IncomingMessage) {
    this.method = incoming.method ?? "GET"
    this.target = targetOf(incoming)
    this.#incoming = incoming
  }

  get isSecure(): boolean {
    return (this.#incoming.socket as Partial<TLSSocket>).encrypted === true
  }

  get peer(): string {
    return this.#incoming.socket.remoteAddress ?? ""
  }

  get connection(): object {
    return this.#incoming.socket
  }

  header(name: string): string | null {
    const value = this.#incoming.headers[name]
    return (typeof value === "string" ? value : value?.join(", ")) ?? null
  }

  *headers(): Generator<[string, string]> {
    for (const name of Object.keys(this.#incoming.headers)) yield [name, this.header(name) ?? ""]
  }

  /** What came with the headers, as most bodies do that are small, is there without waiting for it. */
  whole(length: number): Promise<Buffer> {
    const incoming = this.#incoming
    this.#refuseRead()
    if (incoming.readableLength < length) return arriving(incoming)
    return Promise.resolve(incoming.read() ?? Buffer.alloc(0))
  }

  chunks(): AsyncIterable<Uint8Array> {
    this.#refuseRead()
    // Whoever stops reading still has to be answered by the same connection.
    return this.#incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>
  }

  hangUp(): boolean {
    this.#incoming.socket.destroy()
    return true
  }

  #refuseRead(): void {
    if (this.#incoming.readableDidRead)
      throw new ConfigError(
        "Expected a request whose body nobody has read, got one that was read before. Put Carillon's API before whatever parses bodies.",
      )
  }
}

function arriving(incoming: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const closed = (): void => {
      if (!incoming.readableEnded) reject(new Error("The connection ended."))
    }
    if (incoming.destroyed) closed()
    incoming
      .on("data", (chunk: Buffer) => chunks.push(chunk))
      .once("end", () => resolve(Buffer.concat(chunks)))
      .once("error", reject)
      .once("close", closed)
  })
}
