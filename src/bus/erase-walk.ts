import { slices } from "../core/batch.ts"
import { StoreError } from "../core/errors.ts"
import type { EventRow } from "../core/event.ts"
import { type EventKey, parseDeliveryId } from "../core/ids.ts"
import { readValue } from "../core/value.ts"
import { EventView } from "../core/view.ts"
import type { Erase, ErasedRows, StagedKey } from "../engine/erasure.ts"
import { reach } from "../engine/faults.ts"
import { type EraseLook, lookAt, placeOf } from "./erase-look.ts"
import type { ErasePattern } from "./erase-pattern.ts"
import { EraseTally } from "./erase-report.ts"
import { type FoundRun, type FoundRuns, RunSearch } from "./erase-runs.ts"
import { echoesOf, type MeantEvents, nameOf, windowsOf } from "./erase-windows.ts"
import type { StaffSources } from "./staff.ts"

/** Whose data, and how. */
export interface EraseWish {
  readonly pattern: ErasePattern
  readonly isWithin: (scope: string) => boolean
  readonly from: string // a commit
  readonly to: string // exclusive
  readonly isBetween: (at: number) => boolean
  readonly dryRun: boolean
  readonly cancels: boolean
  readonly onProgress: (soFar: { readonly events: number; readonly runs: number }) => void
}

/** Rows to a slice, and the pause after each: emits and settles go between. */
const SLICE = 20
const PAUSE_MS = 10

const NOTHING = { kind: "erase", events: [], staged: [], runs: [] } as const

/**
 * One way through all that is kept, counting or erasing.
 *
 * What tells of an event or run goes before it, and a run before the event that started it: wherever this is cut
 * short, the rest is still found.
 */
export class EraseWalk {
  readonly #sources: StaffSources
  readonly #wish: EraseWish
  readonly #tally = new EraseTally()

  constructor(sources: StaffSources, wish: EraseWish) {
    this.#sources = sources
    this.#wish = wish
  }

  async walk(): Promise<EraseTally> {
    await this.#staged()
    const { pattern, isWithin, from, to } = this.#wish
    const isMeant = (view: EventView, row: EventRow) => isWithin(row.scope) && pattern.filter.matches(view)
    const stretch = { names: pattern.names, from, to, isMeant }
    let isFirst = true
    for await (const meant of windowsOf(this.#sources.engine.queries, stretch)) {
      await this.#window(meant, isFirst)
      isFirst = false
    }
    return this.#tally
  }

  async #window(meant: MeantEvents, isFirst: boolean): Promise<void> {
    const runs = await this.#runsOf(meant, isFirst)
    const held = heldBy(runs)
    await this.#echoes(meant, runs)
    await this.#runs(runs)
    for (const keys of slices(meant.keys.toReversed(), SLICE)) await this.#events(keys, held)
  }

