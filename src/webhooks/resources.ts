import type { EventDefinition } from "../core/definition.ts"
import { ForbiddenError } from "../core/errors.ts"
import { compileNamePattern } from "../core/pattern.ts"
import { type Access, hasResource } from "../identity/access.ts"

/** What of a definition says who may subscribe to its events. */
export type Guarded = Pick<EventDefinition, "name" | "resources">

/** What the definitions of all events that fit these patterns ask for, and somebody does not have. */
export function missingResources(
  definitions: readonly Guarded[],
  patterns: readonly string[],
  by: Access,
): readonly string[] {
  const fits = patterns.map(compileNamePattern)
  const heard = definitions.filter(({ name }) => fits.some((each) => each(name)))
  const asked = new Set(heard.flatMap(({ resources }) => resources))
  return [...asked].filter((each) => !hasResource(by, each))
}

/** @throws ForbiddenError that names what is missing */
export function checkResources(
  definitions: readonly Guarded[],
  patterns: readonly string[],
  by: Access,
): void {
  const missing = missingResources(definitions, patterns, by)
  if (missing.length === 0) return
  throw new ForbiddenError(
    `Expected a credential with the ${missing.length === 1 ? "resource" : "resources"} \`${missing.join("`, `")}\`, which these events ask for, got one without. Ask whoever manages roles, or use another.`,
  )
}
