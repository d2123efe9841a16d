import { expected, InvalidInputError, UnsupportedError } from "../../core/errors.ts"

/** What a handler answers with; the names are Express's. */
export interface AppResponse {
  /** 200 until it is set. */
  statusCode: number
  /** True once the answer was given: nothing can be added to it. */
  readonly headersSent: boolean
  /** @throws InvalidInputError for a number that is no HTTP status from 200 to 599 */
  status(code: number): this
  /** Answers with a value as JSON. */
  json(value?: unknown): this
  /** Answers with text, bytes, or a value as JSON. */
  send(body?: unknown): this
  /** Answers with a status alone. */
  sendStatus(code: number): this
  /** Answers with what was set so far, and text or bytes. */
  end(body?: string | Uint8Array): this
  redirect(url: string): this
  redirect(status: number, url: string): this
  set(name: string, value: string | number | readonly string[]): this
  set(headers: Readonly<Record<string, string | number>>): this
  setHeader(name: string, value: string | number | readonly string[]): this
  /** Adds to what the header has, as `Set-Cookie` needs it. */
  append(name: string, value: string | readonly string[]): this
  get(name: string): string | undefined
  getHeader(name: string): string | undefined
  removeHeader(name: string): this
  /** Sets `Content-Type`: `json`, `html`, `text`, or a full media type. */
  type(type: string): this
}

/** An answer while it is made. */
export class Answer implements AppResponse {
  statusCode = 200
  readonly headers: Headers = new Headers()
  /** Resolves with what the handler answered. */
  readonly given: Promise<Response>
  readonly #give: (response: Response) => void
  #isGiven = false

  constructor() {
    const { promise, resolve } = Promise.withResolvers<Response>()
    this.given = promise
    this.#give = resolve
  }

  get headersSent(): boolean {
    return this.#isGiven
  }

  status(code: number): this {
    if (!Number.isInteger(code) || code < 200 || code > 599)
      throw new InvalidInputError(expected("an HTTP status from 200 to 599", code))
    this.statusCode = code
    return this
  }

  json(value?: unknown): this {
    const text = JSON.stringify(value)
    if (!this.headers.has("content-type")) this.type("json")
    return this.end(text)
  }

  send(body?: unknown): this {
    if (body === undefined || body === null) return this.end()
    if (typeof body !== "string" && !(body instanceof Uint8Array)) return this.json(body)
    if (!this.headers.has("content-type")) this.type(typeof body === "string" ? "html" : "bin")
    return this.end(body)
  }

  sendStatus(code: number): this {
    return this.status(code).type("text").end(String(code))
  }

  end(body?: string | Uint8Array): this {
    const { statusCode: status, headers } = this
    this.#refuseLate()
    if (BODILESS.includes(status)) {
      headers.delete("content-type")
      return this.#answer(new Response(null, { status, headers }))
    }
    // A view on shared memory is no body to the types, and does not come here.
    const content = (body ?? null) as ConstructorParameters<typeof Response>[0]
    return this.#answer(new Response(content, { status, headers }))
  }

  redirect(first: string | number, second?: string): this {
    const [status, url] = typeof first === "number" ? [first, second] : [302, first]
    if (typeof url !== "string") throw new InvalidInputError(expected("a URL to redirect to", url))
    return this.status(status).set("location", encodedUrl(url)).end()
  }

  set(
    name: string | Readonly<Record<string, string | number>>,
    value?: string | number | readonly string[],
  ): this {
    if (typeof name !== "string") {
      for (const [each, its] of Object.entries(name)) this.set(each, its)
      return this
    }
    this.#refuseLate()
    this.headers.delete(name)
    for (const each of Array.isArray(value) ? value : [value]) this.headers.append(name, String(each))
    return this
  }

  setHeader(name: string, value: string | number | readonly string[]): this {
    return this.set(name, value)
  }

  append(name: string, value: string | readonly string[]): this {
    this.#refuseLate()
    for (const each of typeof value === "string" ? [value] : value) this.headers.append(name, each)
    return this
  }

  get(name: string): string | undefined {
    return this.headers.get(name) ?? undefined
  }

  getHeader(name: string): string | undefined {
    return this.get(name)
  }

  removeHeader(name: string): this {
    this.#refuseLate()
    this.headers.delete(name)
    return this
  }

  type(type: string): this {
    return this.set("content-type", TYPES[type] ?? type)
  }

  /** Answers with a web response that a handler returned, and the headers that were set before. */
  take(response: Response): this {
    this.#refuseLate()
    return this.#answer(withHeaders(response, this.headers))
  }

  #answer(response: Response): this {
    this.#isGiven = true
    this.#give(response)
    return this
  }

  #refuseLate(): void {
    if (this.#isGiven)
      throw new UnsupportedError(
        "Expected one answer to a request, got another after it. Return from the handler once it has answered.",
      )
  }
}

const BODILESS: readonly number[] = [204, 205, 304]

const TYPES: Readonly<Record<string, string>> = {
  json: "application/json; charset=utf-8",
  html: "text/html; charset=utf-8",
  text: "text/plain; charset=utf-8",
  bin: "application/octet-stream",
}

function withHeaders(response: Response, headers: Headers): Response {
  const missing = [...headers].filter(([name]) => name === "set-cookie" || !response.headers.has(name))
  if (missing.length === 0) return response
  const all = new Headers(response.headers)
  for (const [name, value] of missing) all.append(name, value)
  const { status, statusText } = response
  return new Response(response.body, { status, statusText, headers: all })
}

/** Letters that no header can carry; what is encoded already stays. */
function encodedUrl(url: string): string {
  return url.toWellFormed().replace(/[^\x21-\x7e]+/g, encodeURIComponent)
}
