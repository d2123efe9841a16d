import { ConfigError, UnreachableError } from "../core/errors.ts"
import { Alarm } from "./alarm.ts"
import { ApiError, notOurs, refused } from "./api-error.ts"
import { isTransient, pause, waitBeforeNext } from "./retry.ts"

export interface TransportOptions {
  readonly base: string
  readonly token: Token | undefined
  readonly fetch: typeof fetch
  readonly retries: number
  readonly timeoutMs: number
}

/** A token, or where to get the one that is good now. */
export type Token = string | (() => string | Promise<string>)

export interface Outgoing {
  readonly method: string
  readonly path: string // with its query
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly repeatable: boolean
  readonly signal?: AbortSignal
  readonly timeoutMs?: number
  readonly retries?: number
  readonly patienceMs?: number // how long the server is asked to wait, beside
}

/** Sends requests, and again where that is safe and may help. */
export class Transport {
  readonly #options: TransportOptions

  constructor(options: TransportOptions) {
    this.#options = options
  }

  /** The value that the answer's body holds; undefined = it has none. */
  json(outgoing: Outgoing): Promise<unknown> {
    return this.#insist(outgoing, async (alarm) => {
      const { response, text } = await this.#ask(outgoing, alarm)
      return response.status === 204 ? undefined : parsed(outgoing, response, text)
    })
  }

  text(outgoing: Outgoing): Promise<string> {
    return this.#insist(outgoing, async (alarm) => (await this.#ask(outgoing, alarm)).text)
  }

  /** An answer whose body comes bit by bit: only its beginning has to come in time. */
  open(outgoing: Outgoing): Promise<Response> {
    return this.#insist(outgoing, async (alarm) => {
      const response = await this.#fetch(outgoing, alarm)
      if (!response.ok) throw refused(nameOf(outgoing), response, await textOf(response, outgoing))
      alarm.calm()
      return response
    })
  }

  async #insist<T>(outgoing: Outgoing, ask: (alarm: Alarm) => Promise<T>): Promise<T> {
    const { repeatable, signal, retries = this.#options.retries, patienceMs = 0 } = outgoing
    const timeoutMs = (outgoing.timeoutMs ?? this.#options.timeoutMs) + patienceMs
    for (let tries = 1; ; tries++) {
      signal?.throwIfAborted()
      const alarm = new Alarm(timeoutMs, signal)
      try {
        return await ask(alarm)
      } catch (error) {
        if (signal?.aborted) throw signal.reason
        const failure = alarm.rang ? tooSlow(outgoing, timeoutMs, error) : error
        const waitMs = repeatable ? waitAfter(failure, tries, retries) : null
        if (waitMs === null) throw failure
        await pause(waitMs, signal)
      } finally {
        alarm.calm()
      }
    }
  }

  async #ask(outgoing: Outgoing, alarm: Alarm): Promise<{ response: Response; text: string }> {
    const response = await this.#fetch(outgoing, alarm)
    const text = await textOf(response, outgoing)
    if (!response.ok) throw refused(nameOf(outgoing), response, text)
    return { response, text }
  }

  async #fetch(outgoing: Outgoing, { signal }: Alarm): Promise<Response> {
    const { base, fetch } = this.#options
    const { method, path, body } = outgoing
    const headers = { ...outgoing.headers, ...(await this.#authorization()) }
    try {
      // A redirect would take the token elsewhere, or make a GET of a POST: it is an answer like others.
      const init = { method, headers, body, signal, redirect: "manual", credentials: "omit" } as const
      return await fetch(base + path, init)
    } catch (cause) {
      throw unreachable(
        `Expected an answer to ${nameOf(outgoing)} from ${base}, got none: ${why(cause)}.`,
        cause,
      )
    }
  }

  /** What a header cannot hold would be repeated, secret as it is, in the error of whoever tries. */
  async #authorization(): Promise<Record<string, string>> {
    const { token } = this.#options
    const text = typeof token === "function" ? await token() : token
    if (text === undefined) return {}
    if (/^[\x21-\x7e]+$/.test(text)) return { authorization: `Bearer ${text}` }
    throw new ConfigError("Expected `token` to be one word without blanks or line ends, got another text.")
  }
}

/** null = another try is of no use. */
function waitAfter(failure: unknown, tries: number, retries: number): number | null {
  if (!isPassing(failure)) return null
  const toldMs = failure instanceof ApiError ? failure.retryAfterMs : null
  return waitBeforeNext({ tries, retries, toldMs, random: Math.random() })
}

/** Whether it may be over in a moment. */
export function isPassing(failure: unknown): boolean {
  return failure instanceof ApiError ? isTransient(failure.status) : failure instanceof UnreachableError
}

function parsed(outgoing: Outgoing, response: Response, text: string): unknown {
  if (!/\bjson\b/.test(response.headers.get("content-type") ?? "")) throw notOurs(nameOf(outgoing), response)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw unreachable(`Expected the whole answer to ${nameOf(outgoing)}, got a part of it.`, cause)
  }
}

async function textOf(response: Response, outgoing: Outgoing): Promise<string> {
  try {
    return await response.text()
  } catch (cause) {
    throw unreachable(`Expected the whole answer to ${nameOf(outgoing)}, but it was cut off.`, cause)
  }
}

/** Without what follows `?`: it may be personal. */
function nameOf({ method, path }: Outgoing): string {
  return `${method} ${path.split("?", 1)[0]}`
}

function tooSlow(outgoing: Outgoing, timeoutMs: number, cause: unknown): UnreachableError {
  return unreachable(`Expected an answer to ${nameOf(outgoing)} within ${timeoutMs} ms, got none.`, cause)
}

function unreachable(message: string, cause: unknown): UnreachableError {
  return new UnreachableError(message, { cause })
}

/** Node's `fetch failed` keeps what happened in its cause. */
function why(error: unknown): string {
  const { cause } = (error ?? {}) as { cause?: { code?: unknown } }
  return typeof cause?.code === "string" ? cause.code : "the connection failed"
}
