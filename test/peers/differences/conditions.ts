import type { Difference } from "./difference.ts"

export const conditions: readonly Difference[] = [
  {
    what: "`when` inside `when`",
    medusa: "throws a TypeError",
    carillon: "both must hold",
    why: "It says what is meant.",
    shown: {
      "when-nested": {
        compose: ["threw TypeError: Cannot read properties of undefined (reading 'steps')", "no error"],
      },
    },
  },
  {
    what: "How often a condition is asked",
    medusa: "again before each of its steps",
    carillon: "once a run while the process lives",
    why: "Half of its steps must not run because the answer changed on the way.",
    shown: {
      "when-asked": {
        asked: ["2", "1"],
        calls: ["one 1", "one 1 | two 2"],
        "run.steps.two": ["skipped/dormant", "done/dormant"],
      },
    },
  },
  {
    what: "Lists that hold the output of a step that was skipped",
    medusa: "undefined, as long as the process lives; siblings under a condition begin in their turn",
    carillon: "null, as in JSON; siblings under a condition begin when it was asked",
    why: "They are read from disk.",
    shown: {
      "when-siblings": {
        calls: [
          'a 1 | b 2 | e 5 | g 7 | join { among: ["e done", undefined, "g done"] }',
          'a 1 | b 2 | g 7 | e 5 | join { among: ["e done", null, "g done"] }',
        ],
        "run.result": [
          '{ among: ["e done", undefined, "g done"], within: ["a done", "b done"] }',
          '{ among: ["e done", null, "g done"], within: ["a done", "b done"] }',
        ],
      },
    },
  },
  {
    what: "A `when` that yields more than a step",
    medusa: "is a step of its own, under the name of the `when`",
    carillon: "is no step",
    why: "It does nothing: there is nothing to keep or undo.",
    shown: {
      "when-named": {
        "false.steps.choose": ["skipped/dormant", "–"],
        "true.steps.choose": ["done/dormant", "–"],
      },
      "when-siblings": {
        "run.steps.both": ["done/dormant", "–"],
        "run.steps.neither": ["skipped/dormant", "–"],
      },
    },
  },
  {
    what: "Hooks",
    medusa: "`getResult` is a step of its own, and a hook without a handler is a step that is done",
    carillon: "`getResult` is no step, and a hook without a handler is a step that is skipped",
    why: "History shows whether somebody was called.",
    shown: {
      "hook-handled": {
        "run.steps.get-priced-result": ["done/dormant", "–"],
      },
      "hook-plain": {
        "run.steps.get-priced-result": ["done/dormant", "–"],
      },
      "hook-unhandled": {
        "run.steps.asked": ["done/dormant", "skipped/dormant"],
        "run.steps.get-asked-result": ["done/dormant", "–"],
        "run.steps.quiet": ["done/dormant", "skipped/dormant"],
      },
    },
  },
  {
    what: "A hook's handler that answers with a plain object",
    medusa: "`getResult` is undefined",
    carillon: "`getResult` is the object",
    why: "As in a step.",
    shown: {
      "hook-plain": {
        "run.result": ["{}", "{ price: { price: 7 } }"],
      },
    },
  },
]