  /** They wait to be emitted, and nobody was told of them. */
  async #staged(): Promise<void> {
    const { pattern, isWithin, isBetween, cancels, dryRun } = this.#wish
    const { queries } = this.#sources.engine
    for (const { eventGroupId } of await queries.stagedGroups()) {
      const rows = (await queries.staged(eventGroupId)).filter(
        (row) =>
          isWithin(row.scope) &&
          isBetween(row.at) &&
          pattern.filter.matches(new EventView(row, row.commitId, row.index)),
      )
      if (!cancels) this.#tally.open.staged += rows.length
      else if (dryRun) this.#tally.counts.staged += rows.length
      else
        for (const some of slices(rows, SLICE))
          await this.#write({ staged: some.map((row) => toStagedKey(row, eventGroupId)) })
    }
  }

  /** Inputs are asked once; what the events of a later window have started is looked for then. */
  async #runsOf(meant: MeantEvents, isFirst: boolean): Promise<FoundRuns> {
    const { isWithin, isBetween, pattern } = this.#wish
    const inputs = isFirst ? pattern.inputs : null
    if (meant.keys.length === 0 && inputs === null) return NO_RUNS
    const search = new RunSearch(this.#sources.engine.queries, {
      isWithin,
      isCause: (id, scope) => meant.hasId(id, scope),
      isDelivered: (commitId, index) => meant.hasKey({ commitId, index }),
      isMeant: (row) =>
        inputs !== null &&
        row.input !== null &&
        isBetween(row.startedAt) &&
        inputs.matches({ name: row.workflow, data: readValue(row.input) }),
    })
    return search.find()
  }

  async #runs({ ended, open }: FoundRuns): Promise<void> {
    this.#leaveRuns(open)
    for (const some of slices(ended, SLICE)) {
      if (this.#wish.dryRun) await this.#countRuns(some)
      else {
        const { openRuns } = await this.#write({ runs: some.map(({ no }) => no) })
        this.#leaveRuns(some.filter(({ no }) => openRuns.includes(no)))
        for (const { no, id } of some) if (!openRuns.includes(no)) this.#tally.name("runs", id)
      }
    }
  }

  #leaveRuns(runs: readonly FoundRun[]): void {
    this.#tally.open.runs += runs.length
    for (const { id } of runs) this.#tally.name("open", id)
  }

  async #countRuns(runs: readonly FoundRun[]): Promise<void> {
    for (const { no, id } of runs) {
      this.#tally.counts.runs++
      this.#tally.counts.steps += (await this.#sources.engine.queries.runSteps(no)).length
      this.#tally.name("runs", id)
    }
  }

  async #echoes(meant: MeantEvents, runs: FoundRuns): Promise<void> {
    const ids = new Set(runs.ended.map(({ id }) => id))
    if (ids.size + meant.keys.length === 0) return
    const isAbout = (id: string, scope: string): boolean => ids.has(id) || meant.hasId(id, scope)
    const keys = await echoesOf(this.#sources.engine.queries, this.#wish.from, isAbout)
    const others = keys.filter((key) => !meant.hasKey(key))
    for (const some of slices(others, SLICE)) await this.#events(some, new Set())
  }

  async #events(keys: readonly EventKey[], held: ReadonlySet<string>): Promise<void> {
    const looks: EraseLook[] = []
    for (const key of keys) {
      const look = await this.#look(key)
      if (look === null) continue
      if (held.has(look.name) || held.has(look.place)) this.#leaveEvent(look)
      else if (this.#wish.dryRun) this.#count(look)
      else looks.push(look)
    }
    if (looks.length === 0) return
    const { openEvents } = await this.#write({ events: looks.map(({ change }) => change) })
    const isOpen = ({ change }: EraseLook): boolean => openEvents.some((key) => isSame(key, change))
    for (const look of looks) {
      if (!isOpen(look)) this.#tally.name("events", look.id)
      else this.#leaveEvent((await this.#look(look.change)) ?? look)
    }
  }

  #count(look: EraseLook): void {
    const { counts } = this.#tally
    if (look.running > 0 || (look.waiting > 0 && !this.#wish.cancels)) {
      this.#leaveEvent(look)
      return
    }
    counts.events++
    counts.deliveries += look.jobs
    counts.cancelled += look.waitingJobs
    this.#tally.name("events", look.id)
  }

  #leaveEvent({ id, waiting, running }: EraseLook): void {
    const { open } = this.#tally
    open.events++
    open.waiting += waiting
    open.running += running
    this.#tally.name("open", id)
  }

  #look(key: EventKey): Promise<EraseLook | null> {
    return lookAt(this.#sources, key, this.#wish.pattern)
  }

  async #write(part: Partial<Pick<Erase, "events" | "staged" | "runs">>): Promise<ErasedRows> {
    const { cancels, onProgress } = this.#wish
    reach("erase.middle")
    const [result] = await this.#sources.engine.commit([{ ...NOTHING, ...part, cancels }])
    if (result?.status !== "ok" || result.erased === undefined)
      throw new StoreError("The store refused the change `erase`.")
    const { openEvents: _, openRuns: __, ...counts } = result.erased
    const sums = this.#tally.counts
    for (const [what, count] of Object.entries(counts) as [keyof typeof sums, number][]) sums[what] += count
    onProgress({ events: sums.events, runs: sums.runs })
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    return result.erased
  }
}

const NO_RUNS: FoundRuns = { ended: [], open: [], holds: { causes: [], deliveries: [] } }

/** The events without which open runs would not be found again. */
function heldBy({ holds }: FoundRuns): ReadonlySet<string> {
  const keys = holds.deliveries.flatMap((id) => parseDeliveryId(id) ?? [])
  return new Set([...holds.causes.map(({ id, scope }) => nameOf(id, scope)), ...keys.map(placeOf)])
}

function isSame(a: EventKey, b: EventKey): boolean {
  return a.commitId === b.commitId && a.index === b.index
}

function toStagedKey({ commitId, index }: EventRow, eventGroupId: string): StagedKey {
  return { commitId, index, eventGroupId }
}
