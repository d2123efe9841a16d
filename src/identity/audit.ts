import { codeOf, expected, InvalidInputError } from "../core/errors.ts"
import { commitIdFrom, commitTime } from "../core/ids.ts"
import { compileNamePattern } from "../core/pattern.ts"
import type { Scopes } from "../core/scope.ts"
import { type Access, type Actor, canSeeAll, OWN_PROCESS } from "./access.ts"
import { shortened, smallDetails } from "./audit-details.ts"
import { type RecordSource, Records } from "./records.ts"

/** Who did what, or wanted to. */
export interface AuditEntry {
  readonly id: string // aud_…, sorts by time
  readonly at: Date
  readonly actor: Actor
  /** What was done to which kind of thing: `delivery.redrive`, `token.create`. */
  readonly action: string
  readonly target: string | null // null = no single one
  readonly scopes: Scopes // where it had an effect; their keys
  /** How it was asked for and what came of it, in few words and numbers: never a payload or a secret. */
  readonly details: Readonly<Record<string, unknown>>
  /** `asked`: it was begun, and nobody knows how it ended. */
  readonly outcome: "asked" | "done" | "failed"
  readonly error: string | null // null = it did not fail
}

/** What somebody is about to do. */
export interface Act {
  readonly action: string
  readonly target?: string | null
  /** @defaultValue the scopes of whoever does it */
  readonly scopes?: Scopes
  readonly details?: Readonly<Record<string, unknown>>
}

export interface AuditRequest {
  /** An id or a name. */
  readonly actor?: string
  /** An action, or several: `token.*`. */
  readonly action?: string
  readonly from?: Date | number
  readonly to?: Date | number
  /** From 1 to 1,000. @defaultValue 50 */
  readonly limit?: number
  readonly cursor?: string
}

export interface AuditPage {
  readonly items: readonly AuditEntry[]
  readonly cursor: string | null // null = there are no more
}

interface AuditRecord extends Omit<AuditEntry, "at" | "id"> {
  readonly id: string
}

export interface AuditLogOptions {
  readonly source: RecordSource
  readonly now: () => number
  /** A part of an id that is unique and sorts by time: 26 digits and capital letters. */
  readonly newId: () => string
  readonly retentionMs: number
  readonly onError: (error: unknown) => void
}

const COLLECTION = "audit"
/** Rows to a look, and the looks of one request: entries of others are passed over, but not for ever. */
const LOOK = 500
const MOST_LOOKS = 10
const SLICE = 500

/** The trace of what was changed, and by whom. */
export class AuditLog {
  readonly #options: AuditLogOptions
  readonly #records: Records<AuditRecord>

  constructor(options: AuditLogOptions) {
    this.#options = options
    this.#records = new Records(options.source, COLLECTION)
  }

  /**
   * Does something that leaves a trace: the entry is written before, and completed afterwards. `work` may add to its
   * details. Where the entry cannot be written nothing is done.
   */
  async audited<T>(by: Access, act: Act, work: (note: Note) => Promise<T>): Promise<T> {
    let entry = this.#entry(by, act)
    await this.#records.set(entry.id, entry)
    const note: Note = (details) => {
      entry = { ...entry, details: smallDetails({ ...entry.details, ...details }) }
    }
    try {
      const result = await work(note)
      await this.#complete({ ...entry, outcome: "done" })
      return result
    } catch (error) {
      await this.#complete({ ...entry, outcome: "failed", error: wordsOf(error, act) })
      throw error
    }
  }

  /** Newest first; those whose scopes `by` may all see. A page may be short, or empty, and have others after it. */
  async list(request: AuditRequest = {}, by: Access = OWN_PROCESS): Promise<AuditPage> {
    const { limit = 50, cursor } = request
    if (!Number.isSafeInteger(limit) || limit < 1 || limit > 1_000)
      throw new InvalidInputError(expected("`limit` to be a whole number from 1 to 1000", limit))
    const isWanted = wantedBy(request, by)
    const [from, to] = [idAt(request.from, "from"), idAt(request.to, "to")]
    const items: AuditEntry[] = []
    let before = earlier(checkedCursor(cursor), to)
    for (let look = 0; look < MOST_LOOKS; look++) {
      const page = await this.#options.source.queries.recordPage(COLLECTION, { before, limit: LOOK })
      for (const { id, value } of page.items) {
        if (from !== undefined && id < from) return { items, cursor: null }
        const entry = entryOf(JSON.parse(value) as AuditRecord)
        if (isWanted(entry)) items.push(entry)
        if (items.length === limit) return { items, cursor: id }
        before = id
      }
      if (page.cursor === null) return { items, cursor: null }
    }
    return { items, cursor: before ?? null }
  }

  /** Deletes what is older than the retention, a little at a time. */
  async prune(): Promise<number> {
    const { source, now, retentionMs } = this.#options
    const before = `aud_${commitIdFrom(now() - retentionMs)}`
    for (let pruned = 0; ; ) {
      const result = await source.write({
        kind: "prune-records",
        collection: COLLECTION,
        before,
        limit: SLICE,
      })
      const count = result.status === "ok" ? (result.count ?? 0) : 0
      pruned += count
      if (count < SLICE) return pruned
    }
  }

  #entry(by: Access, { action, target = null, scopes = by.scopes, details = {} }: Act): AuditRecord {
    return {
      id: `aud_${this.#options.newId()}`,
      actor: by.actor,
      action,
      target: target === null ? null : shortened(target),
      scopes,
      details: smallDetails(details),
      outcome: "asked",
      error: null,
    }
  }

  /** What was done is done: that its end could not be noted does not undo it. The entry stays as asked. */
  async #complete(entry: AuditRecord): Promise<void> {
    await this.#records.set(entry.id, entry).catch(this.#options.onError)
  }
}

export type Note = (details: Readonly<Record<string, unknown>>) => void

function entryOf(record: AuditRecord): AuditEntry {
  const { id, ...rest } = record
  return { id, at: new Date(commitTime(id.slice("aud_".length))), ...rest }
}

function wantedBy({ actor, action }: AuditRequest, by: Access): (entry: AuditEntry) => boolean {
  const fits = action === undefined ? () => true : compileNamePattern(action)
  return (entry) =>
    canSeeAll(by, entry.scopes) &&
    fits(entry.action) &&
    (actor === undefined || entry.actor.id === actor || entry.actor.name === actor)
}

function idAt(at: Date | number | undefined, name: string): string | undefined {
  if (at === undefined) return undefined
  const time = Number(at)
  if (Number.isFinite(time)) return `aud_${commitIdFrom(time)}`
  throw new InvalidInputError(expected(`\`${name}\` to be a time`, at))
}

function checkedCursor(cursor: string | undefined): string | undefined {
  if (cursor === undefined || /^aud_[0-9A-Z]{26}$/.test(cursor)) return cursor
  throw new InvalidInputError("Expected a cursor that this list returned, got another.")
}

function earlier(one: string | undefined, other: string | undefined): string | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return one < other ? one : other
}

/** Whose data it is stands in what was asked for, and so in what is said of that. */
const WITHOUT_WORDS: ReadonlySet<string> = new Set(["data.erase"])

/** Only what we say ourselves is known to hold no payload. */
function wordsOf(error: unknown, { action }: Act): string {
  const code = codeOf(error)
  if (code?.startsWith("CARILLON_") && error instanceof Error)
    return WITHOUT_WORDS.has(action) ? code : error.message
  return error instanceof Error ? error.name : "an error"
}
