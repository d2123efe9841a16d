import { expected, InvalidInputError } from "../core/errors.ts"
import { nearestName } from "../core/pattern.ts"
import type { WorkflowDefinition } from "./definition.ts"
import { stepOf } from "./plan.ts"

export const RUN_REQUEST: readonly string[] = [
  "input",
  "context",
  "container",
  "throwOnError",
  "logOnError",
  "events",
  "resultFrom",
  "transactionId",
  "scope",
  "scopes",
]

export const START_REQUEST: readonly string[] = [
  "input",
  "transactionId",
  "context",
  "scope",
  "scopes",
  "group",
  "waitMs",
]

/**
 * A request with what some callers put below `options`; what stands beside that wins.
 *
 * Other systems put fields of their own here; what is nearly one of ours is a slip.
 *
 * @throws InvalidInputError when it is no object, or has a slip
 */
export function withOptions<Request extends { readonly options?: object }>(
  verb: string,
  request: Request,
  known: readonly string[] = [],
): Request {
  checkObject(verb, request)
  const { options, ...rest } = request
  for (const name of Object.keys(rest)) {
    const near = known.length === 0 || known.includes(name) ? null : nearestName(name, known)
    if (near !== null)
      throw new InvalidInputError(`\`${verb}\` takes no \`${name}\`. Did you mean \`${near}\`?`)
  }
  return { ...options, ...rest } as Request
}

/** @throws InvalidInputError for a field that the request does not have, or when it is no object */
export function checkFields(verb: string, request: object, known: readonly string[]): void {
  checkObject(verb, request)
  const slip = Object.keys(request).find((name) => !known.includes(name))
  if (slip !== undefined)
    throw new InvalidInputError(`\`${verb}\` takes no \`${slip}\`, only ${known.join(", ")}.`)
}

function checkObject(verb: string, request: unknown): void {
  if (typeof request !== "object" || request === null || Array.isArray(request))
    throw new InvalidInputError(expected(`the request of \`${verb}\` to be an object`, request))
}

/** @throws InvalidInputError for a step that the workflow does not have */
export function checkResultFrom(definition: WorkflowDefinition, step: string | undefined): void {
  if (step === undefined || stepOf(definition, step) !== null) return
  const names = definition.levels.flat().map(({ name }) => `\`${name}\``)
  throw new InvalidInputError(
    `${expected(`\`resultFrom\` to be a step of workflow \`${definition.id}\``, step)} It has ${names.join(", ") || "none"}.`,
  )
}
