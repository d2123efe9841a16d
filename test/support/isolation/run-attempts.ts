import type { Attempt, Matrix } from "./attempt.ts"
import { GLOBEX } from "./tenant.ts"

const inBody = (id: string | undefined, more: Partial<Attempt> = {}): readonly Attempt[] => [
  { how: "by its id", params: { id: String(id) }, status: 404, theirs: 202, ...more },
]

const step = (run: string | undefined, name: string, body?: unknown): readonly Attempt[] => [
  {
    how: "by the ids of its run and step",
    params: { id: String(run), step: name },
    body,
    status: 404,
    theirs: 202,
  },
  { how: "by a step that it has not", params: { id: String(run), step: "none" }, body, status: 404 },
]

export const runAttempts: Matrix = {
  listWorkflows: () => [{ how: "without a filter", status: 200 }],
  startRun: () => [
    {
      how: "into its scope",
      params: { workflow: "place-order" },
      body: { scope: GLOBEX, transactionId: "tx_cancel" },
      status: 404,
    },
    {
      how: "under a transaction id that it has",
      params: { workflow: "place-order" },
      body: { transactionId: "tx_cancel" },
      status: 202,
      theirs: 202,
    },
    {
      how: "with its event group",
      params: { workflow: "place-order" },
      body: { eventGroupId: "checkout-2001" },
      status: 403,
    },
    {
      how: "of its group",
      params: { workflow: "place-order" },
      body: { group: "globex", transactionId: "tx_group" },
      status: 404,
    },
  ],
  listRuns: (_, theirs) => [
    { how: "without a filter", status: 200, theirs: 200 },
    { how: "by workflow", query: { workflow: "ship" }, status: 200, theirs: 200 },
    {
      how: "by a transaction id that it has",
      query: { transactionId: "tx_success" },
      status: 200,
      theirs: 200,
    },
    { how: "by its parent", query: { parent: String(theirs.runs.ord_1001) }, status: 200 },
    { how: "by state", query: { state: "invoking" }, status: 200, theirs: 200 },
  ],
  getRun: (_, theirs) => inBody(theirs.runs.ord_1001, { theirs: 200 }),
  cancelRun: (_, theirs) => inBody(theirs.runs.tx_cancel, { body: { reason: "to do harm" } }),
  retryStep: (_, theirs) => step(theirs.runs.tx_ship, "load"),
  setStepSuccess: (_, theirs) => step(theirs.runs.tx_success, "pay", { output: "paid" }),
  setStepFailure: (_, theirs) => step(theirs.runs.tx_failure, "pay", { error: "declined" }),
}
