import type { Clock } from "../core/clock.ts"
import { ENDPOINT_STATES, type EndpointState, readEndpointState } from "../core/endpoint.ts"
import type { RecordSource } from "../identity/records.ts"

export interface EndpointStatesOptions {
  readonly records: RecordSource
  readonly clock: Clock
  /** Another process wrote these endpoints' states since they were read last. */
  readonly onChange: (ids: readonly string[]) => void
  readonly onError: (error: unknown) => void
}

/** While something is sent, states are read again this often. */
const FRESH_MS = 1_000

/** What was read longer ago than this is not relied on. */
const STALE_MS = 5_000

/**
 * The states of endpoints as all processes share them: written only when one changes, read again only while something
 * is sent. The last writer does not win: who writes says what it saw.
 */
export class EndpointStates {
  readonly #options: EndpointStatesOptions
  readonly #texts = new Map<string, string>()
  readonly #touched = new Set<string>() // written since the look began that is under way
  #readAt = Number.NEGATIVE_INFINITY // monotonic
  #reading: Promise<void> | null = null

  constructor(options: EndpointStatesOptions) {
    this.#options = options
  }

  get(id: string): EndpointState {
    return readEndpointState(this.#texts.get(id) ?? null)
  }

  /** Resolves when the states are known well enough to send by. */
  async fresh(): Promise<void> {
    const age = this.#options.clock.monotonic() - this.#readAt
    if (age < FRESH_MS) return
    const reading = this.read()
    if (age >= STALE_MS) await reading
    else reading.catch(this.#options.onError)
  }

  /** Reads them all: there are records of those only that something is wrong with. */
  read(): Promise<void> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null
    })
    return this.#reading
  }

  /** Reads them once more, for something that was written just now: a look that is under way may have missed it. */
  async readAgain(): Promise<void> {
    await this.#reading?.catch(() => undefined) // whoever began it hears of it
    await this.read().catch(this.#options.onError)
  }

  /** True when it is written; false when somebody else wrote meanwhile, and that is now known. */
  async move(id: string, to: EndpointState): Promise<boolean> {
    const before = this.#texts.get(id)
    const isOver = to.phase === "sending" && to.failing === null && to.stalled === null
    const value = isOver ? null : JSON.stringify(to)
    if (value === (before ?? null)) return true
    const condition =
      before === undefined || isOver ? { ifAbsent: !isOver } : { ifAbsent: false, ifValue: before }
    const put = { kind: "put-record", collection: ENDPOINT_STATES, id, value, ...condition } as const
    const { status } = await this.#options.records.write(put)
    const stands = status === "ok" ? value : await this.#options.records.queries.record(ENDPOINT_STATES, id)
    this.#touched.add(id)
    this.#note(id, stands)
    return status === "ok"
  }

  async #read(): Promise<void> {
    this.#touched.clear()
    const rows = await this.#options.records.queries.records(ENDPOINT_STATES)
    this.#readAt = this.#options.clock.monotonic()
    const found = new Map(rows.map(({ id, value }) => [id, value]))
    const ids = [...new Set([...this.#texts.keys(), ...found.keys()])]
    // What was written meanwhile, the look may have missed.
    const changed = ids.filter((id) => !this.#touched.has(id) && this.#texts.get(id) !== found.get(id))
    for (const id of changed) this.#note(id, found.get(id) ?? null)
    if (changed.length > 0) this.#options.onChange(changed)
  }

  #note(id: string, text: string | null): void {
    if (text === null) this.#texts.delete(id)
    else this.#texts.set(id, text)
  }
}
