import { createServer, type Server, type Socket } from "node:net"
import { Link } from "./proxy-link.ts"

/** When to strike at a connection. */
export interface Moment {
  /** What the client asks at that moment, and what it binds to it. */
  readonly matches: (sql: string, values: Buffer) => boolean
  /**
   * `before` = the server never hears it; `sent` = the server hears it, and may or may not do it;
   * `answered` = the server has done it, and its answer is not passed back.
   */
  readonly when: "before" | "sent" | "answered"
  /** Strikes at an answer only where it has so many rows. @defaultValue 0 */
  readonly leastRows?: number
  /** Which time that it is asked, from 1 up. */
  readonly nth?: number
  /** What to do then, in place of cutting the connection. What was withheld stays withheld. */
  readonly act?: (link: Link) => void
}

interface Trap extends Moment {
  left: number
  readonly struck: (link: Link) => void
  readonly spare: () => void
}

/** A TCP proxy on loopback before a PostgreSQL server: it passes, delays, goes silent and cuts. */
export class TcpProxy {
  readonly #server: Server
  readonly #target: URL
  readonly #links = new Set<Link>()
  readonly #traps = new Set<Trap>()
  #refusing = false
  #silent = false
  delayMs = 0

  private constructor(target: string) {
    this.#target = new URL(target)
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket))
  }

  /** `target` is the server's URL; `proxy.url` is the same by way of the proxy. */
  static async open(target: string): Promise<TcpProxy> {
    const proxy = new TcpProxy(target)
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once("error", reject).listen(0, "127.0.0.1", resolve)
    })
    return proxy
  }

  get url(): string {
    const url = new URL(this.#target)
    url.hostname = "127.0.0.1"
    url.port = String((this.#server.address() as { port: number }).port)
    return url.href
  }

  get isSilent(): boolean {
    return this.#silent
  }

  get connections(): number {
    return this.#links.size
  }

  /** Resets every connection; new ones are passed, unless they are refused. */
  cut(): number {
    const cut = this.#links.size
    for (const link of this.#links) link.cut()
    return cut
  }

  /** Resets new connections at once, or no longer. */
  refuse(refusing = true): void {
    this.#refusing = refusing
  }

  /** Half-open: sockets stay open and are accepted, and nothing gets through either way. */
  silence(): void {
    this.#silent = true
  }

  /** Ends the silence. What was said meanwhile is lost, and so are the connections in which it was said. */
  speak(): void {
    this.#silent = false
    for (const link of this.#links) link.speak()
  }

  /** Strikes once at this moment; resolves to the connection when it has. */
  at(moment: Moment): Promise<Link> {
    return new Promise((struck) => {
      const spare = () => {
        trap.left = 1
        this.#traps.add(trap)
      }
      const trap: Trap = { ...moment, left: moment.nth ?? 1, struck, spare }
      this.#traps.add(trap)
    })
  }

  async close(): Promise<void> {
    this.cut()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  /** Ends the silence for new connections. Those that were open stay silent for ever, and nobody resets them. */
  forget(): void {
    this.#silent = false
    for (const link of this.#links) link.forget()
  }

  #accept(socket: Socket): void {
    if (this.#refusing && !this.#silent) {
      socket.on("error", () => {}).resetAndDestroy()
      return
    }
    const link: Link = new Link(socket, this.#target, {
      isSilent: () => this.#silent,
      delayMs: () => this.delayMs,
      trapFor: (sql, values) => this.#trapFor(sql, values),
      onClose: () => this.#links.delete(link),
    })
    this.#links.add(link)
  }

  #trapFor(sql: string, values: Buffer): Trap | null {
    for (const trap of this.#traps) {
      if (!trap.matches(sql, values) || --trap.left > 0) continue
      this.#traps.delete(trap)
      return trap
    }
    return null
  }
}
