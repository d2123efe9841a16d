import { codeOf } from "../core/errors.ts"
import { type KeyRing, keyIdOf } from "./key-ring.ts"
import type { Keys } from "./keys.ts"
import { type RecordSource, Records } from "./records.ts"

/** A collection of records some of whose fields are sealed. */
export interface SealedCollection {
  readonly collection: string
  readonly fields: readonly string[]
}

export interface SealedReport {
  /** How many values are sealed under each key. */
  readonly keys: readonly SealedUnderKey[]
  /** Values whose key is not on the ring: nobody can read them. */
  readonly unreadable: number
  /** Values under another key than the first: `reencrypt` brings them there. */
  readonly behind: number
}

export interface SealedUnderKey {
  readonly keyId: string
  readonly values: number
  readonly state: "first" | "known" | "unknown"
}

export interface ReencryptReport {
  readonly keyId: string | null // the key under which all are now; null = nothing is sealed
  readonly values: number
  readonly resealed: number
  /** What stayed as it was, because it could not be opened. */
  readonly unreadable: readonly UnreadableValue[]
}

export interface UnreadableValue {
  readonly collection: string
  readonly id: string
  readonly field: string
  readonly code: string // of the error
}

type Fields = Readonly<Record<string, unknown>>

const SLICE = 100

/** Knows where values are sealed, so that they can be counted and brought under another key. */
export class Sealed {
  readonly #source: RecordSource
  readonly #keys: Keys
  readonly #collections: SealedCollection[] = []

  constructor(source: RecordSource, keys: Keys) {
    this.#source = source
    this.#keys = keys
  }

  /** Whoever seals something says where. */
  add(collection: SealedCollection): void {
    this.#collections.push(collection)
  }

  /** Under which keys values are, and whether these are here. Makes no key. */
  async check(): Promise<SealedReport> {
    const counts = new Map<string, number>()
    for await (const { keyId } of this.#values()) counts.set(keyId, (counts.get(keyId) ?? 0) + 1)
    const ring = counts.size === 0 ? null : await this.#keys.existing()
    const keys = [...counts].map(([keyId, values]) => ({ keyId, values, state: stateOf(ring, keyId) }))
    const sum = (states: readonly string[]): number =>
      keys.reduce((all, { state, values }) => all + (states.includes(state) ? values : 0), 0)
    return { keys, unreadable: sum(["unknown"]), behind: sum(["known", "unknown"]) }
  }

  /**
   * Seals every value anew that is not under the first key. Interrupted, it can be called again; what is read and
   * changed meanwhile is not lost.
   */
  async reencrypt({
    onProgress,
  }: {
    readonly onProgress?: (soFar: { readonly values: number; readonly resealed: number }) => void
  } = {}): Promise<ReencryptReport> {
    let [values, resealed] = [0, 0]
    const unreadable: UnreadableValue[] = []
    for await (const { collection, id, field, keyId } of this.#values()) {
      values++
      const ring = await this.#keys.ring()
      if (keyId === ring.keyId) continue
      try {
        await this.#reseal(ring, { collection, id, field })
        resealed++
      } catch (error) {
        const code = codeOf(error)
        if (code !== "CARILLON_UNKNOWN_KEY" && code !== "CARILLON_SEAL") throw error
        unreadable.push({ collection, id, field, code })
      }
      onProgress?.({ values, resealed })
    }
    return { keyId: values === 0 ? null : (await this.#keys.ring()).keyId, values, resealed, unreadable }
  }

  async #reseal(ring: KeyRing, place: { collection: string; id: string; field: string }): Promise<void> {
    const { collection, id, field } = place
    await new Records<Fields>(this.#source, collection).change(id, (record) => {
      const sealed = record[field]
      return keyIdOf(sealed) === null || keyIdOf(sealed) === ring.keyId
        ? record
        : { ...record, [field]: ring.seal(place, ring.open(place, sealed as string)) }
    })
  }

  /** Every sealed value, a slice of records at a time. */
  async *#values(): AsyncGenerator<{ collection: string; id: string; field: string; keyId: string }> {
    for (const { collection, fields } of this.#collections) {
      let before: string | undefined
      do {
        const page = await this.#source.queries.recordPage(collection, { before, limit: SLICE })
        for (const { id, value } of page.items)
          for (const field of fields) {
            const keyId = keyIdOf((JSON.parse(value) as Fields)[field])
            if (keyId !== null) yield { collection, id, field, keyId }
          }
        before = page.cursor ?? undefined
      } while (before !== undefined)
    }
  }
}

function stateOf(ring: KeyRing | null, keyId: string): SealedUnderKey["state"] {
  if (ring === null || !ring.has(keyId)) return "unknown"
  return ring.keyId === keyId ? "first" : "known"
}
