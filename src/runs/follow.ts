import type { Clock } from "../core/clock.ts"
import { NotFoundError, RunCrashedError, StoppedError } from "../core/errors.ts"
import { isEnded } from "../core/run.ts"
import { decide } from "../core/run-machine.ts"
import type { QueriesPort } from "../engine/queries.ts"
import type { RunRow } from "../engine/runs.ts"
import type { LiveRun } from "./live-run.ts"
import { type RunView, viewOfLive, viewOfRow } from "./outcome.ts"
import { planOf } from "./plan.ts"
import { workflowRegistry } from "./registry.ts"
import type { Runs } from "./runs.ts"

export interface FollowerOptions {
  readonly runs: Runs
  readonly queries: QueriesPort
  readonly clock: Clock
  readonly pollMs: number
}

const FIRST_POLL_MS = 50

/** Waits for runs: those held here tell by themselves, the others are asked for. */
export class RunFollower {
  readonly #options: FollowerOptions

  constructor(options: FollowerOptions) {
    this.#options = options
  }

  /**
   * How a run stands when it has ended, or, if so wished, when nothing but a response, a time, an event or a
   * step in the background can take it further.
   */
  async follow(id: string, { untilWaiting }: { readonly untilWaiting: boolean }): Promise<RunView> {
    for (let pauseMs = FIRST_POLL_MS; ; ) {
      const live = this.#options.runs.live(id)
      const view = live === null ? await this.#stored(id, untilWaiting) : await this.#held(live, untilWaiting)
      if (view !== null) return view
      if (live !== null || this.#options.runs.live(id) !== null) continue
      await this.#pause(id, pauseMs)
      pauseMs = Math.min(pauseMs * 2, this.#options.pollMs)
    }
  }

  /** Null = it is not held here any more, and has not ended. */
  #held(live: LiveRun, untilWaiting: boolean): Promise<RunView | null> {
    return new Promise((resolve) => {
      const off = this.#options.runs.listeners.add(live.id, (run, moment) => {
        if (run !== live) return
        if (moment === "background" && untilWaiting) done(viewOfLive(run))
        else if (typeof moment === "object") done(moment.kind === "ended" ? viewOfLive(run) : null)
      })
      const done = (view: RunView | null): void => {
        off()
        resolve(view)
      }
      if (!live.isHeld) done(null)
      else if (untilWaiting && live.isInBackground) done(viewOfLive(live))
    })
  }

  async #stored(id: string, untilWaiting: boolean): Promise<RunView | null> {
    const { queries } = this.#options
    const row = await queries.run(id).catch((error) => {
      throw this.#options.runs.isStopping ? stops(id) : error // the store may be closed by now
    })
    if (row === null) throw new NotFoundError(`Expected the run ${id}, it is not kept any more.`)
    const isOver = isEnded(row.state)
    if (!isOver && row.job?.state === "dead") throw crashed(row)
    if (!isOver && row.job?.state === "leased") return null
    const isPaused = !isOver && this.#options.runs.isPaused(row.subscription)
    const definition = workflowRegistry.get(row.workflow)
    // It waits for a worker with its old steps, which may never come.
    const isOfOtherShape = !isOver && definition !== null && definition.hash !== row.hash
    if (!isOver && !isPaused && !isOfOtherShape && !untilWaiting) return null
    const records = await queries.runSteps(row.no)
    const view = viewOfRow(row, records, definition)
    return isOver || isPaused || isOfOtherShape || (await this.#onlyWaits(view)) ? view : null
  }

  /** A retry comes by itself, and so does what a child does, its end as well: they are waited for. */
  async #onlyWaits({ states, definition, cancelled }: RunView): Promise<boolean> {
    if (definition === null) return false
    const nobody = new Set<string>()
    const facts = {
      doomed: cancelled !== null,
      now: 0,
      running: nobody,
      undoing: nobody,
      perhapsBegun: nobody,
    }
    const { waiting, start } = decide(planOf(definition), { ...facts, steps: states })
    if (start.length > 0) return false
    for (const { wait } of waiting) {
      if (wait?.kind !== "run") return true
      const child = await this.#stored(wait.run, true)
      if (child !== null && !isEnded(child.state)) return true
    }
    return false
  }

  /** It may be held here before the time is over. */
  #pause(id: string, ms: number): Promise<void> {
    const { clock, runs } = this.#options
    if (runs.isStopping) throw stops(id)
    return new Promise((resolve) => {
      const done = (): void => {
        clock.clearTimeout(timer)
        off()
        resolve()
      }
      const timer = clock.setTimeout(done, ms)
      const off = runs.listeners.add(id, done)
    })
  }
}

function stops(id: string): StoppedError {
  return new StoppedError(`This process stops, and the run ${id} waits for another to go on with it.`)
}

function crashed({ id, workflow, job, cancelled }: RunRow): RunCrashedError {
  const then = cancelled === null ? "" : " (it is undone then)"
  return new RunCrashedError(
    `The run ${id} of \`${workflow}\` ended its worker's process ${job?.crashes ?? 0} times, so nobody takes it any more. Mend what does that, then: carillon redrive ${id}${then}`,
  )
}
