import type { Attempt, Matrix } from "./attempt.ts"
import { GLOBEX } from "./tenant.ts"

const open: readonly Attempt[] = [{ how: "at all", status: 200 }]
const never: readonly Attempt[] = [{ how: "at all", status: 403 }]
const role = { permissions: ["VIEW_EVENTS"] }
const EMAIL = { data: { email: ["cus_1001@mail.example"] } }

export const systemAttempts: Matrix = {
  listScopes: () => [{ how: "without a filter", status: 200, theirs: 200 }],
  erase: () => [
    {
      how: "of somebody whom both know, counted",
      body: { where: EMAIL, dryRun: true },
      status: 200,
      theirs: 200,
    },
    {
      how: "of somebody whom it knows",
      body: { where: { data: { owner: ["globex"] } }, dryRun: true },
      status: 200,
      theirs: 200,
    },
    { how: "of somebody whom both know", body: { where: EMAIL, dryRun: false }, status: 200 },
    {
      how: "of somebody whom both know, with what is open",
      body: { where: EMAIL, dryRun: false, includeOpen: true },
      status: 200,
      theirs: 200,
    },
  ],
  getApi: () => open,
  getDocument: () => open,
  getHealth: () => open,
  getReady: () => open,
  getMetrics: () => never,
  getStats: () => never,
  getDiagnosis: () => never,
  listWorkers: () => never,
  prune: () => [
    { how: "of everything", body: { before: "2027-01-01T00:00:00Z", dryRun: false }, status: 403 },
  ],
  listSchedules: () => never,
  ...Object.fromEntries(
    ["pauseSchedule", "resumeSchedule", "removeSchedule"].map((id) => [
      id,
      () => [
        { how: "by a name", params: { id: "schedule:sync" }, status: 403 },
        { how: "of its group", params: { id: "schedule:sync" }, query: { group: "globex" }, status: 403 },
        { how: "by what is no schedule's name", params: { id: "ledger" }, status: 403 },
      ],
    ]),
  ),
  createUser: () => [
    {
      how: "under an address that it has",
      body: { email: "clerk@globex.example", password: "correct horse", scopes: [GLOBEX] },
      status: 403,
    },
    { how: "with a body that is none", body: { email: 1 }, status: 403 },
  ],
  listRoles: () => never,
  createRole: () => [{ how: "by name", body: { ...role, name: "support" }, status: 403 }],
  updateRole: () => [{ how: "by name", params: { name: "viewer" }, body: role, status: 403 }],
  removeRole: () => [{ how: "by name", params: { name: "viewer" }, status: 403 }],
}
