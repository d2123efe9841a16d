import type { WithinScopes } from "../bus/within.ts"
import { type Scope, type Scopes, scopeKey } from "../core/scope.ts"
import type { StoreFlags } from "./store.ts"

export interface ScopedFlags extends StoreFlags {
  readonly scope?: string
}

/** What lies elsewhere than a command line says is then as if it did not exist. */
export function within({ scope }: { readonly scope?: string }): WithinScopes {
  return scope === undefined ? {} : { scopes: [scope] }
}

/** Where what is done has an effect, for the audit log. */
export function reachOf({ scope }: { readonly scope?: string }): Scopes {
  return scope === undefined ? "all" : [scopeKey(scope)]
}

export function scopeName({ account, workspace }: Scope): string {
  return `${account}/${workspace}`
}
