import type { EngineName } from "../support/workflow-shop.ts"
import { ApiDocument, type Operation } from "./document.ts"
import { faultIn, operationAsked } from "./judge.ts"
import { Pool } from "./pool.ts"
import type { Drawing, Drawn, Who } from "./requests.ts"
import { ADA, FuzzShop } from "./shop.ts"
import { type Got, type Sent, sendRaw } from "./socket.ts"
import { changedIn, type State, stateOf } from "./state.ts"

/** Asks, judges each answer, and looks at what became of the store. */
export class Fuzzer implements Drawing {
  readonly document: ApiDocument
  readonly pool = new Pool()
  readonly accepted = new Set<string>() // operations that did what they are for, at least once
  readonly #shop: FuzzShop
  readonly #state: State
  #asked = 0

  private constructor(shop: FuzzShop, document: ApiDocument, state: State) {
    this.#shop = shop
    this.document = document
    this.#state = state
  }

  static async open(engine: EngineName): Promise<Fuzzer> {
    const shop = await FuzzShop.open(engine)
    const fuzzer = new Fuzzer(shop, await ApiDocument.at(shop.url), await stateOf(shop.database))
    await fuzzer.#lookAround()
    return fuzzer
  }

  get asked(): number {
    return this.#asked
  }

  /** @throws Error when the answer is not as the document says, or a refusal has changed something */
  async ask(operation: Operation, drawn: Drawn): Promise<void> {
    const credential = await this.#shop.credentialOf(drawn.who)
    const before = await this.#state.read()
    const got = await this.#send(drawn, credential)
    if (got.status === 401 && (await this.#isRevoked(drawn.who, credential)))
      return this.ask(operation, drawn)
    const faults = [faultIn(this.document, drawn, operation, got), ...this.#shop.errors.splice(0)]
    if (faults.some((each) => each !== null)) throw new Error(`${faults.join("\n")}\n${shown(drawn)}`)
    const isChange = got.status >= 200 && got.status < 300 && !SAFE.has(drawn.method)
    if (!isChange) await this.#checkUnchanged(before, drawn, () => this.#send(drawn, credential))
    this.#learn(operation, drawn, got)
  }

  async close(): Promise<void> {
    await this.#state.close()
    await this.#shop.close()
  }

  /** What is there can be seen in the lists. */
  async #lookAround(): Promise<void> {
    this.pool.learn("/auth/user/emailpass", ADA)
    for (const operation of this.document.operations) {
      const { method, path } = operation
      if (method !== "GET" || path.includes("{") || path === "/api/stream" || path === "/api/openapi.json")
        continue
      await this.ask(operation, {
        kind: "valid",
        who: "admin",
        method,
        target: path,
        headers: [],
        body: null,
        framing: "length",
      })
    }
  }

  /** One of the requests may have done that: then there is another. */
  async #isRevoked(who: Who, credential: string | null): Promise<boolean> {
    if (who === "nobody" || who === "stranger") return false
    if ((await this.#send(WHO_AM_I, credential)).status !== 401) return false
    this.#shop.forget(who)
    return true
  }

  /** Each from another address, as it were: who fails often to log in has to wait, and that is not the question here. */
  #send({ method, target, headers, body, framing }: Sent, credential: string | null): Promise<Got> {
    const no = ++this.#asked
    const address = `10.${no >> 16}.${(no >> 8) & 255}.${no & 255}`
    const said = credential === null ? [] : [["Authorization", credential] as const]
    const all = [["X-Forwarded-For", address] as const, ...said, ...headers]
    return sendRaw(this.#shop.port, { method, target, headers: all, body, framing })
  }

  /** What goes on by itself after an answer may be seen late: only what comes again is the request's doing. */
  async #checkUnchanged(
    before: ReadonlyMap<string, string>,
    drawn: Drawn,
    askAgain: () => Promise<Got>,
  ): Promise<void> {
    let changed = changedIn(before, await this.#state.read())
    for (let turn = 0; changed.length > 0 && turn < 2; turn++) {
      const start = await this.#state.read()
      await askAgain()
      changed = changedIn(start, await this.#state.read())
    }
    if (changed.length > 0) throw new Error(`A refusal has changed ${changed.join(", ")}\n${shown(drawn)}`)
  }

  #learn(operation: Operation, drawn: Drawn, { status, headers, body }: Got): void {
    if (status < 200 || status >= 300 || operationAsked(this.document, drawn) !== operation) return
    if (drawn.kind === "valid") this.accepted.add(operation.operationId)
    if (drawn.method === "DELETE") this.pool.forget(decodeURIComponent(lastOf(drawn.target)))
    else if (headers.get("content-type")?.includes("json") && operation.path !== "/api/openapi.json")
      this.pool.learn(operation.path, JSON.parse(body.toString() || "null"))
  }
}

function lastOf(target: string): string {
  const path = target.split("?", 1)[0] as string
  return path.slice(path.lastIndexOf("/") + 1)
}

const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"])
const WHO_AM_I: Sent = { method: "GET", target: "/api/me", headers: [], body: null, framing: "length" }

/** As it can be sent again. */
function shown({ kind, who, method, target, headers, body, framing }: Drawn): string {
  const text = body?.subarray(0, 1_500).toString("latin1") ?? ""
  const lines = headers.map(([name, value]) => `${name}: ${value}`)
  return [`${kind}, by ${who}, ${framing}`, `${method} ${target}`, ...lines, "", text].join("\n")
}
