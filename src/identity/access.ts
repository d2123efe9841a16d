import { isWithin, type Scopes } from "../core/scope.ts"
import type { Permission } from "./permissions.ts"

/** Who does something: for the audit log, and for nothing else. */
export interface Actor {
  readonly kind: "user" | "token" | "application" | "setup" | "command line" | "process"
  readonly id: string
  readonly name: string // for people: an e-mail address, a token's name
}

/** What may be done, and where. */
export interface Power {
  readonly permissions: "all" | ReadonlySet<Permission>
  /** By their keys (`""` is the default scope). What belongs to the whole installation needs `all`. */
  readonly scopes: Scopes
  /** What definitions of events ask for beside, by their names. Who may do everything has them all. @defaultValue none */
  readonly resources?: ReadonlySet<string>
}

/** Who asks, what they may do, and where. */
export interface Access extends Power {
  readonly actor: Actor
}

/** Code of the application that Carillon runs in: it has the store in its hands, and may do everything. */
export const OWN_PROCESS: Access = {
  actor: { kind: "process", id: "process", name: "the application" },
  permissions: "all",
  scopes: "all",
}

export function isAllowed({ permissions }: Power, permission: Permission): boolean {
  return permissions === "all" || permissions.has(permission)
}

export function hasResource({ permissions, resources }: Omit<Power, "scopes">, name: string): boolean {
  return permissions === "all" || (resources?.has(name) ?? false)
}

/** Whether something of that scope (its key) exists for them at all. */
export function canSee({ scopes }: Pick<Power, "scopes">, key: string): boolean {
  return isWithin(scopes, key)
}

/** Whether something that lies in all these scopes exists for them. */
export function canSeeAll({ scopes }: Pick<Power, "scopes">, wanted: Scopes): boolean {
  if (wanted === "all") return scopes === "all"
  return wanted.every((key) => isWithin(scopes, key))
}

/** Whether somebody with `own` may do all that `wanted` may, everywhere that it may. */
export function covers(own: Power, wanted: Power): boolean {
  if (!canSeeAll(own, wanted.scopes)) return false
  if (wanted.permissions === "all") return own.permissions === "all"
  return (
    [...wanted.permissions].every((each) => isAllowed(own, each)) &&
    [...(wanted.resources ?? [])].every((each) => hasResource(own, each))
  )
}
