import type { CarillonServer } from "../../../src/server/index.ts"

/** A request as somebody would type it. */
export interface Wish {
  readonly token?: string
  readonly body?: unknown // a stream or a text goes as it is
  readonly headers?: Readonly<Record<string, string>>
  /** An answer without an end is read until this was in it. */
  readonly until?: string
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

/** Asks a server in this process. */
export class Asking {
  readonly #server: CarillonServer

  constructor(server: CarillonServer) {
    this.#server = server
  }

  send(method: string, path: string, { token, body, headers }: Wish = {}): Promise<Response> {
    const isRaw = typeof body === "string" || body instanceof ReadableStream
    const request = new Request(`http://carillon.test${path}`, {
      method,
      headers: {
        "x-request-id": "req-1",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: isRaw ? body : JSON.stringify(body), duplex: "half" }),
    } as RequestInit)
    return this.#server.fetch(request)
  }

  async ask(method: string, path: string, wish?: Wish): Promise<Answer> {
    const response = await this.send(method, path, wish)
    const { status, headers } = response
    const text = wish?.until === undefined ? await response.text() : await readUntil(response, wish.until)
    return { status, headers: Object.fromEntries(headers), text }
  }

  /** @throws Error for a refusal */
  async json<T = Record<string, unknown>>(method: string, path: string, wish?: Wish): Promise<T> {
    const { status, text } = await this.ask(method, path, wish)
    if (status >= 400) throw new Error(`${method} ${path} answered ${status}: ${text}`)
    return (text === "" ? null : JSON.parse(text)) as T
  }
}

async function readUntil({ body }: Response, mark: string): Promise<string> {
  const decoder = new TextDecoder()
  let text = ""
  for await (const chunk of body ?? []) {
    text += decoder.decode(chunk, { stream: true })
    if (text.includes(mark)) break
  }
  return text
}

/**
 * What two answers have in common that say the same: what chance made is replaced by its place in the answer, so that
 * two ids that are one stay one.
 */
export function plain({ status, headers, text }: Answer): Answer {
  const names = new Map<string, string>()
  const named = (kind: string) => (found: string) => {
    if (!names.has(found)) names.set(found, `<${kind} ${names.size + 1}>`)
    return names.get(found) as string
  }
  const said = (value: string): string =>
    CHANCE.reduce((rest, [kind, pattern]) => rest.replaceAll(pattern, named(kind)), value)
  return {
    status,
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, said(value)])),
    text: said(text),
  }
}

const CHANCE: readonly (readonly [string, RegExp])[] = [
  ["cursor", /(?<="cursor":")[^"]+|(?<=^id: )\S+$|(?<=cursor=)[\w-]+/gm],
  ["token", /(?<=crl_[0-9A-Z]{26}_)[\w-]{43}/g],
  ["login", /(?<="token":")[\w-]+\.[\w.-]+/g],
  // Replays of all scopes share one sequence.
  ["replay", /(?<=\brpl_)\d+|(?<="replay":)[1-9]\d*/g],
  ["secret", /\b[0-9a-f]{64}\b|(?<=whsec_)[\w+/]+=*/g],
  // The ten digits before are the time, by a clock that a test moves.
  ["chance", /(?<=[0-9A-HJKMNP-TV-Z]{10})[0-9A-HJKMNP-TV-Z]{16}/g],
]
