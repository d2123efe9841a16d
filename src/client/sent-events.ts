/** One of the server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html */
export interface SentEvent {
  readonly name: string
  readonly data: string // "" = it only says an id
  readonly id: string // the last one that was said
}

/** Reads server-sent events out of text that comes in pieces, cut anywhere. */
export class SentEvents {
  /** How long to wait before coming again, in milliseconds; null = that was not said. */
  retryMs: number | null = null
  #rest = ""
  #isBegun = false
  #id = ""
  #saidId = ""
  #name = ""
  #data: string[] = []

  /** What is complete with this piece. */
  push(piece: string): SentEvent[] {
    this.#rest += piece
    if (!this.#isBegun && this.#rest.length > 0) {
      this.#isBegun = true
      this.#rest = this.#rest.replace(/^\ufeff/, "")
    }
    const found: SentEvent[] = []
    for (let line = this.#line(); line !== null; line = this.#line()) {
      if (line !== "") this.#field(line)
      else if (this.#data.length > 0 || this.#id !== this.#saidId) found.push(this.#event())
      else this.#name = ""
    }
    return found
  }

  /** A return at the very end may be the half of a line end. */
  #line(): string | null {
    const end = /\r\n|\n|\r(?!$)/.exec(this.#rest)
    if (end === null) return null
    const line = this.#rest.slice(0, end.index)
    this.#rest = this.#rest.slice(end.index + end[0].length)
    return line
  }

  #field(line: string): void {
    const colon = line.indexOf(":")
    const field = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "")
    if (field === "data") this.#data.push(value)
    else if (field === "event") this.#name = value
    else if (field === "id" && !value.includes("\0")) this.#id = value
    else if (field === "retry" && /^\d+$/.test(value)) this.retryMs = Number(value)
  }

  #event(): SentEvent {
    const event = { name: this.#name || "message", data: this.#data.join("\n"), id: this.#id }
    this.#name = ""
    this.#data = []
    this.#saidId = this.#id
    return event
  }
}
