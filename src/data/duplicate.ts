import { DuplicateError } from "../core/errors.ts"
import { indexesOf } from "./columns.ts"
import type { Shape } from "./shape.ts"

/** What a store says when two rows would have the same of something unique, in our words; else `null`. */
export function duplicateError(shape: Shape, error: unknown): DuplicateError | null {
  const cause = (error as { cause?: unknown } | null)?.cause
  const property = ofSqlite(cause) ?? ofPostgres(shape, cause)
  if (property === null) return null
  const which = property === shape.key ? "Update that row" : "Choose another value, or update that row"
  return new DuplicateError(
    `Expected \`${property}\` of \`${shape.name}\` to be unique, but there is a row with this value. ${which}.`,
    { cause: error },
  )
}

const UNIQUE = 2067
const PRIMARY_KEY = 1555

function ofSqlite(cause: unknown): string | null {
  const { errcode, message } = (cause ?? {}) as { errcode?: number; message?: string }
  if (errcode !== UNIQUE && errcode !== PRIMARY_KEY) return null
  return /\.(\w+)$/.exec(message ?? "")?.[1] ?? null
}

function ofPostgres(shape: Shape, cause: unknown): string | null {
  const { code, constraint } = (cause ?? {}) as { code?: string; constraint?: string }
  if (code !== "23505" || constraint === undefined) return null
  return indexesOf(shape).find(({ name }) => name === constraint)?.property ?? shape.key
}
