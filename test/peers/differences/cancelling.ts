import type { Difference } from "./difference.ts"

export const cancelling: readonly Difference[] = [
  {
    what: "Cancelling a run that waits",
    medusa: "waits until somebody ends the step, for ever if nobody does",
    carillon: "is undone at once, with the step that waited",
    why: "Who cancels does not want to wait for what was cancelled.",
    shown: {
      "cancel-waiting": {
        calls: [
          "reserve 1 | approve 2",
          'reserve 1 | approve 2 | undo approve undefined | undo reserve "reserve done"',
        ],
        "cancel.state": ["waiting_to_compensate", "reverted"],
        "cancel.steps.approve": ["invoking/dormant", "invoking/reverted"],
        "cancel.steps.reserve": ["done/dormant", "done/reverted"],
        "end, which did not come.state": ["waiting_to_compensate", "–"],
        "end, which did not come.steps.approve": ["invoking/dormant", "–"],
        "end, which did not come.steps.reserve": ["done/dormant", "–"],
        "end, which did not come.steps.ship": ["not_started/dormant", "–"],
        "end.state": ["–", "reverted"],
        "end.steps.approve": ["–", "invoking/reverted"],
        "end.steps.reserve": ["–", "done/reverted"],
        "end.steps.ship": ["–", "not_started/dormant"],
      },
      "events-of-a-cancelled-run": {
        calls: ["approve 1", "approve 1 | undo approve undefined"],
        "cancel.state": ["waiting_to_compensate", "reverted"],
        "cancel.steps.approve": ["invoking/dormant", "invoking/reverted"],
        "cancel.steps.emit-event-step": ["done/dormant", "done/reverted"],
        "end, which did not come.state": ["waiting_to_compensate", "–"],
        "end, which did not come.steps.approve": ["invoking/dormant", "–"],
        "end, which did not come.steps.emit-event-step": ["done/dormant", "–"],
        "end.state": ["–", "reverted"],
        "end.steps.approve": ["–", "invoking/reverted"],
        "end.steps.emit-event-step": ["–", "done/reverted"],
        "run.result": ['"done"', "undefined"],
      },
    },
  },
  {
    what: "`cancel` in the middle of a step",
    medusa: "answers at once, before anything is undone",
    carillon: "answers when all is undone",
    why: "Its answer is the outcome.",
    shown: {
      "cancel-in-a-step": {
        "cancel.state": ["waiting_to_compensate", "reverted"],
        "cancel.steps.charge": ["invoking/dormant", "done/reverted"],
        "cancel.steps.reserve": ["done/dormant", "done/reverted"],
      },
    },
  },
  {
    what: "Cancelling a run that is done, by its id",
    medusa: "only where the workflow says how long its runs are kept",
    carillon: "as long as the history is kept",
    why: "Runs are kept, see below.",
    shown: {
      "cancel-unkept": {
        calls: ["charge 2", 'charge 2 | undo charge "charge done"'],
        cancel: ["threw Error: Transaction trx_1 could not be found.", "–"],
        "cancel.errors": ["–", ""],
        "cancel.result": ["–", "undefined"],
        "cancel.state": ["–", "reverted"],
        "cancel.steps.charge": ["–", "done/reverted"],
      },
    },
  },
  {
    what: "Cancelling a run whose compensation failed for good",
    medusa: "is refused",
    carillon: "tries once more to undo what is not undone",
    why: "It is how an operator goes on after mending the cause.",
    shown: {
      "cancel-failed": {
        "cancel of the failed one": ["threw Error: Transaction trx_1 could not be found.", "–"],
        "cancel of the failed one.errors": [
          "–",
          "bad invoke Error: out of stock | stuck compensate Error: cannot undo",
        ],
        "cancel of the failed one.result": ["–", "undefined"],
        "cancel of the failed one.state": ["–", "failed"],
        "cancel of the failed one.steps.bad": ["–", "failed/reverted"],
        "cancel of the failed one.steps.stuck": ["–", "done/failed"],
      },
    },
  },
]
