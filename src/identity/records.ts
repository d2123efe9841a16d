import type { Change, ChangeResult } from "../engine/commit.ts"
import type { RunQueries } from "../engine/runs.ts"

/** Where users and secrets are kept: the records of the store. */
export interface RecordSource {
  write(change: Change): Promise<ChangeResult>
  readonly queries: Pick<RunQueries, "record" | "records">
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
    return (await this.#put(id, JSON.stringify(value), true)).status === "ok"
  }

  async set(id: string, value: T): Promise<void> {
    await this.#put(id, JSON.stringify(value), false)
  }

  async remove(id: string): Promise<void> {
    await this.#put(id, null, false)
  }

  #put(id: string, value: string | null, ifAbsent: boolean): Promise<ChangeResult> {
    return this.#source.write({ kind: "put-record", collection: this.#collection, id, value, ifAbsent })
  }
}
