import { parseDeliveryId } from "../core/ids.ts"
import { isEnded, isRunId } from "../core/run.ts"
import type { QueriesPort } from "../engine/queries.ts"
import type { RunRow } from "../engine/runs.ts"

/** What makes a run one of those that are meant. */
export interface RunSigns {
  /** Whether the event that it was started by is meant. */
  isCause(id: string, scope: string): boolean
  isDelivered(commitId: string, index: number): boolean
  /** Whether the run itself is: by its input. */
  isMeant(row: RunRow): boolean
  isWithin(scope: string): boolean
}

export interface FoundRuns {
  readonly ended: readonly FoundRun[] // in the order in which they are to be erased
  readonly open: readonly FoundRun[] // they go on, or one that goes on may need them
  /** The events that those were started by: without them nobody would find these again. */
  readonly holds: RunOrigins
}

export interface FoundRun {
  readonly no: number
  readonly id: string
}

/** Event ids with their scopes, and delivery ids. */
export interface RunOrigins {
  readonly causes: readonly { readonly id: string; readonly scope: string }[]
  readonly deliveries: readonly string[]
}

const PAGE = 200
const MOST_VERDICTS = 10_000

/**
 * Finds the runs that the meant events have started, directly or as steps of others, those that are meant by their
 * input, and those whose steps all of these are.
 *
 * What shows that a run is meant lies in runs that are older, or above it: a search that was cut short after some
 * were erased must still find the rest, so those that only stand above go first, then the newest.
 */
export class RunSearch {
  readonly #queries: QueriesPort
  readonly #signs: RunSigns
  readonly #verdicts = new Map<string, boolean>()
  readonly #links = new Map<string, Link | null>()

  constructor(queries: QueriesPort, signs: RunSigns) {
    this.#queries = queries
    this.#signs = signs
  }

  async find(): Promise<FoundRuns> {
    const below: Link[] = []
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await this.#queries.runs({ limit: PAGE, ...(cursor ? { cursor } : {}) })
      for (const row of page.items) if (await this.#isMeant(row)) below.push(this.#remember(row))
      cursor = page.cursor
    }
    const above = await this.#aboveOf(below)
    return this.#sorted([...above, ...below])
  }

  /** Itself, or what it is a step of, or what started it. */
  async #isMeant(row: RunRow): Promise<boolean> {
    if (!this.#signs.isWithin(row.scope)) return false
    const passed: string[] = []
    let meant = false
    for (let at: RunRow | null = row; at !== null && !meant; ) {
      const known = this.#verdicts.get(at.id)
      meant = known ?? this.#showsIt(at)
      passed.push(at.id)
      const up: string | null = known === undefined && !meant && passed.length < DEEPEST ? upOf(at) : null
      at = up === null ? null : await this.#queries.run(up)
    }
    if (this.#verdicts.size > MOST_VERDICTS) this.#verdicts.clear()
    for (const id of passed) this.#verdicts.set(id, meant)
    return meant && row.context.erasedAt === undefined
  }

  #showsIt(row: RunRow): boolean {
    const { causationId } = row.context
    if (causationId !== null && this.#signs.isCause(causationId, row.scope)) return true
    const key = parseDeliveryId(row.transactionId.split(":")[0] as string)
    return (key !== null && this.#signs.isDelivered(key.commitId, key.index)) || this.#signs.isMeant(row)
  }

  async #aboveOf(below: readonly Link[]): Promise<Link[]> {
    const seen = new Set(below.map(({ id }) => id))
    const above: Link[] = []
    for (const { parent } of below)
      for (let id = parent; id !== null && !seen.has(id); ) {
        seen.add(id)
        const link = await this.#linkOf(id)
        if (link !== null && !link.erased && this.#signs.isWithin(link.scope)) above.push(link)
        id = link?.parent ?? null
      }
    return above
  }

  async #sorted(found: readonly Link[]): Promise<FoundRuns> {
    const kept = new Set<string>()
    const holds = { causes: [] as RunOrigins["causes"][number][], deliveries: [] as string[] }
    for (const link of found)
      if (await this.#isNeeded(link))
        for (const each of await this.#lineOf(link)) {
          kept.add(each.id)
          if (each.cause !== null) holds.causes.push({ id: each.cause, scope: each.scope })
          holds.deliveries.push(each.delivery)
        }
    return {
      ended: found.filter(({ id }) => !kept.has(id)),
      open: found.filter(({ id }) => kept.has(id)),
      holds,
    }
  }

  /** It goes on, or may be undone with one above it that goes on. */
  async #isNeeded(link: Link): Promise<boolean> {
    for (let at: Link | null = link, i = 0; at !== null && i < DEEPEST; i++) {
      if (at.live) return true
      at = at.parent === null ? null : await this.#linkOf(at.parent)
    }
    return false
  }

  /** It and all that shows that it is meant. */
  async #lineOf(link: Link): Promise<Link[]> {
    const line: Link[] = []
    for (let at: Link | null = link; at !== null && line.length < DEEPEST; ) {
      line.push(at)
      at = at.up === null ? null : await this.#linkOf(at.up)
    }
    return line
  }

  async #linkOf(id: string): Promise<Link | null> {
    const known = this.#links.get(id)
    if (known !== undefined) return known
    const row = await this.#queries.run(id)
    if (row !== null) return this.#remember(row)
    this.#links.set(id, null)
    return null
  }

  #remember(row: RunRow): Link {
    const { no, id, scope, parent, context, transactionId, state, job } = row
    const link = {
      no,
      id,
      scope,
      parent: parent?.run ?? null,
      up: upOf(row),
      cause: context.causationId,
      delivery: transactionId.split(":")[0] as string,
      live: !isEnded(state) || job !== null,
      erased: context.erasedAt !== undefined,
    }
    this.#links.set(id, link)
    return link
  }
}

/** What of a run is remembered. */
interface Link extends FoundRun {
  readonly scope: string
  readonly parent: string | null // null = it is no step of another
  readonly up: string | null // the run that it comes from; null = it comes from none
  readonly cause: string | null
  readonly delivery: string // perhaps a delivery's id
  readonly live: boolean
  readonly erased: boolean
}

/** Runs that start each other deeper than this do not end. */
const DEEPEST = 100

function upOf({ parent, context }: RunRow): string | null {
  if (parent !== null) return parent.run
  return context.causationId !== null && isRunId(context.causationId) ? context.causationId : null
}
