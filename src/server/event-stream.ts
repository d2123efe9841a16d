/** One of the server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html */
export interface SentEvent {
  readonly id?: string
  readonly event?: string
  readonly data?: string // in one line
}

export interface EventStreamOptions {
  readonly entries: AsyncIterator<SentEvent, unknown>
  /** Comes to pass when the stream is to end, for whatever reason. */
  readonly ending: AbortSignal
  /** Asked now and then; false ends the stream. */
  readonly mayGoOn: () => Promise<boolean>
  readonly askEveryMs: number
  /** Nothing was sent for so long: something is, so that nobody on the way takes the connection for dead. */
  readonly heartbeatMs: number
  /** Who does not read for so long is let go. */
  readonly patienceMs: number
  /** Cuts the connection; false = that cannot be done from here. */
  readonly hangUp: () => boolean
  /** Called once, at the end. */
  readonly onEnd: (error: unknown) => void // undefined = nothing went wrong
}

/**
 * The body of a stream. It is made as it is read: who reads slowly makes us slow, and nothing else; what is not
 * read stays in the store.
 */
export function eventStream(options: EventStreamOptions): ReadableStream<Uint8Array> {
  const pump = new Pump(options)
  return new ReadableStream(
    {
      start: (controller) => controller.enqueue(bytes(RECONNECT)),
      pull: (controller) => pump.pull(controller),
      cancel: () => pump.end(),
    },
    { highWaterMark: 0 },
  )
}

type Controller = ReadableStreamDefaultController<Uint8Array>

class Pump {
  readonly #options: EventStreamOptions
  #next: Promise<IteratorResult<SentEvent>> | null = null // what was asked for, and did not come yet
  #askedAt = performance.now()
  #sentAt = performance.now()
  #patience: NodeJS.Timeout | undefined
  #isEnded = false

  constructor(options: EventStreamOptions) {
    this.#options = options
  }

  /** Resolves when something was sent, or the stream has ended. */
  async pull(controller: Controller): Promise<void> {
    clearTimeout(this.#patience)
    try {
      while (!this.#isEnded) {
        const text = await this.#text()
        if (text === null) continue
        if (text === "") return this.#close(controller)
        controller.enqueue(bytes(text))
        this.#sentAt = performance.now()
        this.#waitForReader(controller)
        return
      }
    } catch (error) {
      this.#close(controller, error)
    }
  }

  end(error?: unknown): void {
    if (this.#isEnded) return
    this.#isEnded = true
    clearTimeout(this.#patience)
    // It may wait for an entry: it ends with its own signal then.
    void this.#options.entries.return?.().catch(() => {})
    this.#options.onEnd(error)
  }

  /** What is to be sent; null = nothing yet, "" = this is the end. */
  async #text(): Promise<string | null> {
    const { entries, ending, heartbeatMs } = this.#options
    if (ending.aborted || !(await this.#mayGoOn())) return ""
    this.#next ??= entries.next()
    const result = await this.#within(this.#next)
    if (ending.aborted) return ""
    if (result === null) return performance.now() - this.#sentAt < heartbeatMs ? null : HEARTBEAT
    this.#next = null
    return result.done ? "" : textOf(result.value)
  }

  async #mayGoOn(): Promise<boolean> {
    if (performance.now() - this.#askedAt < this.#options.askEveryMs) return true
    this.#askedAt = performance.now()
    return this.#options.mayGoOn()
  }

  /** null = it takes longer. */
  async #within<T>(work: Promise<T>): Promise<T | null> {
    const { ending, askEveryMs, heartbeatMs } = this.#options
    const { promise, resolve } = Promise.withResolvers<null>()
    const wake = (): void => resolve(null)
    const timer = setTimeout(wake, Math.min(askEveryMs, heartbeatMs))
    ending.addEventListener("abort", wake)
    try {
      return await Promise.race([work, promise])
    } finally {
      clearTimeout(timer)
      ending.removeEventListener("abort", wake)
    }
  }

  #waitForReader(controller: Controller): void {
    this.#patience = setTimeout(() => {
      this.end()
      if (!this.#options.hangUp()) controller.error(new Error("The client does not read."))
    }, this.#options.patienceMs)
    this.#patience.unref()
  }

  /** Whoever comes again soon finds another process, or is told why not. */
  #close(controller: Controller, error?: unknown): void {
    if (this.#isEnded) return
    controller.enqueue(bytes(RECONNECT))
    controller.close()
    this.end(error)
  }
}

const RECONNECT = "retry: 2000\n\n"
const HEARTBEAT = ":\n\n"

function textOf({ id, event, data }: SentEvent): string {
  const fields = Object.entries({ id, event, data }).filter(([, value]) => value !== undefined)
  return `${fields.map(([name, value]) => `${name}: ${value}\n`).join("")}\n`
}

const encoder = new TextEncoder()

function bytes(text: string): Uint8Array {
  return encoder.encode(text)
}
