import { connect, type Socket } from "node:net"
import { BackendReader, type FrontendMessage, FrontendReader } from "./protocol.ts"
import type { Moment } from "./proxy.ts"

interface LinkOptions {
  readonly isSilent: () => boolean
  readonly delayMs: () => number
  readonly trapFor: (sql: string, values: Buffer) => Trap | null
  readonly onClose: () => void
}

interface Trap extends Moment {
  readonly struck: (link: Link) => void
  readonly spare: () => void // it was not the moment
}

/** One client's connection by way of the proxy. */
export class Link {
  readonly #client: Socket
  readonly #server: Socket
  readonly #options: LinkOptions
  readonly #asked = new FrontendReader()
  readonly #answered = new BackendReader()
  #queries = 1 // that the server was asked; being let in counts as one
  #trap: Trap | null = null
  #answersAt = 0 // the trap closes when the server has done with so many
  #rowsBefore = 0
  #withheld: Buffer[] = []
  #lossy = false // something was withheld: the rest would make no sense to either side

  constructor(client: Socket, target: URL, options: LinkOptions) {
    this.#client = client
    this.#options = options
    this.#server = connect({ port: Number(target.port || 5432), host: target.hostname, noDelay: true })
    client.on("data", (chunk: Buffer) => this.#fromClient(chunk))
    this.#server.on("data", (chunk: Buffer) => this.#fromServer(chunk))
    for (const socket of [client, this.#server]) {
      socket.on("error", () => {}) // what follows is its close
      socket.on("close", () => this.#closed())
    }
  }

  /** The process of the server behind it; 0 = it has not said yet. */
  get backend(): number {
    return this.#answered.processId
  }

  /** Resets the client's side; the server still gets what was sent to it. */
  cut(): void {
    this.#client.resetAndDestroy()
    this.#server.destroySoon()
    this.#options.onClose()
  }

  speak(): void {
    if (this.#lossy || this.#client.destroyed || this.#server.destroyed) this.cut()
  }

  forget(): void {
    this.#lossy = true
  }

  #fromClient(chunk: Buffer): void {
    if (this.#options.isSilent()) {
      this.#lossy = true
      return
    }
    if (this.#lossy) return
    for (const message of this.#asked.read(chunk)) {
      if (!this.#ask(message)) return
    }
  }

  /** False = the connection was struck, and nothing more of it counts. */
  #ask(message: FrontendMessage): boolean {
    const begins = message.type === "query" || message.type === "execute"
    if (begins && this.#trap === null) {
      this.#trap = this.#options.trapFor(message.sql, message.values)
      this.#rowsBefore = this.#answered.rows
    }
    if (this.#trap?.when === "before") return this.#strike()
    this.#pass(this.#server, message.bytes)
    if (message.type !== "query" && message.type !== "sync") return true
    this.#queries++
    if (this.#trap?.when === "sent") return this.#strike()
    if (this.#trap !== null) this.#answersAt = this.#queries
    return true
  }

  #fromServer(chunk: Buffer): void {
    if (this.#options.isSilent()) {
      this.#lossy = true
      return
    }
    if (this.#lossy) return
    this.#answered.read(chunk)
    if (this.#trap === null) this.#pass(this.#client, chunk)
    else this.#withhold(chunk, this.#trap)
  }

  #withhold(chunk: Buffer, trap: Trap): void {
    this.#withheld.push(chunk)
    if (this.#answersAt === 0 || this.#answered.ready < this.#answersAt) return
    if (this.#answered.rows - this.#rowsBefore >= (trap.leastRows ?? 0)) this.#strike()
    else this.#spare(trap)
  }

  /** It was not the moment: all goes on, and the next may be. */
  #spare(trap: Trap): void {
    this.#trap = null
    this.#answersAt = 0
    for (const chunk of this.#withheld.splice(0)) this.#pass(this.#client, chunk)
    trap.spare()
  }

  #strike(): boolean {
    const trap = this.#trap as Trap
    const goesOn = trap.when === "sent" && trap.act !== undefined // nothing was withheld
    this.#trap = null
    this.#lossy = !goesOn
    if (trap.act === undefined) this.cut()
    else trap.act(this)
    trap.struck(this)
    return goesOn
  }

  #pass(to: Socket, bytes: Buffer): void {
    const delayMs = this.#options.delayMs()
    if (delayMs === 0) to.write(bytes)
    else setTimeout(() => to.destroyed || to.write(bytes), delayMs)
  }

  /** In silence neither side hears that the other has gone. */
  #closed(): void {
    if (this.#options.isSilent()) return
    this.#client.destroy()
    this.#server.destroy()
    this.#trap?.spare()
    this.#trap = null
    this.#options.onClose()
  }
}
