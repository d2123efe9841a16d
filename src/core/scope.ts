import { expected, InvalidInputError } from "./errors.ts"

/** Where an event lives. A subscription hears every scope, or only the one that it names. */
export interface Scope {
  readonly account: string
  readonly workspace: string
}

/** The scope of everything that names none. */
export const DEFAULT_SCOPE: Scope = Object.freeze({ account: "default", workspace: "master" })

/**
 * Where that lies which Carillon tells of the installation as a whole, by its key. Nobody's scope can be named like it,
 * so it is theirs alone who see every scope.
 */
export const INSTALLATION = "_carillon/installation"

/**
 * The short form in which scopes are stored and compared: `""` for the default
 * scope, else `"account/workspace"`. A part that is left out is the default's; a
 * string may be a key or an account alone.
 *
 * @throws InvalidInputError when a part is not a name
 */
export function scopeKey(scope: Partial<Scope> | string | undefined): string {
  if (scope === undefined || scope === "") return ""
  const { account, workspace } = typeof scope === "string" ? split(scope) : parts(scope)
  if (account === DEFAULT_SCOPE.account && workspace === DEFAULT_SCOPE.workspace) return ""
  return `${account}/${workspace}`
}

/** The scope that a key stands for; the opposite of {@link scopeKey}. */
export function parseScope(key: string): Scope {
  return key === "" ? DEFAULT_SCOPE : split(key)
}

function split(key: string): Scope {
  const [account, workspace, ...rest] = key.split("/")
  if (rest.length > 0) throw new InvalidInputError(expected("the scope to be `account/workspace`", key))
  return parts({ account, workspace })
}

function parts(scope: Partial<Scope>): Scope {
  if (typeof scope !== "object" || scope === null) {
    throw new InvalidInputError(
      expected("the scope to be `{ account, workspace }` or `account/workspace`", scope),
    )
  }
  const { account, workspace } = scope
  // Handlers of such an event hand its scope on.
  if (`${account}/${workspace}` === INSTALLATION) return { account, workspace } as Scope
  return {
    account: checkedName("account", scope.account ?? DEFAULT_SCOPE.account),
    workspace: checkedName("workspace", scope.workspace ?? DEFAULT_SCOPE.workspace),
  }
}

// A name must stand in a path, a header and a column without being escaped, and never be "." or "..".
const name = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

function checkedName(part: string, value: unknown): string {
  if (typeof value === "string" && name.test(value)) return value
  throw new InvalidInputError(
    expected(
      `the scope's \`${part}\` to be 1 to 64 letters, digits, \`.\`, \`_\` or \`-\`, the first a letter or digit`,
      value,
    ),
  )
}

/** Which scopes somebody is concerned with, by their keys: all there are, or these. */
export type Scopes = "all" | readonly string[]

/** Whether something of that scope is theirs to see. Absent scopes are all of them. */
export function isWithin(scopes: Scopes | undefined, key: string): boolean {
  return scopes === undefined || scopes === "all" || scopes.includes(key)
}

/**
 * Their keys, each in its short form; undefined = every scope.
 *
 * @throws InvalidInputError for what is neither `"all"` nor an array of scopes
 */
export function scopeKeys(scopes: Scopes | undefined): readonly string[] | undefined {
  if (scopes === undefined || scopes === "all") return undefined
  if (Array.isArray(scopes) && scopes.every((each) => typeof each === "string"))
    return [...new Set(scopes.map((each: string) => scopeKey(each)))]
  throw new InvalidInputError(
    expected('`scopes` to be `"all"` or an array of scopes, each `account/workspace`', scopes),
  )
}
