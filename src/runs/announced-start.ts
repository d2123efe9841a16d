import type { Listing } from "../bus/listing.ts"
import type { StandingShape } from "../bus/workflow-report.ts"
import type { Clock } from "../core/clock.ts"
import { InvalidInputError, NotFoundError, StoreError, UnsupportedError } from "../core/errors.ts"
import type { WorkflowTerms } from "../core/subscription.ts"
import type { NewRun, StartRun } from "../engine/runs.ts"
import type { Committer } from "../worker/committer.ts"

export interface AnnouncedStartsOptions {
  readonly listing: Listing
  readonly committer: Committer
  readonly clock: Clock
  readonly group: string
  readonly newId: () => string
}

/** A workflow that workers have announced, in the shape in which new runs of it begin. */
export interface AnnouncedWorkflow {
  readonly id: string
  readonly shape: StandingShape
  readonly terms: WorkflowTerms
}

type Wish = Pick<NewRun, "scope" | "transactionId" | "input" | "context" | "parent"> & Pick<StartRun, "join">

/**
 * Starts runs of workflows whose code is not here: the catalog knows in which shape and on which terms, and a worker
 * that has the code takes them.
 */
export class AnnouncedStarts {
  readonly #options: AnnouncedStartsOptions

  constructor(options: AnnouncedStartsOptions) {
    this.#options = options
  }

  /** @throws NotFoundError; InvalidInputError where several groups have one; UnsupportedError without its terms */
  async find(workflow: string, group: string | undefined): Promise<AnnouncedWorkflow> {
    const own = this.#options.group
    const all = await this.#options.listing.shapesOf(workflow)
    const groups = new Set(all.map((each) => each.group))
    const [only] = groups
    if (group === undefined && groups.size > 1 && !groups.has(own)) throw ambiguous(workflow, groups)
    const wanted = group ?? (groups.has(own) ? own : only)
    const shapes = all.filter((each) => each.group === wanted)
    const shape = shapes.findLast((each) => each.isKnown) ?? shapes.at(-1)
    if (shape === undefined) throw unknown(workflow, group)
    const { terms } = shape.target
    if (terms === undefined) throw withoutTerms(workflow)
    return { id: workflow, shape, terms }
  }

  async start(
    { id, shape }: AnnouncedWorkflow,
    { join, ...wish }: Wish,
  ): Promise<{ id: string; isNew: boolean }> {
    const { committer, clock, newId } = this.#options
    const { no, group, target } = shape
    const run: NewRun = {
      ...wish,
      id: `run_${newId()}`,
      group,
      subscription: no,
      workflow: id,
      hash: target.hash,
      priority: 1,
      dueAt: clock.now(),
    }
    const result = await committer.write({ kind: "start-run", run, worker: null, join })
    if (result.status === "ok" && result.run !== undefined) return result.run
    throw new StoreError(result.status === "conflict" ? result.message : "The store refused to start a run.")
  }
}

function ambiguous(workflow: string, groups: ReadonlySet<string>): InvalidInputError {
  const names = [...groups].map((each) => `\`${each}\``).join(", ")
  return new InvalidInputError(
    `Expected the \`group\` of workflow \`${workflow}\`, which several have: ${names}. Name one of them.`,
  )
}

function unknown(workflow: string, group: string | undefined): NotFoundError {
  const where = group === undefined ? "" : ` of group \`${group}\``
  return new NotFoundError(
    `There is no workflow \`${workflow}\`${where}: neither this process has its code, nor has a worker announced it. Start the app that has it.`,
  )
}

function withoutTerms(workflow: string): UnsupportedError {
  return new UnsupportedError(
    `Expected a worker of this version to have announced workflow \`${workflow}\`, an older one did. Start its app with this version, or start the run there.`,
  )
}
