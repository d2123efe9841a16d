import type { RunState } from "../core/run.ts"
import { isOperational } from "../core/subscription.ts"
import type { QueriesPort } from "../engine/queries.ts"
import type { RunRow } from "../engine/runs.ts"
import { causesOfRun } from "./causes.ts"

/** What an event is about, and what it comes from. */
export interface Cause {
  readonly id: string | null // null = nothing in particular
  readonly correlationId: string | null
  readonly scope: string
}

/** How Carillon's own events are told. */
export interface Voice {
  isSilent(name: string): boolean
  /** Said twice by two workers, it is one event: `about` says what it is about. */
  emit(name: string, data: object, about: string, cause: Cause): Promise<void>
}

const REVERTED = "carillon.run.reverted"
const FAILED = "carillon.run.failed"
const CRASHED = "carillon.run.crashed"

const NAMES: Readonly<Partial<Record<RunState, string>>> = { reverted: REVERTED, failed: FAILED }

const RUNS_LOOKED_AT = 100
const SINCE_MS = 600_000

/** Tells of runs that came to no good end. */
export class OperationalRuns {
  readonly #queries: QueriesPort
  readonly #voice: Voice
  readonly #reported = new Set<string>()

  constructor(queries: QueriesPort, voice: Voice) {
    this.#queries = queries
    this.#voice = voice
  }

  get isSilent(): boolean {
    return [REVERTED, FAILED, CRASHED].every((name) => this.#voice.isSilent(name))
  }

  /** A run has ended in this process. */
  async ended(id: string, state: RunState): Promise<void> {
    const name = NAMES[state]
    if (name === undefined || this.#voice.isSilent(name)) return
    const row = await this.#queries.run(id)
    if (row !== null) await this.#tellEnd(row)
  }

  /** A process may die before it tells of what ended in it, and of those that crash it none does. */
  async watch(now: number): Promise<void> {
    for (const state of ["reverted", "failed"] as const) {
      if (this.#voice.isSilent(NAMES[state] ?? "")) continue
      const { items } = await this.#queries.runs({ state, limit: RUNS_LOOKED_AT })
      for (const row of items) if (now - (row.endedAt ?? 0) <= SINCE_MS) await this.#tellEnd(row)
    }
    if (!this.#voice.isSilent(CRASHED)) await this.#watchCrashes(now)
  }

  async #watchCrashes(now: number): Promise<void> {
    const { items } = await this.#queries.jobs({ kind: "run", state: "dead", limit: RUNS_LOOKED_AT })
    for (const { id, updatedAt, crashes } of items) {
      const row = now - updatedAt > SINCE_MS ? null : await this.#queries.run(id)
      if (row !== null) await this.#tell(CRASHED, row, { crashes }, updatedAt)
    }
  }

  async #tellEnd(row: RunRow): Promise<void> {
    const name = NAMES[row.state]
    if (name !== undefined) await this.#tell(name, row, { error: row.error }, row.endedAt ?? 0)
  }

  async #tell(name: string, row: RunRow, more: object, at: number): Promise<void> {
    const { id: run, workflow, scope, transactionId, group, parent, context } = row
    const about = `${run}/${at}`
    if (this.#reported.has(`${name}/${about}`)) return
    const data = { run, workflow, transactionId, group, parent: parent?.run ?? null, ...more }
    const cause = { id: run, correlationId: context.correlationId, scope }
    if (!(await this.#isOfOwn(row))) await this.#voice.emit(name, data, about, cause)
    this.#reported.add(`${name}/${about}`)
  }

  /** One that began with an event of Carillon's own: else a workflow that mends others, and fails, would never end. */
  async #isOfOwn(row: RunRow): Promise<boolean> {
    const causes = await causesOfRun(this.#queries, row)
    return causes.some(({ kind, name }) => kind === "event" && name !== null && isOperational(name))
  }
}
