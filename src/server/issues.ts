import type { z } from "@hono/zod-openapi"
import type { Issue } from "../http/http-error.ts"

type ZodIssue = z.core.$ZodIssue

/** Of a union nothing fitted: then what is wrong is told by the branch that was meant, most likely. */
export function plainIssues(issues: readonly ZodIssue[]): readonly Issue[] {
  return issues.flatMap((issue) => {
    if (issue.code !== "invalid_union" || issue.errors.length === 0) return [issue]
    const branches = issue.errors.map((errors) => plainIssues(errors))
    const nearest = branches.reduce((best, each) => (isNearer(each, best) ? each : best))
    if (nearest.every(isOfTheWhole)) return [{ path: issue.path, message: oneOf(branches) }]
    return nearest.map((each) => ({ ...each, path: [...issue.path, ...(each.path ?? [])] }))
  })
}

/** A branch of another kind altogether fails at once, at its root; then the fewer faults, the nearer. */
function isNearer(one: readonly Issue[], other: readonly Issue[]): boolean {
  const [kind, otherKind] = [one.some(isOfTheWhole), other.some(isOfTheWhole)]
  return kind === otherKind ? one.length < other.length : !kind
}

function isOfTheWhole({ path = [], code }: Issue & { readonly code?: string }): boolean {
  return path.length === 0 && code !== "unrecognized_keys"
}

function oneOf(branches: readonly (readonly Issue[])[]): string {
  const messages = branches.flatMap((each) => each.map(({ message }) => message))
  return [...new Set(messages)].join("; or: ")
}
