import type { Body, CallOptions, Query } from "./asked.ts"
import type { Caller } from "./caller.ts"

/** Who may log in. */
export function usersOf(caller: Caller) {
  return {
    list: (query?: Query<"listUsers">, options?: CallOptions) =>
      caller.list("listUsers", { ...options, query }),

    /** By id or e-mail address. */
    get: (id: string, options?: CallOptions) => caller.call("getUser", { ...options, params: { id } }),

    create: (user: Body<"createUser">, options?: CallOptions) =>
      caller.call("createUser", { ...options, body: user }),

    /** Gives them other roles or scopes, from the next request on. */
    update: (id: string, change: Body<"updateUser">, options?: CallOptions) =>
      caller.call("updateUser", { ...options, params: { id }, body: change }),

    /** Their log-ins end. */
    setPassword: (id: string, password: string, options?: CallOptions) =>
      caller.call("setPassword", { ...options, params: { id }, body: { password } }),

    remove: (id: string, options?: CallOptions) => caller.call("removeUser", { ...options, params: { id } }),
  }
}

/** Names for permissions that belong together. */
export function rolesOf(caller: Caller) {
  return {
    list: (query?: Query<"listRoles">, options?: CallOptions) =>
      caller.list("listRoles", { ...options, query }),

    create: (role: Body<"createRole">, options?: CallOptions) =>
      caller.call("createRole", { ...options, body: role }),

    update: (name: string, change: Body<"updateRole">, options?: CallOptions) =>
      caller.call("updateRole", { ...options, params: { name }, body: change }),

    remove: (name: string, options?: CallOptions) =>
      caller.call("removeRole", { ...options, params: { name } }),
  }
}

/** What programs and people show instead of a password. */
export function tokensOf(caller: Caller) {
  return {
    list: (query?: Query<"listTokens">, options?: CallOptions) =>
      caller.list("listTokens", { ...options, query }),

    /** By id or prefix. */
    get: (id: string, options?: CallOptions) => caller.call("getToken", { ...options, params: { id } }),

    /** The answer has the token itself, this once. */
    create: (token: Body<"createToken">, options?: CallOptions) =>
      caller.call("createToken", { ...options, body: token }),

    revoke: (id: string, options?: CallOptions) => caller.call("revokeToken", { ...options, params: { id } }),
  }
}

/** Who changed, redrove or replayed what. */
export function auditOf(caller: Caller) {
  return {
    /** Newest first. */
    list: (query?: Query<"listAudit">, options?: CallOptions) =>
      caller.list("listAudit", { ...options, query }),
  }
}

/** Programs that are known by name. */
export function applicationsOf(caller: Caller) {
  return {
    list: (query?: Query<"listApplications">, options?: CallOptions) =>
      caller.list("listApplications", { ...options, query }),

    /** By client id. */
    get: (id: string, options?: CallOptions) => caller.call("getApplication", { ...options, params: { id } }),

    /** The answer has the secrets, this once. */
    create: (application: Body<"createApplication">, options?: CallOptions) =>
      caller.call("createApplication", { ...options, body: application }),

    /** New secrets; the answer has them, this once. */
    rotate: (id: string, options?: CallOptions) =>
      caller.call("rotateApplication", { ...options, params: { id } }),

    remove: (id: string, options?: CallOptions) =>
      caller.call("removeApplication", { ...options, params: { id } }),
  }
}
