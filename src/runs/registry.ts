import { expected, InvalidInputError, NotFoundError } from "../core/errors.ts"
import type { WorkflowDefinition } from "./definition.ts"
import type { WorkflowReference } from "./service-contract.ts"

/**
 * All workflows that were composed in this process, by id.
 *
 * It hangs on the process and not on this module: an application's files may have been given another copy of it.
 */
export const workflowRegistry = {
  /**
   * Takes a workflow in. The same id and shape again replaces its functions: the file was loaded anew.
   *
   * @throws InvalidInputError for an id that another shape has
   */
  register(definition: WorkflowDefinition): void {
    const definitions = shared.aside ?? shared.definitions
    const standing = definitions.get(definition.id)
    if (standing && standing.hash !== definition.hash) throw taken(standing, definition)

    definitions.set(definition.id, definition)
    if (definitions === shared.aside) return
    for (const listener of [...shared.listeners]) listener(definition)
  },

  get(id: string): WorkflowDefinition | null {
    return shared.definitions.get(id) ?? null
  },

  all(): readonly WorkflowDefinition[] {
    return [...shared.definitions.values()]
  },

  /** Calls `listener` with every workflow from now on; the answer takes it off. */
  onRegister(listener: Listener): () => void {
    shared.listeners.add(listener)
    return () => shared.listeners.delete(listener)
  },

  /**
   * Lets an application's next version compose while the one before still runs: nobody hears of its workflows, and
   * none of them counts, until `replace` is called with them.
   */
  async aside<T>(
    load: () => Promise<T>,
  ): Promise<{ readonly loaded: T; readonly composed: readonly WorkflowDefinition[] }> {
    const composed = new Map<string, WorkflowDefinition>()
    shared.aside = composed
    try {
      return { loaded: await load(), composed: [...composed.values()] }
    } finally {
      shared.aside = null
    }
  },

  /** From here on these are all there are. Those who listen are not told. */
  replace(definitions: readonly WorkflowDefinition[]): void {
    shared.definitions.clear()
    for (const definition of definitions) shared.definitions.set(definition.id, definition)
  },

  /** Forgets all workflows, not those who listen. */
  clear(): void {
    shared.definitions.clear()
  },
}

/** The workflow that somebody means. @throws NotFoundError for an id that is not composed in this process */
export function definitionOf(workflow: WorkflowReference): WorkflowDefinition {
  if (workflow === null || (typeof workflow !== "string" && !hasShape(workflow)))
    throw new InvalidInputError(expected("a workflow, or the id of one", workflow))
  if (typeof workflow !== "string") return "definition" in workflow ? workflow.definition : workflow

  const found = workflowRegistry.get(workflow)
  if (found) return found
  const known = [...shared.definitions.keys()].map((id) => `\`${id}\``).join(", ")
  throw new NotFoundError(
    `There is no workflow \`${workflow}\` in this process, which has ${known || "none"}. ` +
      "Import the file that composes it before it is run.",
  )
}

function hasShape(workflow: unknown): boolean {
  const isObject = typeof workflow === "object" || typeof workflow === "function"
  return isObject && ("definition" in (workflow as object) || "levels" in (workflow as object))
}

type Listener = (definition: WorkflowDefinition) => void

interface Shared {
  readonly definitions: Map<string, WorkflowDefinition>
  readonly listeners: Set<Listener>
  /** Where what is composed goes while files are loaded aside; null = none are. */
  aside: Map<string, WorkflowDefinition> | null
}

const SHARED = Symbol.for("carillon.workflows")
const shared = sharedOf(globalThis as { [SHARED]?: Shared })

function sharedOf(holder: { [SHARED]?: Shared }): Shared {
  holder[SHARED] ??= { definitions: new Map(), listeners: new Set(), aside: null }
  return holder[SHARED]
}

function taken(standing: WorkflowDefinition, came: WorkflowDefinition): InvalidInputError {
  const [before, now] = [standing, came].map(
    ({ levels }) =>
      levels.map((level) => level.map((step) => step.name).join(" + ")).join(" → ") || "no steps",
  )
  return new InvalidInputError(
    `Workflow \`${came.id}\` is already defined with another shape: before ${before}, now ${now}. ` +
      "Give one of the two another id.",
  )
}
