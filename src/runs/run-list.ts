import { limitOf, type PageRequest, timeOf } from "../bus/listing.ts"
import type { WithinScopes } from "../bus/within.ts"
import { expected, InvalidInputError } from "../core/errors.ts"
import { RUN_STATES, type RunState } from "../core/run.ts"
import { type Scope, scopeKey, scopeKeys } from "../core/scope.ts"
import type { RunQuery } from "../engine/runs.ts"

export interface RunListRequest extends PageRequest, WithinScopes {
  /** Only runs of this scope. */
  readonly scope?: Partial<Scope> | string
  readonly workflow?: string
  readonly state?: RunState
  readonly transactionId?: string
  /** Only children of this run. */
  readonly parent?: string
  /** Started at or after. */
  readonly from?: Date | number
  /** Started before. */
  readonly to?: Date | number
}

const FILTERS = [
  "workflow",
  "state",
  "transactionId",
  "parent",
  "scope",
  "scopes",
  "from",
  "to",
  "cursor",
  "limit",
]

/** A number, or the id of a run where the list is one of some scopes. */
const CURSOR = /^(\d+|run_[0-9A-Z]{26})$/

/** @throws InvalidInputError for what is no filter of runs */
export function runQueryOf(request: RunListRequest): RunQuery {
  if (typeof request !== "object" || request === null)
    throw new InvalidInputError(expected("the filters of runs to be an object", request))
  const slip = Object.keys(request).find((name) => !FILTERS.includes(name))
  if (slip !== undefined)
    throw new InvalidInputError(`Runs have no filter \`${slip}\`, only ${FILTERS.join(", ")}.`)
  const { workflow, state, transactionId, parent, from, to, cursor, limit } = request
  if (state !== undefined && !RUN_STATES.includes(state))
    throw new InvalidInputError(expected(`\`state\` to be one of ${RUN_STATES.join(", ")}`, state))
  if (cursor !== undefined && !CURSOR.test(cursor))
    throw new InvalidInputError(expected("a cursor that this list returned, with the same filters", cursor))
  return {
    scopes: scopesOf(request),
    workflow,
    state,
    transactionId,
    parent,
    from: timeOf("from", from) ?? undefined,
    to: timeOf("to", to) ?? undefined,
    cursor,
    limit: limitOf(limit),
  }
}

function scopesOf({ scope, scopes }: RunListRequest): readonly string[] | undefined {
  const within = scopeKeys(scopes)
  if (scope === undefined) return within
  const key = scopeKey(scope)
  return within === undefined || within.includes(key) ? [key] : []
}
