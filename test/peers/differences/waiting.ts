import type { Difference } from "./difference.ts"

export const waiting: readonly Difference[] = [
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
    medusa: "answers when the condition was asked",
    carillon: "answers before the condition is asked",
    why: "It answers when only the background goes on.",
    shown: {
      "background-under-condition": {
        "run.steps.no": ["skipped/dormant", "not_started/dormant"],
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
    },
  },
]
