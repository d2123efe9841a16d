import type { Difference } from "./difference.ts"

const NO_RESULT = "undefined"

export const values: readonly Difference[] = [
  {
    what: "The result of a run that is not done",
    medusa: "what its steps have answered so far; for one that was undone, too",
    carillon: "undefined",
    why: "A result that the run may still take back, or has taken back, is none: nobody must ship by it.",
    shown: {
      "answers-in-the-background": {
        "run.result": ["{}", NO_RESULT],
      },
      "child-undone": {
        "run.result": ['"never"', NO_RESULT],
      },
      "continue-then-undo": {
        "run.result": ['"never"', NO_RESULT],
      },
      diamond: {
        "run.result": ['"never"', NO_RESULT],
      },
      "ended-twice": {
        "run.result": ['"done"', NO_RESULT],
        "succeed first.result": ['"done"', NO_RESULT],
      },
      "events-across-a-wait": {
        "run.result": ['"done"', NO_RESULT],
      },
      "events-of-a-failed-run": {
        "run.result": ['"never"', NO_RESULT],
      },
      "events-released-early": {
        "run.result": ['"never"', NO_RESULT],
      },
      "grandchild-undone": {
        "run.result": ['"never"', NO_RESULT],
      },
      "hook-fails": {
        "run.result": ['"never"', NO_RESULT],
      },
      "hook-undone": {
        "run.result": ['"never"', NO_RESULT],
      },
      "no-compensation": {
        "run.result": ['"never"', NO_RESULT],
      },
      "no-undoing": {
        "run.result": ['"never"', NO_RESULT],
      },
      "no-wait-fails": {
        "run.result": ['"ship done"', NO_RESULT],
      },
      "output-is-copied": {
        "run.result": ['{ items: ["a"] }', NO_RESULT],
      },
      "permanent-failure": {
        "run.result": ['{ payment: "pay_1" }', NO_RESULT],
      },
      "sibling-fails": {
        "run.result": ['"never"', NO_RESULT],
      },
      "siblings-fail": {
        "run.result": ['"never"', NO_RESULT],
      },
      skip: {
        "undone.result": ['"never"', NO_RESULT],
      },
      "told-on-the-way": {
        "ill.result": ['"done"', NO_RESULT],
      },
      "transform-throws": {
        "run.result": ['"never"', NO_RESULT],
      },
      "undoes-in-reverse": {
        "run.result": ['"never"', NO_RESULT],
      },
      "undoing-fails": {
        "run.result": ['"never"', NO_RESULT],
      },
      "undoing-fails-for-good": {
        "run.result": ['"never"', NO_RESULT],
      },
      "undoing-retried": {
        "run.result": ['"never"', NO_RESULT],
      },
      "waits-for-success": {
        "run.result": ["{}", NO_RESULT],
      },
      "what-undoing-gets": {
        "run.result": ['"never"', NO_RESULT],
      },
      "when-false": {
        "undone.result": ["{}", NO_RESULT],
      },
      "when-throws": {
        "run.result": ['"never"', NO_RESULT],
      },
    },
  },
  {
    what: "Dates",
    medusa: "strings from the first step on",
    carillon: "dates, in steps, compensations and the result",
    why: "A step that writes a date should not have to guess whether it ran in this process or in another.",
    shown: {
      dates: {
        calls: [
          'load { at: "2026-03-01T10:00:00.000Z" } | charge { at: "2026-03-01T10:00:00.000Z" }',
          "load { at: Date(2026-03-01T10:00:00.000Z) } | charge { at: Date(2026-03-01T10:00:00.000Z) }",
        ],
        "run.result": [
          '{ at: "2026-03-01T10:00:00.000Z", charged: { at: "2026-03-01T10:00:00.000Z" } }',
          "{ at: Date(2026-03-01T10:00:00.000Z), charged: { at: Date(2026-03-01T10:00:00.000Z) } }",
        ],
      },
    },
  },
  {
    what: 'Empty inputs of steps: null, 0, false, ""',
    medusa: "become `{}`; a run without input hands on undefined",
    carillon: "arrive as they are; only undefined becomes `{}`",
    why: "0 is a quantity and false an answer.",
    shown: {
      "empty-inputs": {
        calls: [
          "absent {} | none {} | zero {} | no {} | text {} | input undefined",
          'absent {} | none null | zero 0 | no false | text "" | input {}',
        ],
      },
      "when-of-outputs": {
        calls: ["load undefined | gift 10", "load {} | gift 10"],
      },
    },
  },
  {
    what: "What a step answers that is no JSON",
    medusa:
      "an answer of nothing is seen as an object of the SDK's; functions and undefined reach the compensation while the process lives",
    carillon:
      "nothing is nothing, holes in lists are null, functions are dropped, for steps and compensations alike",
    why: "All is read from disk: a step and its compensation see the same before and after a crash.",
    shown: {
      "odd-outputs": {
        calls: [
          'plain 1 | plain-object 1 | nothing 1 | empty 1 | null 1 | false 1 | zero 1 | rest 1 | look { outputs: ["plain", { total: 1 }, { __type: "Symbol(WorkflowWorkflowData)" }, undefined, null, false, 0, { list: [undefined, 1], total: 1 }] } | fail {} | undo fail undefined | undo look "look done" | undo rest { call: function, gone: undefined, list: [undefined, 1], total: 1 } | undo zero 0 | undo false false | undo null null | undo empty undefined | undo nothing undefined | undo plain-object { total: 1 } | undo plain "plain"',
          'plain 1 | plain-object 1 | nothing 1 | empty 1 | null 1 | false 1 | zero 1 | rest 1 | look { outputs: ["plain", { total: 1 }, null, null, null, false, 0, { list: [null, 1], total: 1 }] } | fail {} | undo fail undefined | undo look "look done" | undo rest { list: [null, 1], total: 1 } | undo zero 0 | undo false false | undo null null | undo empty undefined | undo nothing undefined | undo plain-object { total: 1 } | undo plain "plain"',
        ],
        "run.result": [
          '["plain", { total: 1 }, { __type: "Symbol(WorkflowWorkflowData)" }, undefined, null, false, 0, { list: [undefined, 1], total: 1 }]',
          "undefined",
        ],
      },
      "odd-responses": {
        calls: [
          'zero 1 | no 1 | text 1 | none 1 | absent 1 | list 1 | look { outputs: [0, false, "", null, undefined, [1, { a: 2 }]] }',
          'zero 1 | no 1 | text 1 | none 1 | absent 1 | list 1 | look { outputs: [0, false, "", null, null, [1, { a: 2 }]] }',
        ],
      },
    },
  },
  {
    what: "`saveResponse: false`",
    medusa: "the output is not kept, and those that follow see undefined",
    carillon: "ignored: each output is kept",
    why: "What is not on disk cannot be gone on with after a crash. Hand secrets on by reference.",
    shown: {
      "save-response": {
        calls: ["secret {} | look {}", 'secret {} | look { output: "secret done" }'],
        "run.result": ["undefined", '"secret done"'],
      },
    },
  },
  {
    what: "A transform that is used by steps and by the result",
    medusa: "is called again for the result",
    carillon: "is called once a run while the process lives",
    why: "Calling it again may give another answer than the steps had.",
    shown: {
      "transform-once": {
        "calls of the transform after steps and result": ["2", "1"],
        "run.result": ["5", "4"],
      },
    },
  },
  {
    what: "A result that cannot be made",
    medusa: "the run is done; `run` throws, or puts an error without a step into `errors`",
    carillon: "the run is undone, and says why",
    why: "A caller who is told of a failure will try again: what was done must not stay.",
    shown: {
      "result-throws": {
        calls: [
          "reserve 1 | reserve 1",
          'reserve 1 | undo reserve "reserve done" | reserve 1 | undo reserve "reserve done"',
        ],
        "run.errors": ["undefined undefined undefined: undefined", "result-throws invoke Error: no total"],
        "run.state": ["done", "reverted"],
        "run.steps.reserve": ["done/dormant", "done/reverted"],
      },
    },
  },
  {
    what: "The output of a step that took too long, where the run goes on",
    medusa: "is handed on although the step has failed",
    carillon: "is not handed on",
    why: "A step has failed or it has an output, not both.",
    shown: {
      "step-timeout-goes-on": {
        calls: ['slow 2 | ship { output: "late" }', "slow 2 | ship {}"],
        "run.result": ['{ output: "late", shipped: "ship done" }', '{ shipped: "ship done" }'],
      },
    },
  },
]
