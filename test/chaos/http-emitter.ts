import { setTimeout as sleep } from "node:timers/promises"
import type { Book } from "./book.ts"

export interface EmitterOptions {
  readonly url: string
  readonly token: string
  readonly book: Book
  readonly draw: (below: number) => number
  readonly keyed: boolean
}

/** What one request brings: so many events, known by the request's name. */
export interface OrderData {
  readonly request: string
  readonly line: number
  readonly lines: number
}

const PATIENCE_MS = 60_000

/** One client after another's manner: it asks until it has an answer, always under the same key. */
export class HttpEmitter {
  readonly #options: EmitterOptions
  readonly #name: string
  #isHushed = false
  /** Requests that were sent more than once. */
  repeated = 0

  constructor(name: string, options: EmitterOptions) {
    this.#name = name
    this.#options = options
  }

  /** No new request: the one that goes on gets its answer. */
  hush(): void {
    this.#isHushed = true
  }

  async run(): Promise<void> {
    const { book, draw } = this.#options
    for (let no = 0; !this.#isHushed; no++) {
      const request = `${this.#name}-${no}`
      const lines = draw(4) === 0 ? 5 : 1
      book.write("emit", request)
      await this.#untilAnswered(request, lines)
      book.write("ack", request)
      // Also who has an answer may ask again: it was lost on the way, or they are.
      if (this.#options.keyed && draw(8) === 0) await this.#untilAnswered(request, lines)
      await sleep(draw(8))
    }
  }

  async #untilAnswered(request: string, lines: number): Promise<void> {
    const startedAt = performance.now()
    for (let turn = 0; !(await this.#isTaken(request, lines)); turn++) {
      if (turn === 0) this.repeated++
      if (performance.now() - startedAt > PATIENCE_MS) throw new Error(`Nobody takes ${request}.`)
      await sleep(20 + this.#options.draw(60))
    }
  }

  /** @throws Error for a refusal: nothing is wrong with the request */
  async #isTaken(request: string, lines: number): Promise<boolean> {
    const { url, token, keyed } = this.#options
    const events = Array.from({ length: lines }, (_, line) => ({
      name: "order.placed",
      data: { request, line, lines } satisfies OrderData,
    }))
    const answer = await fetch(`${url}/api/events`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
        ...(keyed ? { "idempotency-key": request } : {}),
      },
      body: JSON.stringify(lines === 1 ? events[0] : events),
      signal: AbortSignal.timeout(5_000),
    }).then(
      async (response) => ({ status: response.status, text: await response.text() }),
      () => null, // the server is gone, or not there yet
    )
    if (answer === null || answer.status === 503) return false
    if (answer.status !== 201)
      throw new Error(`${request} was answered with ${answer.status}: ${answer.text}`)
    return true
  }
}
