import type { StandardSchemaV1 } from "@standard-schema/spec"
import { SchemaError } from "./errors.ts"
import type { EventInput } from "./event.ts"
import { checkEventName } from "./pattern.ts"

/** An event's name with the shape of its data: what is emitted under that name is checked before it is written. */
export interface EventDefinition<Input = unknown, Output = Input> {
  readonly name: string
  readonly schema: StandardSchemaV1<Input, Output>
  readonly description: string | null
  /** An event of this definition, typed, to be emitted. */
  create(data: Input, rest?: Omit<EventInput, "name" | "data">): EventInput<Input> & { readonly name: string }
}

/**
 * Names an event and the shape of its data, by any schema library that speaks Standard Schema.
 *
 * Data that does not fit is refused by `emit` with a `SchemaError` before anything is written.
 * What the schema returns (defaults, conversions) is what is stored.
 */
export function defineEvent<S extends StandardSchemaV1>(
  name: string,
  schema: S,
  { description }: { readonly description?: string } = {},
): EventDefinition<StandardSchemaV1.InferInput<S>, StandardSchemaV1.InferOutput<S>> {
  checkEventName(name)
  return Object.freeze({
    name,
    schema: schema as never,
    description: description ?? null,
    create: (data: StandardSchemaV1.InferInput<S>, rest?: Omit<EventInput, "name" | "data">) => ({
      ...rest,
      name,
      data,
    }),
  })
}

/** The data as the schema returns it; a promise only where the schema's own check is one. */
export function checkData(definition: EventDefinition, data: unknown): unknown {
  const result = definition.schema["~standard"].validate(data)
  return result instanceof Promise
    ? result.then((done) => accepted(definition, done))
    : accepted(definition, result)
}

function accepted(definition: EventDefinition, result: StandardSchemaV1.Result<unknown>): unknown {
  if (result.issues === undefined) return result.value
  const issues = result.issues.slice(0, MOST_ISSUES).map((issue) => `${pathOf(issue)}: ${issue.message}`)
  const more = result.issues.length > MOST_ISSUES ? ` and ${result.issues.length - MOST_ISSUES} more` : ""
  throw new SchemaError(
    `Expected the data of \`${definition.name}\` to fit its schema. ${issues.join("; ")}${more}.`,
  )
}

const MOST_ISSUES = 5

function pathOf(issue: StandardSchemaV1.Issue): string {
  const keys = (issue.path ?? []).map((part) => String(typeof part === "object" ? part.key : part))
  return keys.length === 0 ? "data" : `data.${keys.join(".")}`
}
