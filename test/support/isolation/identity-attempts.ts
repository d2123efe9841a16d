import type { Attempt, Matrix } from "./attempt.ts"
import { GLOBEX, type Tenant } from "./tenant.ts"

const grants: readonly Attempt[] = [
  { how: "for its scope", body: { name: "spy", roles: ["viewer"], scopes: [GLOBEX] }, status: 403 },
  {
    how: "for its scope, among others",
    body: { name: "spy", roles: ["viewer"], scopes: ["acme/master", GLOBEX] },
    status: 403,
  },
  {
    how: "for its scope, in parts",
    body: { name: "spy", roles: ["viewer"], scopes: [{ account: "globex" }] },
    status: 403,
  },
  { how: "for all scopes", body: { name: "spy", roles: ["viewer"], scopes: "all" }, status: 403 },
  { how: "under a name that it has", body: { name: "erp", roles: ["viewer"] }, status: 201 },
]

const users = (theirs: Tenant, body?: unknown, status = 200): readonly Attempt[] => [
  { how: "by id", params: { id: theirs.user.id }, body, status: 404, theirs: status },
  { how: "by e-mail address", params: { id: theirs.user.email }, body, status: 404 },
]

const tokens = (theirs: Tenant, status = 200): readonly Attempt[] => [
  { how: "by prefix", params: { id: theirs.tokenId.replace("tok_", "crl_") }, status: 404 },
  { how: "whole", params: { id: theirs.token }, status: 404 },
  { how: "by id", params: { id: theirs.tokenId }, status: 404, theirs: status },
]

const applications = (theirs: Tenant, status: number): readonly Attempt[] => [
  { how: "by its client id", params: { id: theirs.application }, status: 404, theirs: status },
]

export const identityAttempts: Matrix = {
  getMe: () => [
    { how: "at all", status: 200 },
    {
      how: "by a header that proxies set",
      headers: { "x-scope": GLOBEX, "x-account": "globex" },
      status: 200,
    },
  ],
  listUsers: () => [{ how: "without a filter", status: 200, theirs: 200 }],
  getUser: (_, theirs) => users(theirs),
  updateUser: (own, theirs) => [
    ...users(theirs, { roles: ["emitter"] }),
    {
      how: "by giving a user its scope",
      params: { id: own.user.id },
      body: { scopes: [GLOBEX] },
      status: 403,
    },
  ],
  setPassword: (_, theirs) => users(theirs, { password: "battery staple" }, 204),
  removeUser: (_, theirs) => users(theirs, undefined, 204),
  listTokens: () => [{ how: "without a filter", status: 200, theirs: 200 }],
  createToken: () => grants,
  getToken: (_, theirs) => tokens(theirs),
  revokeToken: (_, theirs) => tokens(theirs),
  listApplications: () => [{ how: "without a filter", status: 200, theirs: 200 }],
  createApplication: () => grants,
  getApplication: (_, theirs) => applications(theirs, 200),
  rotateApplication: (_, theirs) => applications(theirs, 200),
  removeApplication: (_, theirs) => applications(theirs, 204),
  listAudit: (_, theirs) => [
    { how: "by its token", query: { actor: theirs.tokenId }, status: 200, theirs: 200 },
    { how: "by the name of its token", query: { actor: "till" }, status: 200, theirs: 200 },
    { how: "by action", query: { action: "application.*" }, status: 200, theirs: 200 },
    { how: "by time", query: { from: "2026-03-01T12:00:30Z" }, status: 200, theirs: 200 },
    { how: "without a filter", status: 200, theirs: 200 },
  ],
  logIn: (_, theirs) => [
    {
      how: "with a wrong password",
      body: { email: theirs.user.email, password: "wrong password" },
      status: 401,
    },
  ],
}
