import type { WithinScopes } from "../../bus/within.ts"
import { UsageError } from "../output.ts"

/** As a server is asked: for one scope, or for all that the token has. */
export function scopeOf({ scopes }: WithinScopes): string | undefined {
  const named = scopes === undefined || scopes === "all" ? [] : scopes
  if (named.length > 1) throw new UsageError("Expected one --scope with --url, got several: ask for each.")
  return named[0]
}
