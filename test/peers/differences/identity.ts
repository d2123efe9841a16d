import type { Difference } from "./difference.ts"

export const identity: readonly Difference[] = [
  {
    what: "A step's `idempotencyKey`",
    medusa: "`workflow:transaction:step:invoke`",
    carillon: "`workflow:run:step:invoke`",
    why: "A transaction id may be run again after its run was undone; a payment of the first run must not answer for the second.",
    shown: {
      context: {
        "run.result": ['"never"', "undefined"],
        told: [
          '["workflowId=context stepName=charge action=invoke attempt=1 idempotencyKey=context:trx_1:charge:invoke transactionId=trx_1 eventGroupId=grp_1", "context: trx_1 grp_1", "workflowId=context stepName=charge action=invoke attempt=2 idempotencyKey=context:trx_1:charge:invoke transactionId=trx_1 eventGroupId=grp_1", "context: trx_1 grp_1", "workflowId=context stepName=charge action=compensate attempt=1 idempotencyKey=context:trx_1:charge:compensate transactionId=trx_1 eventGroupId=grp_1"]',
          '["workflowId=context stepName=charge action=invoke attempt=1 idempotencyKey=context:run_…:charge:invoke transactionId=trx_1 eventGroupId=grp_1", "context: trx_1 grp_1", "workflowId=context stepName=charge action=invoke attempt=2 idempotencyKey=context:run_…:charge:invoke transactionId=trx_1 eventGroupId=grp_1", "context: trx_1 grp_1", "workflowId=context stepName=charge action=compensate attempt=1 idempotencyKey=context:run_…:charge:compensate transactionId=trx_1 eventGroupId=grp_1"]',
        ],
      },
      "own-ids": {
        "run.result": ['["auto-", "string", true, true]', '["auto-", "string", true, false]'],
      },
    },
  },
  {
    what: "The transaction id of a child",
    medusa: "`<step>-<parent's transaction>`, and another with each retry",
    carillon: "`child:<parent's run>:<step>:invoke`",
    why: "The same in every attempt and after a crash, so that the child is found and not begun again.",
    shown: {
      child: {
        "the child saw": [
          '[["child-pay", "child-pay-as-step-trx_1", "grp_1"]]',
          '[["child-pay", "child:run_…:child-pay-as-step:invoke", "grp_1"]]',
        ],
      },
    },
  },
  {
    what: "`run` with a transaction id that is running",
    medusa: "answers with how far that has come, or throws `SkipExecutionError`, as the race wills",
    carillon: "joins the run, and answers with its result",
    why: "Both callers want the same thing done once.",
    shown: {
      "same-id-side-by-side": {
        "second.result": ["undefined", '"charged 1"'],
        "second.state": ["invoking", "done"],
        "second.steps.charge": ["invoking/dormant", "done/dormant"],
      },
    },
  },
  {
    what: "A run that is done, of a workflow without `retentionTime`",
    medusa: "is forgotten at once",
    carillon: "is kept as long as the store's history",
    why: "Nothing is invisible.",
    shown: {
      "kept-or-not": {
        plain: ["nothing kept", "–"],
        "plain.state": ["–", "done"],
        "plain.steps.charge": ["–", "done/dormant"],
      },
    },
  },
]
