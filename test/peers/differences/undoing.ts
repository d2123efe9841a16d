import type { Difference } from "./difference.ts"

export const undoing: readonly Difference[] = [
  {
    what: "The order in which siblings are undone",
    medusa: "all siblings but the last are undone with the last step of the workflow",
    carillon: "level by level, from the last to the first",
    why: "What came after a step may need it while it is undone.",
    shown: {
      diamond: {
        calls: [
          'a 1 | left 2 | right 3 | d 4 | fail {} | undo fail undefined | undo left "left done" | undo d "d done" | undo right "right done" | undo a "a done"',
          'a 1 | left 2 | right 3 | d 4 | fail {} | undo fail undefined | undo d "d done" | undo left "left done" | undo right "right done" | undo a "a done"',
        ],
      },
    },
  },
  {
    what: "`createStep({ noCompensation: true })`",
    medusa: "has no effect; only `.config()` has",
    carillon: "has effect",
    why: "It says what is meant.",
    shown: {
      "no-compensation": {
        calls: [
          'made-so 1 | configured-so 2 | fail {} | undo fail undefined | undo made-so "made-so done"',
          "made-so 1 | configured-so 2 | fail {} | undo fail undefined",
        ],
      },
    },
  },
  {
    what: "Errors of compensations",
    medusa: "are not told by `run`",
    carillon: "stand in `errors` after those of the steps",
    why: "Somebody has to mend what could not be undone.",
    shown: {
      "cancel-failed": {
        "failed run.errors": [
          "bad invoke Error: out of stock",
          "bad invoke Error: out of stock | stuck compensate Error: cannot undo",
        ],
      },
      "undoing-fails": {
        "run.errors": [
          "fail invoke Error: out of stock",
          "fail invoke Error: out of stock | stuck compensate Error: cannot undo",
        ],
      },
      "undoing-fails-for-good": {
        "run.errors": [
          "fail invoke Error: out of stock",
          "fail invoke Error: out of stock | stuck compensate PermanentStepFailure: cannot undo",
        ],
      },
    },
  },
  {
    what: "What the compensation of a step gets that was ended from outside",
    medusa: "undefined, or the output of the `StepResponse`",
    carillon: "the response, or the `StepResponse`'s own compensation input",
    why: "It is the step's output, like any other.",
    shown: {
      "undoes-what-waited": {
        calls: [
          'plain 1 | full 2 | fail 3 | undo fail undefined | undo full { id: "ok_2" } | undo plain undefined',
          'plain 1 | full 2 | fail 3 | undo fail undefined | undo full "undo ok_2" | undo plain { id: "ok_1" }',
        ],
      },
    },
  },
  {
    what: "A parent whose child has failed and undone itself",
    medusa: "is `failed`: undoing the child again is an error",
    carillon: "is `reverted`",
    why: "Everything is undone.",
    shown: {
      "child-fails": {
        "run.state": ["failed", "reverted"],
        "run.steps.child-fails-pay-as-step": ["failed/failed", "failed/reverted"],
      },
      "child-refused": {
        "end.state": ["failed", "reverted"],
        "end.steps.child-refused-pay-as-step": ["failed/failed", "failed/reverted"],
      },
    },
  },
]
