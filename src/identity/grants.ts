import { expected, ForbiddenError, InvalidInputError } from "../core/errors.ts"
import { INSTALLATION, type Scope, type Scopes, scopeKey } from "../core/scope.ts"
import { type Access, type Actor, covers, type Power } from "./access.ts"
import { checkedPermission, PERMISSIONS, type Permission } from "./permissions.ts"

/** What a user, a token or an application is to be allowed, and where. */
export interface GrantInput {
  readonly roles?: readonly string[]
  readonly permissions?: readonly Permission[]
  /** Names such as `acme/master`, or `all`. @defaultValue the scopes of whoever grants it */
  readonly scopes?: "all" | readonly (Partial<Scope> | string)[]
}

/** What they are allowed, as it is kept. */
export interface Grant {
  readonly roles: readonly string[]
  readonly permissions: readonly Permission[] // beside those of the roles
  readonly scopes: Scopes // their keys: `""` is the default scope
}

/** What is asked of the roles. */
interface RoleBook {
  check(names: readonly string[], by: Access): Promise<void>
  allowedBy(names: readonly string[]): Promise<Omit<Power, "scopes">>
}

/** Turns roles into what they allow, and sees to it that nobody hands on more than they have. */
export class Grants {
  readonly #roles: RoleBook

  constructor(roles: RoleBook) {
    this.#roles = roles
  }

  /** @throws InvalidInputError for what cannot be; ForbiddenError for more than `by` may do */
  async checked({ roles = [], permissions = [], scopes }: GrantInput, by: Access): Promise<Grant> {
    if (!Array.isArray(roles)) throw new InvalidInputError(expected("`roles` to be a list of names", roles))
    if (!Array.isArray(permissions))
      throw new InvalidInputError(expected("`permissions` to be a list of names", permissions))
    await this.#roles.check(roles, by)
    const grant = {
      roles: [...new Set(roles)],
      permissions: [...new Set(permissions.map(checkedPermission))],
      scopes: scopes === undefined ? by.scopes : checkedScopes(scopes),
    }
    if (grant.roles.length + grant.permissions.length === 0)
      throw new InvalidInputError("Expected at least one role or permission, got none.")
    // The one who sets an installation up has nothing but this, and only once.
    if (by.actor.kind !== "setup") await this.checkReach(by, grant)
    return grant
  }

  /** @throws ForbiddenError when the grant allows more than `by` may do */
  async checkReach(by: Access, grant: Grant): Promise<void> {
    if (covers(by, await this.powerOf(grant))) return
    throw new ForbiddenError(
      "Expected roles, permissions and scopes that you have yourself, got more: nobody hands on what they do not have, or changes who may do more.",
    )
  }

  async powerOf({ roles, permissions, scopes }: Grant): Promise<Power> {
    const byRoles = await this.#roles.allowedBy(roles)
    if (byRoles.permissions === "all") return { permissions: "all", scopes }
    // A newer Carillon may have written names that this one does not know.
    const known = permissions.filter((each) => Object.hasOwn(PERMISSIONS, each))
    return { ...byRoles, permissions: new Set([...byRoles.permissions, ...known]), scopes }
  }

  async accessOf(actor: Actor, grant: Grant): Promise<Access> {
    return { actor, ...(await this.powerOf(grant)) }
  }
}

const MOST_SCOPES = 1_000

function checkedScopes(scopes: NonNullable<GrantInput["scopes"]>): Scopes {
  if (scopes === "all") return "all"
  if (!Array.isArray(scopes) || scopes.length === 0 || scopes.length > MOST_SCOPES)
    throw new InvalidInputError(expected(`\`scopes\` to be "all" or a list of 1 to ${MOST_SCOPES}`, scopes))
  const keys = new Set(scopes.map((each) => scopeKey(each)))
  if (keys.has(INSTALLATION))
    throw new InvalidInputError(
      `Expected scopes of somebody, got \`${INSTALLATION}\`: what lies there is theirs who have "all".`,
    )
  return [...keys].sort()
}
