import { InvalidInputError } from "../core/errors.ts"
import type { Scopes } from "../core/scope.ts"
import type { GrantInput } from "../identity/grants.ts"
import type { Permission } from "../identity/permissions.ts"

export interface GrantFlags {
  readonly role?: readonly string[]
  readonly permission?: readonly string[]
  readonly scope?: readonly string[]
}

/** What the options of that name allow; what is no permission is found out where it is checked. */
export function grantOf({ role, permission, scope }: GrantFlags): GrantInput {
  return {
    roles: role,
    permissions: permission as readonly Permission[] | undefined,
    scopes: scopesOf(scope),
  }
}

/** Like those of a webhook, and of the API, all are named by a word. An account of that name is `all/master`. */
function scopesOf(scope: readonly string[] | undefined): "all" | readonly string[] | undefined {
  if (!scope?.includes("all")) return scope
  if (scope.length === 1) return "all"
  throw new InvalidInputError(
    `Expected \`--scope\` to name scopes or \`all\`, got \`${scope.join("`, `")}\`.`,
  )
}

/** `acme/master, default/master`, or `all`. */
export function scopeNames(scopes: Scopes): string {
  return scopes === "all" ? "all" : scopes.map((key) => (key === "" ? "default/master" : key)).join(", ")
}

export function powerNames({
  roles,
  permissions,
}: {
  readonly roles: readonly string[]
  readonly permissions: readonly string[]
}): string {
  return [...roles, ...permissions].join(", ")
}
