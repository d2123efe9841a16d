import { commitIds } from "../../src/core/ids.ts"
import type { Change, ChangeResult } from "../../src/engine/commit.ts"
import type { KeptRecord, PruneRecords, RecordPageQuery } from "../../src/engine/runs.ts"
import { Identity } from "../../src/identity/identity.ts"
import { Keys, type KeysOptions } from "../../src/identity/keys.ts"
import { Passwords } from "../../src/identity/password.ts"
import type { RecordSource } from "../../src/identity/records.ts"

/** Records that are kept in memory, by the rules of the port. */
export class MemoryRecords implements RecordSource {
  readonly rows = new Map<string, string>()
  /** How often something was read. */
  reads = 0

  async write(change: Change): Promise<ChangeResult> {
    if (change.kind === "prune-records") return this.#prune(change)
    if (change.kind !== "put-record") throw new Error(`Nobody expected a ${change.kind} here`)
    const { collection, id, value, ifAbsent, ifValue } = change
    const key = `${collection}/${id}`
    const there = this.rows.get(key)
    const isTaken = ifAbsent && there !== undefined
    const isChanged = ifValue !== undefined && there !== ifValue
    if ((isTaken || isChanged) && there !== value)
      return { status: "conflict", message: "It is not as it was." }
    if (value === null) this.rows.delete(key)
    else this.rows.set(key, value)
    return { status: "ok" }
  }

  #prune({ collection, before, limit }: PruneRecords): ChangeResult {
    const old = this.#of(collection).filter(({ id }) => id < before)
    for (const { id } of old.slice(0, limit)) this.rows.delete(`${collection}/${id}`)
    return { status: "ok", count: Math.min(old.length, limit) }
  }

  #of(collection: string): KeptRecord[] {
    return [...this.rows]
      .filter(([key]) => key.startsWith(`${collection}/`))
      .map(([key, value]) => ({ id: key.slice(collection.length + 1), value }))
      .sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  readonly queries = {
    record: async (collection: string, id: string) => {
      this.reads++
      return this.rows.get(`${collection}/${id}`) ?? null
    },
    records: async (collection: string) => {
      this.reads++
      return this.#of(collection)
    },
    recordPage: async (collection: string, { before = "~", limit }: RecordPageQuery) => {
      this.reads++
      const items = this.#of(collection)
        .filter(({ id }) => id < before)
        .reverse()
        .slice(0, limit)
      return { items, cursor: items.length === limit ? (items.at(-1)?.id ?? null) : null }
    },
  }
}

const SECRET = "a-secret-of-at-least-thirty-two-letters"

/** An identity on records in memory, or on those of another process's, with a clock that stands still. */
export function identityInMemory({
  source = new MemoryRecords(),
  time = { now: Date.UTC(2026, 2, 1) },
  ...keys
}: { source?: MemoryRecords; time?: { now: number } } & Partial<KeysOptions> = {}) {
  const now = (): number => time.now
  const identity = new Identity({
    source,
    keys: new Keys({ secret: SECRET, file: null, env: {}, warn: () => {}, ...keys }),
    now,
    monotonic: now,
    newId: commitIds(now, Math.random),
    auditRetentionMs: 365 * 24 * 60 * 60 * 1_000,
    onError: (error) => {
      throw error
    },
    passwords: new Passwords({ log2n: 4, r: 8, p: 1 }),
  })
  return { identity, source, time }
}
