import type { StandardSchemaV1 } from "@standard-schema/spec"
import { InvalidInputError } from "../../core/errors.ts"
import { schemaError } from "../../http/http-error.ts"
import type { AppMiddleware } from "./middlewares.ts"
import type { QueryConfig } from "./request.ts"

/**
 * A middleware that checks the body by a schema (zod, or any other Standard Schema) and hands on what the
 * schema makes of it as `req.validatedBody`. What does not fit is answered with 400, and says each field.
 */
export function validateAndTransformBody(schema: StandardSchemaV1): AppMiddleware {
  const validate = validatorOf("validateAndTransformBody", schema)
  return async (req, _, next) => {
    req.validatedBody = await validate("body", req.body)
    next()
  }
}

/** How a list is asked for. */
export interface QueryDefaults {
  /** The fields where the query names none, or only adds (`fields=+name`) and takes away (`fields=-id`). */
  readonly defaults?: readonly string[]
  /** Whether `limit`, `offset` and `order` are read. @defaultValue false */
  readonly isList?: boolean
  /** @defaultValue 50 */
  readonly defaultLimit?: number
}

/**
 * A middleware that checks the query by a schema and hands on what the schema makes of it as
 * `req.validatedQuery`; its `fields`, `limit`, `offset` and `order` also as `req.queryConfig`.
 */
export function validateAndTransformQuery(
  schema: StandardSchemaV1,
  defaults: QueryDefaults = {},
): AppMiddleware {
  const validate = validatorOf("validateAndTransformQuery", schema)
  return async (req, _, next) => {
    req.validatedQuery = (await validate("query", req.query)) as Record<string, unknown>
    req.queryConfig = queryConfigOf(req.validatedQuery, defaults)
    next()
  }
}

type Validate = (what: string, value: unknown) => Promise<unknown>

function validatorOf(caller: string, schema: StandardSchemaV1): Validate {
  const standard = (schema as Partial<StandardSchemaV1> | null | undefined)?.["~standard"]
  if (typeof standard?.validate !== "function")
    throw new InvalidInputError(
      `Expected \`${caller}\` to get a schema of zod (from version 3.24) or another Standard Schema, got something else.`,
    )
  return async (what, value) => {
    const result = await standard.validate(value)
    if (result.issues !== undefined) throw schemaError(what, result.issues)
    return result.value
  }
}

function queryConfigOf(
  { fields, limit, offset, order }: Readonly<Record<string, unknown>>,
  { defaults = [], isList = false, defaultLimit = 50 }: QueryDefaults,
): QueryConfig {
  const asked =
    typeof fields === "string"
      ? fields
          .split(",")
          .map((each) => each.trim())
          .filter(Boolean)
      : []
  const pagination = { skip: numberOr(0, offset), take: numberOr(defaultLimit, limit), order: orderOf(order) }
  return { fields: fieldsOf(asked, defaults), pagination: isList ? pagination : {} }
}

function fieldsOf(asked: readonly string[], defaults: readonly string[]): readonly string[] {
  const changes = asked.every((each) => /^[+-]/.test(each))
  if (!changes) return asked.map((each) => each.replace(/^[+ ]/, ""))
  const without = asked.filter((each) => each.startsWith("-")).map((each) => each.slice(1))
  const added = asked.filter((each) => each.startsWith("+")).map((each) => each.slice(1))
  return [...new Set([...defaults, ...added])].filter((each) => !without.includes(each))
}

function numberOr(fallback: number, value: unknown): number {
  return value === undefined ? fallback : Number(value)
}

/** `-created_at` is the newest first. */
function orderOf(order: unknown): Readonly<Record<string, string>> | undefined {
  if (typeof order !== "string" || order === "") return undefined
  return order.startsWith("-") ? { [order.slice(1)]: "DESC" } : { [order]: "ASC" }
}
