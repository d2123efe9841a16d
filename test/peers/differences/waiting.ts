import type { Difference } from "./difference.ts"

export const waiting: readonly Difference[] = [
  {
    what: "A step that waits beside one that has failed",
    medusa: "is waited for before anything is undone",
    carillon: "is undone at once; to end it later is refused",
    why: "It may never be ended.",
    shown: {
      "waiting-beside-failing": {
        calls: [
          "bad 2 | approve 1 | undo approve undefined | undo bad undefined",
          "approve 1 | bad 2 | undo approve undefined | undo bad undefined",
        ],
        "end.steps.approve": ["done/reverted", "invoking/reverted"],
        "run.result": ['"never"', "undefined"],
        "run.state": ["waiting_to_compensate", "reverted"],
        "run.steps.approve": ["invoking/dormant", "invoking/reverted"],
        "run.steps.bad": ["failed/dormant", "failed/reverted"],
        "succeed approve": ["threw Error: declined", "threw CARILLON_INVALID_INPUT"],
        "while it waits.state": ["waiting_to_compensate", "reverted"],
        "while it waits.steps.approve": ["invoking/dormant", "invoking/reverted"],
        "while it waits.steps.bad": ["failed/dormant", "failed/reverted"],
      },
    },
  },
  {
    what: "A background step that answers with `StepResponse.skip()`",
    medusa: "never ends, nor does the run",
    carillon: "is skipped, and the run goes on",
    why: "As in the foreground.",
    shown: {
      "skip-in-the-background": {
        calls: ["gift 1", "gift 1 | look {}"],
        "end, which did not come.state": ["invoking", "–"],
        "end, which did not come.steps.gift": ["invoking/dormant", "–"],
        "end, which did not come.steps.look": ["not_started/dormant", "–"],
        "end.state": ["–", "done"],
        "end.steps.gift": ["–", "skipped/dormant"],
        "end.steps.look": ["–", "done/dormant"],
      },
    },
  },
  {
    what: "`run` of a workflow whose step is tried again after a while",
    medusa: "answers at once, with a run that goes on",
    carillon: "answers when the run has ended",
    why: "Only what is declared as `async` goes on behind the caller's back.",
    shown: {
      "retry-interval": {
        "run.result": ["undefined", '"ship done"'],
        "run.state": ["invoking", "done"],
        "run.steps.charge": ["invoking/dormant", "done/dormant"],
        "run.steps.ship": ["not_started/dormant", "done/dormant"],
      },
    },
  },
  {
    what: "`retryStep` after a failure with `autoRetry: false`",
    medusa: "is refused; one has to run the transaction id again",
    carillon: "lets it have its next attempt",
    why: "It is what the call is for.",
    shown: {
      "no-retry-by-itself": {
        retry: ["threw Error: Cannot retry step when status is temp_failure", "–"],
        "retry.errors": ["–", ""],
        "retry.result": ["–", '"charged"'],
        "retry.state": ["–", "done"],
        "retry.steps.charge": ["–", "done/dormant"],
        "run again.errors": ["", "–"],
        "run again.result": ['"charged"', "–"],
        "run again.state": ["done", "–"],
        "run again.steps.charge": ["done/dormant", "–"],
        "while it waits.state": ["not_started", "invoking"],
        "while it waits.steps.charge": ["not_started/dormant", "invoking/dormant"],
      },
    },
  },
  {
    what: "`run` whose first step is an `async` one under a condition",
    medusa: "answers before the step behind it begins",
    carillon: "answers when that has begun",
    why: "It answers when only the background goes on.",
    shown: {
      "background-under-condition": {
        "run.steps.yes": ["not_started/dormant", "invoking/dormant"],
      },
    },
  },
  {
    what: "`emitEventStep` with a function for its data",
    medusa: "emits nothing: the function is lost on the way to the step",
    carillon: "calls it",
    why: "It is documented so.",
    shown: {
      "events-by-a-function": {
        events: ["–", 'placed { from: "emit-event-step" }'],
      },
    },
  },
  {
    what: "`onFinish` of a run that failed",
    medusa: "is not called",
    carillon: "is called",
    why: "It has finished.",
    shown: {
      "told-on-the-way": {
        "told ill": [
          '["onBegin", "onStepBegin", "onStepSuccess", "onStepBegin", "onStepFailure", "onCompensateBegin", "onStepBegin", "onCompensateStepSuccess", "onStepBegin", "onCompensateStepSuccess"]',
          '["onBegin", "onStepBegin", "onStepSuccess", "onStepBegin", "onStepFailure", "onCompensateBegin", "onStepBegin", "onCompensateStepSuccess", "onStepBegin", "onCompensateStepSuccess", "onFinish"]',
        ],
      },
    },
  },
  {
    what: "A step with `noWait`",
    medusa: "begins after what follows it",
    carillon: "begins before what follows it",
    why: "Both run side by side; we keep the order in which they stand.",
    shown: {
      "no-wait": {
        calls: ["reserve 1 | ship 3 | notify 2", "reserve 1 | notify 2 | ship 3"],
      },
      "no-wait-fails": {
        calls: [
          'reserve 1 | ship 3 | notify 2 | undo ship "ship done" | undo notify undefined | undo reserve "reserve done"',
          'reserve 1 | notify 2 | ship 3 | undo ship "ship done" | undo notify undefined | undo reserve "reserve done"',
        ],
      },
    },
  },
]
