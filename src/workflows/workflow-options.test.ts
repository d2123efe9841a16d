import { describe, expect, it } from "vitest"
import { workflowOptionsOf } from "./workflow-options.ts"

const defaults = { timeZone: "UTC", numberOfExecutions: null, concurrency: "forbid" }

describe("options of a workflow", () => {
  it("have defaults", () => {
    expect(workflowOptionsOf("create-brand")).toEqual({
      id: "create-brand",
      options: { retentionTime: null, idempotent: false, timeout: null, schedule: null },
    })
  })

  it.each([
    ["0 3 * * *", { cron: "0 3 * * *", interval: null, ...defaults }],
    [{ interval: 60_000 }, { cron: null, interval: 60_000, ...defaults }],
    [
      { cron: "@daily", timeZone: "Europe/Berlin", numberOfExecutions: 3, concurrency: "allow" },
      {
        cron: "@daily",
        interval: null,
        timeZone: "Europe/Berlin",
        numberOfExecutions: 3,
        concurrency: "allow",
      },
    ],
  ])("take the schedule %j", (schedule, expected) => {
    const { options } = workflowOptionsOf({ name: "sync", retentionTime: 60, store: true, schedule })

    expect(options.schedule).toEqual(expected)
    expect(options.retentionTime).toBe(60)
  })

  it.each([
    [{ retentionTime: -1 }, "`retentionTime` of workflow `sync` to be a number of seconds from 0"],
    [{ timeout: 0 }, "`timeout` of workflow `sync` to be a number of seconds from 0.001"],
    [{ idempotent: "yes" }, "`idempotent` of workflow `sync` to be true or false"],
    [{ store: 1 }, "`store` of workflow `sync` to be true or false"],
    [{ retention: 1 }, "Expected workflow `sync` to have known options, got `retention`."],
    [{ schedule: "every day" }, "to be a cron expression, as `0 3 * * *`, got"],
    [{ schedule: "0 0 30 2 *" }, "It never comes."],
    [{ schedule: 5 }, "to be a cron expression or an object, got `5`"],
    [{ schedule: {} }, "to have `cron` or `interval`, got neither"],
    [{ schedule: { cron: "@daily", interval: 1_000 } }, "got both"],
    [{ schedule: { interval: 10 } }, "a whole number of milliseconds from 1000 up"],
    [{ schedule: { cron: "@daily", timezone: "UTC" } }, "Did you mean `timeZone`?"],
    [
      { schedule: { cron: "@daily", timeZone: "Mars/Olympus" } },
      "`timeZone` in the schedule of workflow `sync`",
    ],
    [{ schedule: { cron: "@daily", numberOfExecutions: 0 } }, "a whole number from 1 up"],
    [{ schedule: { cron: "@daily", concurrency: "skip" } }, '"allow" or "forbid"'],
  ])("refuse %j", (options, message) => {
    expect(() => workflowOptionsOf({ name: "sync", ...options })).toThrow(message)
  })
})
