import { codeOf } from "../core/errors.ts"
import { isEnded, type RunContext, type StepPhase, type StepRecord } from "../core/run.ts"
import type { QueriesPort } from "../engine/queries.ts"
import type { RunRow } from "../engine/runs.ts"
import type { Committer } from "../worker/committer.ts"
import type { WorkflowDefinition } from "./definition.ts"
import type { RunFacts } from "./run-facts.ts"
import type { ChildEnd } from "./step-call.ts"
import { readError, writeError } from "./step-error.ts"

export interface ChildrenOptions {
  readonly queries: QueriesPort
  readonly committer: Committer
  readonly group: string
  /** Starts or joins a run, and resolves to its id once it has ended here or is not held here any more. */
  readonly start: (definition: WorkflowDefinition, request: ChildRequest) => Promise<string>
  /** A run was told something; it may be held here. */
  readonly onSignal: (run: string) => void
}

export interface ChildRequest {
  readonly scope: string // its key: the parent's
  readonly transactionId: string
  readonly input: string | null
  readonly context: RunContext
  readonly parent: { readonly run: string; readonly step: string }
  readonly container: unknown
}

/** The step that a run is started for, and its run. */
export interface ParentStep {
  readonly run: RunFacts
  readonly step: string
  readonly key: string
  readonly attempt: number
}

/**
 * Runs that are steps of other runs. They are known by the step's idempotency key, and one that is begun anew since
 * the one before failed by how many did: whoever takes the parent over comes to the same child.
 */
export class Children {
  readonly #options: ChildrenOptions

  constructor(options: ChildrenOptions) {
    this.#options = options
  }

  /** Done, failed, or waited for. Its events stand in its parent's group, which the parent releases. */
  async run(
    definition: WorkflowDefinition,
    input: string | null,
    { run, step, key, attempt }: ParentStep,
  ): Promise<ChildEnd> {
    const { queries } = this.#options
    const { timeout } = definition.options
    const failures = attempt === 1 ? 0 : await this.#failures(run, step)
    const id = await this.#options.start(definition, {
      scope: run.scope,
      transactionId: nth(key, failures),
      input,
      parent: { run: run.id, step },
      container: run.container,
      context: {
        ...run.context,
        ownsGroup: false,
        timeoutAt: timeout === null ? null : run.clock.now() + timeout * 1000,
        deadline: timeout === null ? null : `within ${timeout} s`,
      },
    })
    return (await endOf(queries, id, "invoke")) ?? { outcome: "waiting", wait: { kind: "run", run: id } }
  }

  /** What became of a child that a step waits for; null = it goes on. */
  async ended(run: string, phase: StepPhase): Promise<Partial<StepRecord> | null> {
    return endOf(this.#options.queries, run, phase)
  }

  /** Undoes what a step's child did, also one that goes on or was started by a process that died. */
  async revert(definition: WorkflowDefinition, key: string, scope: string): Promise<ChildEnd> {
    const { committer, onSignal } = this.#options
    const row = await this.#newest(definition, key, scope)
    if (row === null || row.state === "reverted") return { outcome: "done" }
    const signal = { kind: "cancel", reason: "the run that started it is undone" } as const
    await committer.record({ kind: "signal-run", run: row.id, signal })
    onSignal(row.id)
    return { outcome: "waiting", wait: { kind: "run", run: row.id } }
  }

  async #newest({ id }: WorkflowDefinition, key: string, scope: string): Promise<RunRow | null> {
    const { queries, group } = this.#options
    for (let newest: RunRow | null = null, failures = 0; ; failures++) {
      const row = await queries.runOf(group, id, nth(key, failures), scope)
      if (row === null) return newest
      newest = row
    }
  }

  /** How many attempts of a step its children have failed. One that was only interrupted goes on with its child. */
  async #failures({ lease }: RunFacts, step: string): Promise<number> {
    const records = await this.#options.queries.runSteps(lease.run)
    return records.filter((each) => each.step === step && each.phase === "invoke" && hasFailed(each)).length
  }
}

function nth(key: string, failures: number): string {
  return failures === 0 ? key : `${key}:${failures}`
}

/** The idempotency key of the step that a child run is of. */
export function stepKeyOf(child: string): string {
  return child.replace(/:\d+$/, "")
}

function hasFailed({ outcome, error }: StepRecord): boolean {
  if (outcome === "again") return error !== null && codeOf(readError(error)) !== "CARILLON_STOPPED"
  return outcome === "failed" || outcome === "permanent"
}

async function endOf(queries: QueriesPort, id: string, phase: StepPhase): Promise<ChildEnd | null> {
  const row = await queries.run(id)
  if (row === null) return failed(writeError(new Error("The child run is not kept any more.")))
  if (!isEnded(row.state)) return null
  if (phase === "invoke" && row.state === "done") return { outcome: "done", output: row.result }
  if (phase === "compensate" && row.state === "reverted") return { outcome: "done" }
  if (phase === "compensate" && row.state === "done") return null // it is about to go back
  return failed(await errorOf(queries, row))
}

function failed(error: string): ChildEnd {
  return { outcome: "permanent", error }
}

/** The error that undid it, as its step threw it: a parent's caller looks for its name and code. */
async function errorOf(queries: QueriesPort, { no, id, error }: RunRow): Promise<string> {
  const records = await queries.runSteps(no)
  const record = records.find((each) => each.outcome === "permanent" && each.phase === "invoke")
  return record?.error ?? writeError(new Error(error ?? `The run ${id} was undone.`))
}
