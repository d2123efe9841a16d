import { createHash } from "node:crypto"
import type { ComposedStep } from "./composed-step.ts"

/**
 * What of a workflow a run that has begun relies on: names, order, kinds, conditions around them, child
 * workflows. Not what functions do, and not how often they are tried.
 */
export function shapeOf(levels: readonly (readonly ComposedStep[])[]): string {
  const shape = levels.map((level) => level.map(partOf))
  return createHash("sha256").update(JSON.stringify(shape)).digest("hex").slice(0, 16)
}

function partOf({ name, kind, whens, action }: ComposedStep): readonly unknown[] {
  const child = action.kind === "workflow" ? [action.workflow.id] : []
  return [name, kind, whens.map((when) => when.name), ...child]
}
