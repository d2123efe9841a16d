import qs from "qs"
import { HttpError } from "./http-error.ts"

export interface BodyOptions {
  readonly mostBytes: number
  /** Also hand on the bytes as they came. */
  readonly raw: boolean
}

export interface ReadBody {
  readonly body: unknown
  readonly raw: Buffer | undefined
}

/** The body by its media type; `{}` when there is none, or one of a kind that the handler has to read itself. */
export async function readBody(request: Request, { mostBytes, raw }: BodyOptions): Promise<ReadBody> {
  const kind = kindOf(request.headers.get("content-type") ?? "")
  if (request.body === null || kind === null) return { body: {}, raw: undefined }
  refuseEncoded(request.headers.get("content-encoding"))
  const bytes = await bytesOf(request, mostBytes)
  return { body: bytes.length === 0 ? {} : parsed(bytes, kind), raw: raw ? bytes : undefined }
}

type Kind = "json" | "form" | "text"

function kindOf(contentType: string): Kind | null {
  const type = contentType.split(";")[0]?.trim().toLowerCase() ?? ""
  if (type === "application/json" || type.endsWith("+json")) return "json"
  if (type === "application/x-www-form-urlencoded") return "form"
  return type.startsWith("text/") ? "text" : null
}

/** A small packed body may unpack to a very large one. */
function refuseEncoded(encoding: string | null): void {
  if (encoding !== null && encoding.toLowerCase() !== "identity")
    throw new HttpError(415, "Expected a body without `Content-Encoding`: send it as it is.")
}

async function bytesOf(request: Request, mostBytes: number): Promise<Buffer> {
  if (Number(request.headers.get("content-length") ?? 0) > mostBytes) throw tooLarge(mostBytes)
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of chunksOf(request)) {
    length += chunk.length
    if (length > mostBytes) throw tooLarge(mostBytes)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

async function* chunksOf(request: Request): AsyncGenerator<Uint8Array> {
  try {
    yield* request.body ?? []
  } catch (cause) {
    throw new HttpError(400, "Expected the whole body, but the connection ended before.", { cause })
  }
}

/** Nobody wants to read the rest only to use the connection again. */
function tooLarge(mostBytes: number): HttpError {
  return new HttpError(413, `Expected a body of at most ${mostBytes} bytes.`, {
    headers: { connection: "close" },
  })
}

function parsed(bytes: Buffer, kind: Kind): unknown {
  const text = textOf(bytes)
  if (kind === "text") return text
  if (kind === "form") return qs.parse(text, { depth: 5, parameterLimit: 1_000, arrayLimit: 100 })
  const value = parseJson(text)
  refuseTraps(value)
  return value
}

function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new HttpError(400, "Expected a body in UTF-8.", { cause })
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new HttpError(400, "Expected a body that is JSON.", { cause })
  }
}

const DEEPEST = 100

/** Keys that reach a prototype where objects are merged, and depth that ends recursive code. */
function refuseTraps(root: unknown): void {
  let level: unknown[] = [root]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEEPEST) throw new HttpError(400, `Expected JSON that is nested at most ${DEEPEST} deep.`)
    const next: unknown[] = []
    for (const value of level) {
      if (typeof value !== "object" || value === null) continue
      if (Object.hasOwn(value, "__proto__") || hasOwnPrototype(value))
        throw new HttpError(400, "Expected JSON without the keys `__proto__` and `constructor.prototype`.")
      for (const inner of Object.values(value)) if (typeof inner === "object") next.push(inner)
    }
    level = next
  }
}

function hasOwnPrototype(value: object): boolean {
  if (!Object.hasOwn(value, "constructor")) return false
  const inner = (value as { constructor: unknown }).constructor
  return typeof inner === "object" && inner !== null && Object.hasOwn(inner, "prototype")
}
