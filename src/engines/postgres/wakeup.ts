import { setTimeout as sleep } from "node:timers/promises"
import type { Client } from "pg"
import type { WakeupPort } from "../../engine/wakeup.ts"
import type { Database } from "./database.ts"

type Listener = (groups: readonly string[] | null) => void

export interface WakeupOptions {
  readonly database: Database
  readonly connect: () => Client // one of our own: what is listened for belongs to a session
  readonly listens: boolean // false = there is no session to listen in; polling has to do
  readonly token: string // ours: what we tell others we know ourselves
}

/** Hints of one process are at least so far apart; what comes between goes with the next. */
const PAUSE_MS = 5
const LONGEST_PAYLOAD = 7_000
const FIRST_RETRY_MS = 100
const LONGEST_RETRY_MS = 10_000
const LAST_WORDS_MS = 1_000
/** A connection whose other side has gone silent looks alive: it is asked now and then. */
const TEST_EVERY_MS = 120_000

/**
 * NOTIFY and LISTEN.
 *
 * A hint never stands in the transaction that it speaks of: notifying there takes a lock over the whole
 * server through the flush of the log, and would end all group commit, the application's own included.
 */
export class Wakeup implements WakeupPort {
  readonly #options: WakeupOptions
  readonly #channel: string
  readonly #listeners = new Set<Listener>()
  #groups: Set<string> | null | undefined // undefined = nothing to tell, null = everybody
  #timer: NodeJS.Timeout | null = null
  #sentAt = Number.NEGATIVE_INFINITY
  #sending: Promise<void> | null = null
  #client: Client | null = null
  #retry: NodeJS.Timeout | null = null
  #retryMs = FIRST_RETRY_MS
  #test: NodeJS.Timeout | null = null
  #closed = false

  constructor(options: WakeupOptions) {
    this.#options = options
    this.#channel = options.database.options.schema
  }

  hint(groups: readonly string[] | null): void {
    if (this.#closed || groups?.length === 0) return
    if (groups === null || this.#groups === null) this.#groups = null
    else this.#groups = new Set([...(this.#groups ?? []), ...groups])
    if (this.#timer !== null || this.#sending !== null) return
    const wait = this.#sentAt + PAUSE_MS - performance.now()
    if (wait <= 0) this.#send()
    else this.#timer = setTimeout(() => this.#send(), wait)
  }

  listen(onHint: Listener): () => void {
    this.#listeners.add(onHint)
    if (this.#options.listens && this.#client === null && this.#retry === null) void this.#connect()
    return () => {
      this.#listeners.delete(onHint)
      if (this.#listeners.size === 0) this.#disconnect()
    }
  }

  /** Tells first what is still to be told: whoever emits and stops would be heard only at the next poll. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#disconnect()
    const told = async (): Promise<void> => {
      await this.#sending
      this.#send()
      await this.#sending
    }
    await Promise.race([told(), sleep(LAST_WORDS_MS, undefined, { ref: false })])
  }

  #send(): void {
    this.#timer = null
    const groups = this.#groups
    if (groups === undefined) return
    this.#groups = undefined
    this.#sentAt = performance.now()
    this.#sending = this.#notify(groups).finally(() => {
      this.#sending = null
      if (this.#groups !== undefined) this.hint(this.#groups === null ? null : [...this.#groups])
    })
  }

  /** A hint may be lost: polling is the net. */
  async #notify(groups: ReadonlySet<string> | null): Promise<void> {
    try {
      await this.#options.database.callOn("commits", NOTIFY, [this.#channel, this.#payload(groups)])
    } catch {
      // The others find it by themselves a little later.
    }
  }

  #payload(groups: ReadonlySet<string> | null): string {
    const payload = JSON.stringify({ from: this.#options.token, groups: groups && [...groups] })
    return payload.length <= LONGEST_PAYLOAD
      ? payload
      : JSON.stringify({ from: this.#options.token, groups: null })
  }

  async #connect(): Promise<void> {
    this.#retry = null
    const client = this.#options.connect()
    this.#client = client
    client.on("error", () => this.#lost(client))
    client.on("end", () => this.#lost(client))
    client.on("notification", ({ payload }) => this.#receive(payload))
    try {
      await client.connect()
      await client.query(`LISTEN "${this.#channel.replaceAll('"', '""')}"`)
      this.#retryMs = FIRST_RETRY_MS
      this.#test = setInterval(() => this.#probe(client), TEST_EVERY_MS)
      this.#test.unref()
      this.#tell(null) // what was told while nobody listened
    } catch {
      this.#lost(client)
    }
  }

  #probe(client: Client): void {
    client.query("SELECT 1").catch(() => this.#lost(client))
  }

  #lost(client: Client): void {
    if (this.#client !== client) return
    this.#client = null
    if (this.#test !== null) clearInterval(this.#test)
    client.end().catch(() => {}) // it is broken already
    destroy(client)
    if (this.#closed || this.#listeners.size === 0) return
    this.#retry = setTimeout(() => void this.#connect(), this.#retryMs)
    this.#retry.unref()
    this.#retryMs = Math.min(LONGEST_RETRY_MS, this.#retryMs * 2)
  }

  #disconnect(): void {
    if (this.#retry !== null) clearTimeout(this.#retry)
    if (this.#test !== null) clearInterval(this.#test)
    this.#retry = null
    const client = this.#client
    this.#client = null
    if (client === null) return
    client.end().catch(() => {}) // the server notices by itself
  }

  #receive(payload: string | undefined): void {
    const hint = parse(payload)
    if (hint === null || hint.from === this.#options.token) return
    this.#tell(hint.groups)
  }

  #tell(groups: readonly string[] | null): void {
    for (const listener of this.#listeners) listener(groups)
  }
}

/** It needs no flush of the log: a hint that is lost with the server is no loss. */
const NOTIFY = {
  name: "carillon_notify",
  sql: "SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)",
}

interface Hint {
  readonly from: string
  readonly groups: readonly string[] | null
}

/** Anybody may notify on our channel: what we cannot read concerns us, perhaps. */
function parse(payload: string | undefined): Hint | null {
  try {
    const { from, groups } = JSON.parse(payload ?? "") as Partial<Hint>
    return { from: String(from), groups: Array.isArray(groups) ? groups : null }
  } catch {
    return { from: "", groups: null }
  }
}

/** A socket whose other side is silent would linger for minutes. */
function destroy(client: Client): void {
  const { connection } = client as unknown as { connection?: { stream?: { destroy(): void } } }
  connection?.stream?.destroy()
}
