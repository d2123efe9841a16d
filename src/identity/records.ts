import type { Change, ChangeResult } from "../engine/commit.ts"
import type { PutRecord, RunQueries } from "../engine/runs.ts"

/** Where users, tokens and the like are kept: the records of the store. */
export interface RecordSource {
  write(change: Change): Promise<ChangeResult>
  readonly queries: Pick<RunQueries, "record" | "records" | "recordPage">
}

/** The records of one collection, as values. */
export class Records<T> {
  readonly #source: RecordSource
  readonly #collection: string

  constructor(source: RecordSource, collection: string) {
    this.#source = source
    this.#collection = collection
  }

  async get(id: string): Promise<T | null> {
    const text = await this.#source.queries.record(this.#collection, id)
    return text === null ? null : (JSON.parse(text) as T)
  }

  async all(): Promise<readonly T[]> {
    const rows = await this.#source.queries.records(this.#collection)
    return rows.map(({ value }) => JSON.parse(value) as T)
  }

  /** False when there is one of that id already. */
  async add(id: string, value: T): Promise<boolean> {
    return (await this.#put(id, JSON.stringify(value), { ifAbsent: true })).status === "ok"
  }

  async set(id: string, value: T): Promise<void> {
    await this.#put(id, JSON.stringify(value))
  }

  /**
   * Makes another value of the one that stands there, and loses nothing that somebody else changes meanwhile: then
   * `make` is called again. Null when there is none.
   */
  async change(id: string, make: (value: T) => T | Promise<T>): Promise<T | null> {
    for (;;) {
      const text = await this.#source.queries.record(this.#collection, id)
      if (text === null) return null
      const made = await make(JSON.parse(text) as T)
      const { status } = await this.#put(id, JSON.stringify(made), { ifValue: text })
      if (status === "ok") return made
    }
  }

  async remove(id: string): Promise<void> {
    await this.#put(id, null)
  }

  #put(
    id: string,
    value: string | null,
    condition: Pick<Partial<PutRecord>, "ifAbsent" | "ifValue"> = {},
  ): Promise<ChangeResult> {
    const collection = this.#collection
    return this.#source.write({ kind: "put-record", collection, id, value, ifAbsent: false, ...condition })
  }
}
