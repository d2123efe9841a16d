import type { StandardSchemaV1 } from "@standard-schema/spec"
import type { EventDefinition } from "./definition.ts"
import { SchemaError } from "./errors.ts"

/** The data as the schema returns it; a promise only where the schema's own check is one. */
export function checkData(
  { name, schema }: Pick<EventDefinition, "name" | "schema">,
  data: unknown,
): unknown {
  if (schema === null || schema === undefined) return data
  const result = schema["~standard"].validate(data)
  return result instanceof Promise ? result.then((done) => accepted(name, done)) : accepted(name, result)
}

function accepted(name: string, result: StandardSchemaV1.Result<unknown>): unknown {
  if (result.issues === undefined) return result.value
  const issues = result.issues.slice(0, MOST_ISSUES).map((issue) => `${pathOf(issue)}: ${issue.message}`)
  const more = result.issues.length > MOST_ISSUES ? ` and ${result.issues.length - MOST_ISSUES} more` : ""
  throw new SchemaError(`Expected the data of \`${name}\` to fit its schema. ${issues.join("; ")}${more}.`)
}

const MOST_ISSUES = 5

function pathOf(issue: StandardSchemaV1.Issue): string {
  const keys = (issue.path ?? []).map((part) => String(typeof part === "object" ? part.key : part))
  return keys.length === 0 ? "data" : `data.${keys.join(".")}`
}
