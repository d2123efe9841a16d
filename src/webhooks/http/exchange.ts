import type { IncomingHttpHeaders } from "node:http"
import type { Dispatcher } from "undici"
import { codeOf } from "../../core/errors.ts"
import { SendError, sendErrorOf } from "./send-error.ts"

export interface Answer {
  readonly status: number
  readonly reason: string // the phrase beside the status, which may be empty
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly isCut: boolean // there was more, which was not read
}

export interface ExchangeTerms {
  readonly timeoutMs: number // over name, connection, request and answer together
  readonly maxBytes: number // of the answer's body
  readonly signal?: AbortSignal
}

const MOST_PRELIMINARY_ANSWERS = 16

/**
 * One request and its answer, which ends in time whatever the other side does: it answers byte by byte, without end, or
 * not at all. A part of an answer is none, unless it is we who stop reading.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly answer: Promise<Answer>
  readonly #terms: ExchangeTerms
  readonly #body: CappedBody
  readonly #timer: NodeJS.Timeout
  #settle: { readonly resolve: (answer: Answer) => void; readonly reject: (error: SendError) => void }
  #controller: Dispatcher.DispatchController | null = null // null = the request has not begun
  #head: Pick<Answer, "status" | "reason" | "headers"> | null = null // null = it has not come
  #preliminary = 0
  #isOver = false
  #request: Dispatcher.DispatchOptions | null = null // null = it is not to be made again
  #overflow: Dispatcher | null = null

  constructor(terms: ExchangeTerms) {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    this.answer = promise
    this.#settle = { resolve, reject }
    this.#terms = terms
    this.#body = new CappedBody(terms.maxBytes)
    // After a pause of this whole process, what has come meanwhile is read before anybody is called late.
    this.#timer = setTimeout(() => setImmediate(this.#late), terms.timeoutMs)
    terms.signal?.addEventListener("abort", this.#aborted)
    if (terms.signal?.aborted) this.#aborted()
  }

  /** Makes the request; by `overflow` where there is no room among the kept connections, for then nothing was sent. */
  begin(request: Dispatcher.DispatchOptions, kept: Dispatcher, overflow: Dispatcher): void {
    if (this.#isOver) return
    this.#request = request
    this.#overflow = overflow
    kept.dispatch(request, this)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#isOver) controller.abort(new Error("too late"))
  }

  onResponseStart(_: unknown, status: number, headers: IncomingHttpHeaders, reason?: string): void {
    if (status >= 200) this.#head = { status, headers, reason: reason ?? "" }
    else if (++this.#preliminary > MOST_PRELIMINARY_ANSWERS)
      this.#fail(
        new SendError(`Expected the recipient to answer, it only announced it (${status}).`, {
          isMaybeSent: true,
        }),
      )
  }

  onResponseData(_: unknown, chunk: Buffer): void {
    if (this.#body.add(chunk)) return
    this.#succeed()
    this.#stop()
  }

  onResponseEnd(): void {
    this.#succeed()
  }

  onResponseError(_: unknown, error: Error): void {
    const isFull = codeOf(error) === "UND_ERR_MAX_ORIGINS_REACHED"
    if (isFull && !this.#isOver && this.#request !== null) this.#overflow?.dispatch(this.#request, this)
    else this.#fail(sendErrorOf(error, this.#isMaybeSent))
  }

  #late = (): void => {
    const came = this.#head === null ? "none came" : "only a part of it came"
    const isMaybeSent = this.#isMaybeSent
    const what = `Expected an answer within ${this.#terms.timeoutMs} ms, ${came}.`
    this.#fail(new SendError(what, { isMaybeSent }))
  }

  #aborted = (): void => {
    // Whoever gives the signal may have counted the same milliseconds.
    if ((this.#terms.signal?.reason as Error | undefined)?.name === "TimeoutError") this.#late()
    else
      this.#fail(
        new SendError("Expected to wait for the answer, this process ends.", {
          fault: "sender",
          isMaybeSent: this.#isMaybeSent,
        }),
      )
  }

  get #isMaybeSent(): boolean {
    return this.#controller !== null
  }

  #succeed(): void {
    if (this.#head === null || !this.#end()) return
    this.#settle.resolve({ ...this.#head, ...this.#body.taken() })
  }

  #fail(error: SendError): void {
    if (!this.#end()) return
    const part = this.#head && { ...this.#head, ...this.#body.taken(), isCut: true }
    this.#settle.reject(part ? error.with(part) : error)
    this.#stop()
  }

  #end(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#terms.signal?.removeEventListener("abort", this.#aborted)
    return true
  }

  /** What is left of the connection is of no use to anybody. */
  #stop(): void {
    this.#controller?.abort(new Error("not read further"))
  }
}

/** The beginning of a body, in memory of its own: pieces of a few bytes would hold on to the buffers they came in. */
class CappedBody {
  readonly #most: number
  #bytes = Buffer.alloc(0)
  #length = 0
  #isCut = false

  constructor(most: number) {
    this.#most = most
  }

  /** Whether there is room for more. */
  add(chunk: Buffer): boolean {
    const taken = chunk.subarray(0, this.#most - this.#length)
    this.#grow(this.#length + taken.length)
    taken.copy(this.#bytes, this.#length)
    this.#length += taken.length
    this.#isCut = taken.length < chunk.length
    return !this.#isCut
  }

  taken(): Pick<Answer, "body" | "isCut"> {
    return { body: this.#bytes.subarray(0, this.#length), isCut: this.#isCut }
  }

  #grow(length: number): void {
    if (length <= this.#bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.min(this.#most, Math.max(length, this.#bytes.length * 2)))
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
  }
}
