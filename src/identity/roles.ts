import { expected, ForbiddenError, InvalidInputError, NotFoundError } from "../core/errors.ts"
import { nearestName } from "../core/pattern.ts"
import { type Access, covers, isAllowed, OWN_PROCESS, type Power } from "./access.ts"
import { builtInRoles } from "./built-in-roles.ts"
import { checkedPermission, PERMISSIONS, type Permission } from "./permissions.ts"
import { type RecordSource, Records } from "./records.ts"

/** A name for permissions that belong together. */
export interface Role {
  readonly name: string
  readonly description: string
  readonly permissions: "all" | readonly Permission[]
  /** What definitions of events ask for beside, such as `Magento_Sales::actions_view`. */
  readonly resources: readonly string[]
  readonly builtIn: boolean // it comes with Carillon and cannot be changed
}

export interface NewRole {
  /** 1 to 64 small letters, digits, `-` and `_`. */
  readonly name: string
  readonly description?: string
  readonly permissions: readonly Permission[]
  /** At least one of these, or a permission. @defaultValue none */
  readonly resources?: readonly string[]
}

interface RoleRecord {
  readonly name: string
  readonly description: string
  readonly permissions: readonly string[] // also names that only a newer Carillon knows
  readonly resources?: readonly string[] // absent = none
}

export interface RolesOptions {
  readonly source: RecordSource
  /** Who has a role, in words; empty where nobody has. */
  readonly holdersOf: (role: string) => Promise<readonly string[]>
  /** What is remembered of anybody's permissions is wrong from now on. */
  readonly onChanged: () => void
}

/** The roles that there are: those that come with Carillon, and those of the installation. */
export class Roles {
  readonly #options: RolesOptions
  readonly #records: Records<RoleRecord>

  constructor(options: RolesOptions) {
    this.#options = options
    this.#records = new Records(options.source, "roles")
  }

  /** Those that come with Carillon first. */
  async list(): Promise<readonly Role[]> {
    const own = await this.#records.all()
    return [...builtInRoles.values(), ...own.map(roleOf)]
  }

  /**
   * @throws InvalidInputError for a name or a permission that cannot be, or a name that is taken; ForbiddenError for
   *   more than `by` may do
   */
  async create(role: NewRole, by: Access = OWN_PROCESS): Promise<Role> {
    const record = checkedRole(role)
    checkReach(by, record)
    if (!builtInRoles.has(record.name) && (await this.#records.add(record.name, record)))
      return roleOf(record)
    throw new InvalidInputError(
      `Expected the name of a new role, got \`${record.name}\`, which there is. Choose another, or change that one.`,
    )
  }

  /** Whoever has the role may do this from now on. @throws NotFoundError; InvalidInputError; ForbiddenError */
  async update(role: NewRole, by: Access = OWN_PROCESS): Promise<Role> {
    const record = checkedRole(role)
    const old = await this.#found(record.name)
    for (const each of [old, record]) checkReach(by, each)
    await this.#records.change(record.name, () => record)
    this.#options.onChanged()
    return roleOf(record)
  }

  /** @throws NotFoundError for an unknown role; InvalidInputError for one that somebody has; ForbiddenError */
  async remove(name: string, by: Access = OWN_PROCESS): Promise<Role> {
    const record = await this.#found(name)
    checkReach(by, record)
    const holders = await this.#options.holdersOf(name)
    if (holders.length > 0)
      throw new InvalidInputError(
        `Expected a role that nobody has, got \`${name}\`, which is held by ${holders.join(" and ")}. Take it from them first.`,
      )
    await this.#records.remove(name)
    this.#options.onChanged()
    return roleOf(record)
  }

  /** @throws InvalidInputError for what is no role, with the nearest that is one and that `by` may know of */
  async check(names: readonly string[], by: Access = OWN_PROCESS): Promise<void> {
    for (const name of names) {
      if (typeof name === "string" && (builtInRoles.has(name) || (await this.#records.get(name)) !== null))
        continue
      const maySee = by.scopes === "all" && isAllowed(by, "VIEW_USERS")
      const known = maySee ? await this.list() : [...builtInRoles.values()]
      throw new InvalidInputError(`${expected("a role", name)} ${mend(name, known)}`)
    }
  }

  /** All that these roles may do together. A role that is gone may do nothing. @internal */
  async allowedBy(names: readonly string[]): Promise<Omit<Power, "scopes">> {
    const permissions = new Set<Permission>()
    const resources = new Set<string>()
    for (const name of names) {
      const role = builtInRoles.get(name) ?? (await this.#own(name))
      if (role?.permissions === "all") return { permissions: "all" }
      for (const each of role?.permissions ?? []) permissions.add(each)
      for (const each of role?.resources ?? []) resources.add(each)
    }
    return resources.size === 0 ? { permissions } : { permissions, resources }
  }

  async #own(name: string): Promise<Role | null> {
    const record = await this.#records.get(name)
    return record === null ? null : roleOf(record)
  }

  async #found(name: string): Promise<RoleRecord> {
    if (builtInRoles.has(name))
      throw new InvalidInputError(
        `Expected a role of your own, got \`${name}\`, which comes with Carillon and stays as it is. Make another.`,
      )
    const record = isRoleName(name) ? await this.#records.get(name) : null
    if (record !== null) return record
    throw new NotFoundError(`${expected("the name of a role", name)} ${mend(name, await this.list())}`)
  }
}

function mend(name: unknown, roles: readonly Role[]): string {
  const names = roles.map((each) => each.name)
  const near = typeof name === "string" ? nearestName(name, names) : null
  return near === null ? `There are ${names.join(", ")}.` : `Did you mean \`${near}\`?`
}

function roleOf({ name, description, permissions, resources = [] }: RoleRecord): Role {
  const known = permissions.filter((each): each is Permission => Object.hasOwn(PERMISSIONS, each))
  return { name, description, permissions: known, resources, builtIn: false }
}

function checkedRole({ name, description = "", permissions, resources = [] }: NewRole): RoleRecord {
  if (!isRoleName(name))
    throw new InvalidInputError(expected("a role's name of 1 to 64 small letters, digits, `-` and `_`", name))
  if (typeof description !== "string" || description.length > LONGEST_DESCRIPTION)
    throw new InvalidInputError(`Expected a description of at most ${LONGEST_DESCRIPTION} characters.`)
  if (!Array.isArray(resources) || !resources.every(isResource))
    throw new InvalidInputError(expected("the resources of a role, each of 1 to 200 characters", resources))
  if (!Array.isArray(permissions) || permissions.length + resources.length === 0)
    throw new InvalidInputError(expected("the permissions of a role, at least one", permissions))
  const checked = permissions.map(checkedPermission)
  return { name, description, permissions: [...new Set(checked)], resources: [...new Set(resources)] }
}

function isResource(name: unknown): boolean {
  return typeof name === "string" && /^[^\p{Cc}]{1,200}$/u.test(name)
}

const LONGEST_DESCRIPTION = 200

function isRoleName(name: unknown): name is string {
  return typeof name === "string" && /^[a-z0-9][a-z0-9_-]{0,63}$/.test(name)
}

/** Roles belong to the installation, and nobody puts into one what they do not have. */
function checkReach(by: Access, record: RoleRecord): void {
  const { permissions, resources } = roleOf(record)
  const power = {
    permissions: new Set(permissions as readonly Permission[]),
    resources: new Set(resources),
    scopes: "all",
  } as const
  if (covers(by, power)) return
  throw new ForbiddenError(
    `Expected \`${record.name}\` to hold nothing that you may not do in all scopes: roles belong to all of them.`,
  )
}
