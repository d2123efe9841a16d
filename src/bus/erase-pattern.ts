import { expected, InvalidInputError } from "../core/errors.ts"
import { type CompiledFilter, compileFilter } from "../core/filter.ts"
import { isOperational } from "../core/subscription.ts"

/** Whose data is meant, as an event pattern says it. */
export interface ErasePattern {
  readonly filter: CompiledFilter
  readonly names: readonly string[] | null // that events must have, exact; null = it does not say
  readonly asksForSender: boolean
  /** What the input of a run must be like, asked of it as of an event's data; null = it does not say. */
  readonly inputs: CompiledFilter | null
}

/** @throws InvalidFilterError, InvalidInputError where it would mean everything */
export function erasePattern(where: unknown): ErasePattern {
  const filter = compileFilter(where)
  const pattern = where as Pattern
  if (Object.keys(pattern).length === 0)
    throw new InvalidInputError(
      expected('`where` to say whose data is meant, like `{ "data": { "customer_id": ["cus_1"] } }`', where),
    )
  const data = dataPart(pattern)
  return {
    filter,
    names: exactNames(pattern.name),
    asksForSender: asksFor(pattern, "sender"),
    inputs: data === null ? null : compileFilter(data),
  }
}

type Pattern = Readonly<Record<string, unknown>>

/** Of alternatives only those count that say something of data: the others would fit every input. */
function dataPart({ data, $or }: Pattern): Pattern | null {
  const alternatives = Array.isArray($or) ? $or.flatMap((each) => dataPart(each as Pattern) ?? []) : []
  const part = {
    ...(data === undefined ? undefined : { data }),
    ...(alternatives.length === 0 ? undefined : { $or: alternatives }),
  }
  return Object.keys(part).length === 0 ? null : part
}

function exactNames(names: unknown): readonly string[] | null {
  if (!Array.isArray(names) || !names.every((each) => typeof each === "string")) return null
  return names.some(isOperational) ? null : [...new Set<string>(names)]
}

function asksFor(pattern: Pattern, field: string): boolean {
  if (pattern[field] !== undefined) return true
  return Array.isArray(pattern.$or) && pattern.$or.some((each) => asksFor(each as Pattern, field))
}
