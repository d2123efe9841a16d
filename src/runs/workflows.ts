import type { Listing } from "../bus/listing.ts"
import { InvalidInputError } from "../core/errors.ts"
import type { RunState } from "../core/run.ts"
import type { WorkflowDefinition } from "./definition.ts"
import type { LiveRun } from "./live-run.ts"
import { outcomeOf, viewOfLive } from "./outcome.ts"
import { workflowRegistry } from "./registry.ts"
import { Runs, type RunsOptions } from "./runs.ts"
import { Schedules } from "./schedules.ts"
import { WorkflowEngine } from "./service.ts"

export interface WorkflowsOptions extends Omit<RunsOptions, "onTick"> {
  readonly pollMs: number
  readonly scope: string // of runs that are started outside of deliveries and steps, its key
  readonly listing: Listing
  readonly onEnded: (run: string, state: RunState) => void
}

/** Everything about workflows in one process: the runs held here, the schedules, the engine service. */
export class Workflows {
  readonly engine: WorkflowEngine
  readonly runs: Runs
  readonly #options: WorkflowsOptions
  readonly #schedules: Schedules
  #stopListening: (() => void) | null = null
  #stopHeeding: (() => void) | null = null

  constructor(options: WorkflowsOptions) {
    this.#options = options
    const { engine, committer, clock, group, scope, newId, pollMs, worker, listing } = options
    const { queries } = engine
    this.runs = new Runs({ ...options, onTick: (job, number) => this.#schedules.tick(job, number) })
    this.#schedules = new Schedules({
      runs: this.runs,
      queries,
      committer,
      clock,
      group,
      scope,
      newId,
      dueBy: (at) => worker.dueBy(at),
    })
    this.runs.listeners.addToAll((run, moment) => {
      if (moment !== "finish") return
      if (run.state !== "done") options.warn(undoneWords(run))
      options.onEnded(run.id, run.state)
    })
    this.engine = new WorkflowEngine({
      runs: this.runs,
      queries,
      committer,
      clock,
      group,
      scope,
      pollMs,
      newId,
      logError: options.onError,
      listing,
    })
  }

  /** Announces what was composed in this process, and whatever is from now on. */
  async start(): Promise<void> {
    const { catalog, onError } = this.#options
    this.#stopHeeding = catalog.onChange(() => void this.runs.waits.join().catch(onError))
    await this.runs.waits.join()
    await Promise.all(workflowRegistry.all().map((definition) => this.#announce(definition)))
    this.#stopListening = workflowRegistry.onRegister((definition) => {
      this.#announce(definition).catch(onError)
    })
  }

  stop(): void {
    this.#stopHeeding?.()
    this.#stopListening?.()
  }

  async #announce(definition: WorkflowDefinition): Promise<void> {
    await this.runs.announcements.workflow(definition)
    await this.#schedules.put(definition)
    await this.runs.announcements.warnOfOthers(definition)
  }
}

function undoneWords(run: LiveRun): string {
  const { errors, transaction } = outcomeOf(viewOfLive(run))
  const what = transaction.state === "reverted" ? "was undone" : "failed, and could not be undone"
  const why = errors.map(({ action, error }) => `${action}: ${error.message}`).join("; ")
  return `${run.workflow} (${run.id}) ${what}: ${why}`
}

/** A run that waited for all to be done would wait for itself. */
export function drainInStep(): InvalidInputError {
  return new InvalidInputError(
    "Expected `drain()` to be called outside of steps, got a call inside one: it would wait for itself. Await it where the run was started.",
  )
}
