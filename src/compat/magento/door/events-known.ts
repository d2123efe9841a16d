import type { Carillon } from "../../../carillon.ts"
import { compileNamePattern, isExactName, nearestName } from "../../../core/pattern.ts"
import type { Access } from "../../../identity/access.ts"
import { missingResources } from "../../../webhooks/resources.ts"
import { ShopRefusal, unauthorized } from "./refusals.ts"

type Defined = Pick<Carillon, "definitions">

/**
 * Where events are defined, a subscription to one that is not would hear nothing for ever. A server without definitions
 * knows no better.
 *
 * @throws ShopRefusal
 */
export function checkEventKnown(carillon: Defined, pattern: string): void {
  const names = carillon.definitions().map(({ name }) => name)
  if (names.length === 0 || names.some(compileNamePattern(pattern))) return
  const near = isExactName(pattern) ? nearestName(pattern, names) : null
  const parameters = near === null ? [pattern] : [pattern, near]
  const mend = near === null ? "" : " Did you mean %2?"
  throw new ShopRefusal(400, `Async event %1 is not defined.${mend}`, parameters)
}

/**
 * What the definitions ask for of whoever subscribes to these events.
 *
 * @throws ShopRefusal that names what is missing
 */
export function checkResources(carillon: Defined, access: Access, patterns: readonly string[]): void {
  const missing = missingResources(carillon.definitions(), patterns, access)
  if (missing.length > 0) throw unauthorized(...missing)
}
