import { connect } from "node:net"

/** A request, byte for byte. */
export interface Sent {
  readonly method: string
  readonly target: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Buffer | null // null = it has none
  /** `cut`: less comes than was said, and then the end. */
  readonly framing: "length" | "chunks" | "cut"
}

export interface Got {
  readonly status: number // 0 = the connection ended without an answer
  readonly headers: Headers
  readonly body: Buffer
  readonly isStream: boolean // it was left after its first bytes
}

const PATIENCE_MS = 10_000

/** Sends it over a connection of its own, for no client would say everything. @throws Error when no answer comes */
export function sendRaw(port: number, request: Sent): Promise<Got> {
  return new Promise((done, fail) => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true })
    const chunks: Buffer[] = []
    const end = (): void => {
      clearTimeout(timer)
      socket.destroy()
      try {
        done(answerIn(Buffer.concat(chunks)))
      } catch (error) {
        fail(error)
      }
    }
    const timer = setTimeout(() => {
      socket.destroy()
      fail(new Error(`No answer came within ${PATIENCE_MS} ms.`))
    }, PATIENCE_MS)
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk)
      if (/content-type: text\/event-stream/i.test(Buffer.concat(chunks).toString("latin1"))) end()
    })
    socket.on("end", end)
    // Who refuses a body before it has come may end the connection while it is still being sent.
    socket.on("error", end)
    for (const piece of piecesOf(request)) socket.write(piece)
    if (request.framing === "cut") socket.end()
  })
}

function piecesOf({ method, target, headers, body, framing }: Sent): Buffer[] {
  const lines = [`${method} ${target} HTTP/1.1`, "Host: shop.example", "Connection: close"]
  for (const [name, value] of headers) lines.push(`${name}: ${value}`)
  if (body === null) return [head(lines)]
  if (framing !== "chunks") {
    const sent = framing === "cut" ? body.subarray(0, Math.floor(body.length / 2)) : body
    const said = framing === "cut" ? body.length + 1 : body.length
    return [head([...lines, `Content-Length: ${said}`]), sent]
  }
  const [first, second] = [body.subarray(0, 7), body.subarray(7)]
  const chunks = [first, second].filter((each) => each.length > 0).flatMap(chunkOf)
  return [head([...lines, "Transfer-Encoding: chunked"]), ...chunks, Buffer.from("0\r\n\r\n")]
}

function head(lines: readonly string[]): Buffer {
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1")
}

function chunkOf(bytes: Buffer): Buffer[] {
  return [Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]
}

function answerIn(bytes: Buffer): Got {
  const at = bytes.indexOf("\r\n\r\n")
  if (at === -1) return { status: 0, headers: new Headers(), body: bytes, isStream: false }
  const [line = "", ...fields] = bytes.subarray(0, at).toString("latin1").split("\r\n")
  const status = Number(line.split(" ")[1])
  if (status === 100) return answerIn(bytes.subarray(at + 4))
  const headers = new Headers()
  for (const field of fields)
    headers.append(field.slice(0, field.indexOf(":")), field.slice(field.indexOf(":") + 1))
  const rest = bytes.subarray(at + 4)
  const isStream = headers.get("content-type")?.startsWith("text/event-stream") === true
  const body = headers.get("transfer-encoding") === "chunked" && !isStream ? joined(rest) : rest
  return { status, headers, body, isStream }
}

function joined(bytes: Buffer): Buffer {
  const pieces: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf("\r\n", at)
    const size = Number.parseInt(bytes.subarray(at, end).toString("latin1"), 16)
    if (!(size > 0)) break
    pieces.push(bytes.subarray(end + 2, end + 2 + size))
    at = end + 2 + size + 2
  }
  return Buffer.concat(pieces)
}
