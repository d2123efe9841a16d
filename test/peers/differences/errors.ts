import type { Difference } from "./difference.ts"

export const errors: readonly Difference[] = [
  {
    what: "What `run` throws",
    medusa: "a plain object with the error's properties",
    carillon:
      "the error that was thrown, of its class, while the process lives; an `Error` with the same name, message and code after that",
    why: "`instanceof` and stack traces work.",
    shown: {
      "throws-by-itself": {
        "is an Error": ["false", "true"],
        "is the class that was thrown": ["false", "true"],
      },
    },
  },
  {
    what: "Thrown values that are no errors",
    medusa: "their JSON in the place of a message, without a name",
    carillon: "an `Error` with a message in words",
    why: "Logs and lists show messages.",
    shown: {
      "odd-errors": {
        "bare.errors": [
          'bare invoke undefined: {"code":8}',
          "bare invoke Error: An object without a message was thrown",
        ],
        "nothing.errors": [
          "nothing invoke undefined: undefined",
          "nothing invoke Error: undefined was thrown",
        ],
        "plain.errors": ["plain invoke undefined: no stock", "plain invoke Error: no stock"],
        "text.errors": ['text invoke undefined: "no price"', "text invoke Error: no price"],
      },
    },
  },
  {
    what: "The messages of timeouts",
    medusa: "are empty; a run's stands at the step that ran",
    carillon: "say what took too long and what to do; a run's stands at the workflow",
    why: "An operator reads them.",
    shown: {
      "run-timeout": {
        "run.errors": [
          "slow invoke TransactionTimeoutError: ",
          "run-timeout invoke TransactionTimeoutError: (words)",
        ],
      },
      "step-timeout": {
        "run.errors": [
          "slow invoke TransactionStepTimeoutError: ",
          "slow invoke TransactionStepTimeoutError: (words)",
        ],
      },
      "step-timeout-goes-on": {
        "run.errors": [
          "slow invoke TransactionStepTimeoutError: ",
          "slow invoke TransactionStepTimeoutError: (words)",
        ],
      },
    },
  },
  {
    what: "The step that a run's timeout meets",
    medusa: "is marked as timed out",
    carillon: "keeps the state that it had",
    why: "It kept its own time limit. A step that ended is undone with its output.",
    shown: {
      "run-timeout": {
        "run.steps.slow": ["timeout/reverted", "done/reverted"],
      },
      "waiting-run-timeout": {
        "end.steps.approve": ["timeout/reverted", "invoking/reverted"],
      },
    },
  },
  {
    what: "A refusal without a name",
    medusa: "has none",
    carillon: "is an `Error`",
    why: "It is thrown.",
    shown: {
      "refused-and-retried": {
        "refuse approve for good": ["threw undefined: never", "threw Error: never"],
      },
    },
  },
  {
    what: "`engine.run` of a workflow that completes although a step failed",
    medusa: "throws that step's error, unlike `workflow().run`",
    carillon: "answers like `workflow().run`",
    why: "The run is done. `errors` and `hasFailedSteps` tell the rest.",
    shown: {
      "by-the-engine": {
        "goes on": ["threw Error: no mail", "–"],
        "goes on.errors": ["–", "mail invoke Error: no mail"],
        "goes on.result": ["–", "undefined"],
        "goes on.state": ["–", "done"],
        "goes on.steps.mail": ["–", "failed/dormant"],
      },
    },
  },
  {
    what: "`run` whose run somebody cancels meanwhile",
    medusa: 'has no error (and throws "Unknown error")',
    carillon: "has an error that says that it was cancelled",
    why: "The caller has to know why there is no result.",
    shown: {
      "cancel-in-a-step": {
        "run.errors": ["", "cancel-in-a-step invoke CARILLON_STOPPED"],
      },
    },
  },
  {
    what: "Errors of wrong use",
    medusa: "`Error` or `MedusaError` with a short message",
    carillon: "a `CarillonError` with a code, which names what was expected, what came, and how to mend it",
    why: "Codes stay when words get better.",
    shown: {
      "cancel-by-id": {
        "cancel again": [
          "threw Error: Transaction trx_1 could not be found.",
          "threw CARILLON_INVALID_INPUT",
        ],
        "cancel what never was": [
          "threw Error: Transaction trx_2 could not be found.",
          "threw CARILLON_NOT_FOUND",
        ],
      },
      "cancel-failed": {
        "cancel of the reverted one": [
          "threw Error: Transaction trx_1 could not be found.",
          "threw CARILLON_INVALID_INPUT",
        ],
      },
      "ended-twice": {
        "after the end": [
          "threw Error: Transaction trx_1 could not be found.",
          "threw CARILLON_INVALID_INPUT",
        ],
        "first again": [
          "threw Error: Cannot set step success when status is ok",
          "threw CARILLON_INVALID_INPUT",
        ],
        "not reached yet": [
          "threw Error: Cannot set step success when status is idle",
          "threw CARILLON_INVALID_INPUT",
        ],
        "unknown step": ["threw Error: Action not found.", "threw CARILLON_INVALID_INPUT"],
        "unknown transaction": [
          "threw Error: Transaction trx_9 could not be found.",
          "threw CARILLON_NOT_FOUND",
        ],
      },
      "hook-twice": {
        second: [
          "threw Error: Cannot define multiple hook handlers for the priced hook",
          "threw CARILLON_INVALID_INPUT",
        ],
      },
      outside: {
        parallelize: [
          "threw Error: parallelize must be used inside a createWorkflow definition",
          "threw CARILLON_INVALID_INPUT",
        ],
        step: [
          "threw Error: createStep must be used inside a createWorkflow definition",
          "threw CARILLON_INVALID_INPUT",
        ],
      },
      "retry-step": {
        "retry after the end": [
          "threw Error: Transaction trx_1 could not be found.",
          "threw CARILLON_INVALID_INPUT",
        ],
      },
      "step-twice": {
        twice: ["threw Error: Step charge is already defined in workflow.", "threw CARILLON_INVALID_INPUT"],
      },
      "unknown-workflow": {
        cancel: [
          'threw Error: Workflow with id "unknown-workflow-nowhere" not found.',
          "threw CARILLON_NOT_FOUND",
        ],
        run: [
          'threw Error: Workflow with id "unknown-workflow-nowhere" not found.',
          "threw CARILLON_NOT_FOUND",
        ],
      },
      "when-without-condition": {
        compose: ['threw Error: "when condition" must be a function', "threw CARILLON_INVALID_INPUT"],
      },
      "workflow-twice": {
        other: [
          'threw Error: Workflow with id "workflow-twice" and step definition already exists.',
          "threw CARILLON_INVALID_INPUT",
        ],
      },
    },
  },
  {
    what: "`when` without `then`",
    medusa: "throws outside of everything, in the next tick of the process",
    carillon: "throws in `createWorkflow`",
    why: "An error of composition should be caught where it is made.",
    shown: {
      "when-without-then": {
        compose: ["no error", "threw CARILLON_INVALID_INPUT"],
        strays: ['".then" is missing after "when" condition', "–"],
      },
    },
  },
]
