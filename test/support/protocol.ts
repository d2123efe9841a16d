/** A message from a client to the server, as far as tests look into it. */
export interface FrontendMessage {
  readonly type: "startup" | "query" | "parse" | "bind" | "execute" | "sync" | "terminate" | "other"
  readonly sql: string // of what is asked, also where the statement was named before; "" = none
  readonly values: Buffer // what is bound to it, as it came
  readonly bytes: Buffer // as it came
}

type Asked = Pick<FrontendMessage, "sql" | "values">

const NO_BYTES = Buffer.alloc(0)
const NOTHING: Asked = { sql: "", values: NO_BYTES }

const TYPES: Readonly<Record<string, FrontendMessage["type"]>> = {
  Q: "query",
  P: "parse",
  B: "bind",
  E: "execute",
  S: "sync",
  X: "terminate",
}

/** Cuts what a client sends into messages, and remembers which statement and portal stands for which SQL. */
export class FrontendReader {
  readonly #statements = new Map<string, string>()
  readonly #portals = new Map<string, Asked>()
  #started = false
  #rest: Buffer = Buffer.alloc(0)

  read(chunk: Buffer): FrontendMessage[] {
    const messages: FrontendMessage[] = []
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    for (;;) {
      const head = this.#started ? 1 : 0
      if (bytes.length < head + 4) break
      const end = head + bytes.readUInt32BE(head)
      if (bytes.length < end) break
      messages.push(this.#message(bytes.subarray(0, end)))
      bytes = bytes.subarray(end)
    }
    this.#rest = bytes
    return messages
  }

  #message(bytes: Buffer): FrontendMessage {
    if (!this.#started) {
      this.#started = true
      return { type: "startup", ...NOTHING, bytes }
    }
    const type = TYPES[String.fromCharCode(bytes[0] as number)] ?? "other"
    return { type, ...this.#asked(type, bytes.subarray(5)), bytes }
  }

  #asked(type: FrontendMessage["type"], body: Buffer): Asked {
    if (type === "query") return { sql: textAt(body, 0).text, values: NO_BYTES }
    if (type === "parse") {
      const name = textAt(body, 0)
      const sql = textAt(body, name.end).text
      this.#statements.set(name.text, sql)
      return { sql, values: NO_BYTES }
    }
    if (type === "bind") {
      const portal = textAt(body, 0)
      const statement = textAt(body, portal.end)
      const sql = this.#statements.get(statement.text) ?? ""
      const asked = { sql, values: body.subarray(statement.end) }
      this.#portals.set(portal.text, asked)
      return asked
    }
    return type === "execute" ? (this.#portals.get(textAt(body, 0).text) ?? NOTHING) : NOTHING
  }
}

/** Reads along with what the server answers: how many queries it has done with, and who serves us. */
export class BackendReader {
  ready = 0
  rows = 0
  processId = 0 // of the backend; 0 = not told yet
  #rest: Buffer = Buffer.alloc(0)

  read(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    while (bytes.length >= 5) {
      const end = 1 + bytes.readUInt32BE(1)
      if (bytes.length < end) break
      if (bytes[0] === READY_FOR_QUERY) this.ready++
      else if (bytes[0] === DATA_ROW) this.rows++
      else if (bytes[0] === BACKEND_KEY_DATA) this.processId = bytes.readUInt32BE(5)
      bytes = bytes.subarray(end)
    }
    this.#rest = bytes
  }
}

const READY_FOR_QUERY = "Z".charCodeAt(0)
const DATA_ROW = "D".charCodeAt(0)
const BACKEND_KEY_DATA = "K".charCodeAt(0)

function textAt(bytes: Buffer, start: number): { text: string; end: number } {
  const zero = bytes.indexOf(0, start)
  return { text: bytes.toString("utf8", start, zero), end: zero + 1 }
}
