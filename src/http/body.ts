import qs from "qs"
import { HttpError } from "./http-error.ts"
import type { ReceivedBody } from "./received.ts"
import { WebRequest } from "./web-request.ts"

export interface BodyOptions {
  readonly mostBytes: number
  /** Also hand on the bytes as they came. */
  readonly raw: boolean
}

/** Where the bytes of bodies are counted while they are in memory. */
export interface Room {
  /** @throws HttpError (503) when there is no room for so many more */
  take(bytes: number): void
}

export interface ByteLimits {
  readonly mostBytes: number
  readonly room?: Room
}

export interface ReadBody {
  readonly body: unknown
  readonly raw: Buffer | undefined
}

/** The body by its media type; `{}` when there is none, or one of a kind that the handler has to read itself. */
export async function readBody(request: Request, { mostBytes, raw }: BodyOptions): Promise<ReadBody> {
  const kind = kindOf(request.headers.get("content-type") ?? "")
  if (request.body === null || kind === null) return { body: {}, raw: undefined }
  const bytes = await readBytes(new WebRequest(request), { mostBytes })
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

/** Text in another encoding would be read as what it is not. @throws HttpError (415) */
export function refuseCharset(body: Pick<ReceivedBody, "header">): void {
  const type = body.header("content-type")
  if (type === null || !type.includes(";")) return
  const charset = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(type)?.[1]
  if (charset !== undefined && !/^(utf-?8|us-ascii)$/i.test(charset))
    throw new HttpError(415, "Expected a body in UTF-8, got `Content-Type` with another `charset`.")
}

/** The body as it came. @throws HttpError when it is too large, packed, or cut off */
export async function readBytes(body: ReceivedBody, { mostBytes, room }: ByteLimits): Promise<Buffer> {
  refuseEncoded(body.header("content-encoding"))
  const said = body.header("content-length")
  if (Number(said ?? 0) > mostBytes) throw tooLarge(mostBytes)
  if (said === null || Number(said) > LARGE_BYTES) return inChunks(body, { mostBytes, room })
  const length = Number(said)
  room?.take(length)
  const bytes = await body.whole(length).catch(cutOff)
  if (bytes.byteLength > mostBytes) throw tooLarge(mostBytes)
  return bytes
}

/**
 * So much takes its room only as it comes: it is quickly said, and others would be turned away for nothing. What is less
 * takes it at once, for a server lets no more come than was said, and one piece costs half of what a stream does.
 */
const LARGE_BYTES = 64 * 1024

async function inChunks(body: ReceivedBody, { mostBytes, room }: ByteLimits): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of chunksOf(body.chunks())) {
    length += chunk.length
    if (length > mostBytes) throw tooLarge(mostBytes)
    room?.take(chunk.length)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

async function* chunksOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks
  } catch (cause) {
    cutOff(cause)
  }
}

function cutOff(cause: unknown): never {
  throw new HttpError(400, "Expected the whole body, but the connection ended before.", { cause })
}

/** Nobody wants to read the rest only to use the connection again. */
function tooLarge(mostBytes: number): HttpError {
  return new HttpError(413, `Expected a body of at most ${mostBytes} bytes.`, {
    headers: { connection: "close" },
  })
}

function parsed(bytes: Buffer, kind: Kind): unknown {
  if (kind === "json") return jsonIn(bytes)
  const text = textIn(bytes)
  return kind === "text" ? text : qs.parse(text, { depth: 5, parameterLimit: 1_000, arrayLimit: 100 })
}

/** @throws HttpError when it is no JSON, or JSON that is a trap for who reads it */
export function jsonIn(bytes: Uint8Array): unknown {
  const look = lookAt(bytes)
  const text = textIn(bytes)
  const value = parseJson(text)
  if (look.hasEscapes || look.hasLargeNumbers || TRAP_NAMES.some((name) => text.includes(name)))
    refuseTraps(value)
  return value
}

const utf8 = new TextDecoder("utf-8", { fatal: true })

/** @throws HttpError when it is not in UTF-8 */
export function textIn(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
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
const LONGEST_NUMBER = 308 // digits
const TRAP_NAMES = ["__proto__", "prototype"]

const [QUOTE, BACKSLASH, OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [
  0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d,
]
const [SMALL_U, SMALL_E, CAPITAL_E, ZERO, NINE] = [0x75, 0x65, 0x45, 0x30, 0x39]

/** What the bytes of a JSON text may hold, so that most values need not be walked through. */
interface Look {
  readonly hasEscapes: boolean // `\u005f` hides a letter of a name
  readonly hasLargeNumbers: boolean
}

/**
 * To parse what is nested deeply takes long, and nobody else is answered meanwhile: so that is looked for first.
 *
 * @throws HttpError when it is nested too deeply
 */
function lookAt(bytes: Uint8Array): Look {
  let [depth, digits] = [0, 0]
  let [isText, hasEscapes, hasLargeNumbers] = [false, false, false]
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number
    if (isText) {
      if (byte === QUOTE) isText = false
      else if (byte === BACKSLASH && bytes[++at] === SMALL_U) hasEscapes = true
    } else if (byte >= ZERO && byte <= NINE) {
      if (++digits > LONGEST_NUMBER) hasLargeNumbers = true
    } else {
      if (digits > 0 && (byte === SMALL_E || byte === CAPITAL_E)) hasLargeNumbers = true
      digits = 0
      if (byte === QUOTE) isText = true
      else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) {
        if (++depth > DEEPEST + 1) throw tooDeep()
      } else if (byte === CLOSE_BRACKET || byte === CLOSE_BRACE) depth--
    }
  }
  return { hasEscapes, hasLargeNumbers }
}

function tooDeep(): HttpError {
  return new HttpError(400, `Expected JSON that is nested at most ${DEEPEST} deep.`)
}

/** Keys that reach a prototype where objects are merged, and numbers that are none here: `1e400` would be kept as null. */
function refuseTraps(root: unknown): void {
  if (typeof root === "number") refuseEndless(root)
  const open: unknown[] = [root]
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value !== "object" || value === null) continue
    if (Object.hasOwn(value, "__proto__") || hasOwnPrototype(value))
      throw new HttpError(400, "Expected JSON without the keys `__proto__` and `constructor.prototype`.")
    for (const inner of Object.values(value))
      if (typeof inner === "object") open.push(inner)
      else if (typeof inner === "number") refuseEndless(inner)
  }
}

function refuseEndless(number: number): void {
  if (!Number.isFinite(number))
    throw new HttpError(400, "Expected numbers of less than 309 digits, got one that is larger.")
}

function hasOwnPrototype(value: object): boolean {
  if (!Object.hasOwn(value, "constructor")) return false
  const inner = (value as { constructor: unknown }).constructor
  return typeof inner === "object" && inner !== null && Object.hasOwn(inner, "prototype")
}
