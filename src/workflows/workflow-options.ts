import { Cron } from "croner"
import { expected, InvalidInputError } from "../core/errors.ts"
import { nearestName } from "../core/pattern.ts"
import type { WorkflowOptions, WorkflowSchedule } from "../runs/definition.ts"
import { checkName } from "./step-config.ts"

/** A workflow's id and how its runs are kept, limited and begun: the first argument of `createWorkflow`. */
export interface WorkflowSettings {
  /** Its id: unique in the application, and lasting. */
  readonly name: string
  /** Seconds an ended run is kept. @defaultValue as long as the store keeps history (30 days) */
  readonly retentionTime?: number
  /** A transaction id that is done is not run again: its run answers. @defaultValue false */
  readonly idempotent?: boolean
  /** Seconds a run may take; then it is undone. @defaultValue none */
  readonly timeout?: number
  /** Accepted for those who come from Medusa: all runs are stored, and all their steps. */
  readonly store?: boolean
  /** Begins runs by itself: a cron expression, or an object. Its runs have no input. */
  readonly schedule?: string | ScheduleSettings
}

/** When a workflow begins by itself: by `cron` or by `interval`, one of the two. */
export interface ScheduleSettings {
  /** Five or six fields (with seconds), or a nickname as `@daily`. */
  readonly cron?: string
  /** Milliseconds from one beginning to the next; from 1000 up. */
  readonly interval?: number
  /** Where the cron expression counts its hours: an IANA name. @defaultValue "UTC" */
  readonly timeZone?: string
  /** How many runs it begins in all. @defaultValue no end */
  readonly numberOfExecutions?: number
  /** `forbid`: a beginning is left out while the run before goes on. @defaultValue "forbid" */
  readonly concurrency?: "allow" | "forbid"
}

/** A workflow's id and options, checked. @throws InvalidInputError that says which of them does not fit */
export function workflowOptionsOf(nameOrSettings: unknown): {
  readonly id: string
  readonly options: WorkflowOptions
} {
  const settings = typeof nameOrSettings === "string" ? { name: nameOrSettings } : nameOrSettings
  if (!isRecord(settings))
    throw new InvalidInputError(expected("a workflow's id, or `{ name, ...options }`", settings))
  const id = checkName(settings.name, "a workflow's id")
  checkFields(`workflow \`${id}\``, settings, OPTIONS)

  const { retentionTime, idempotent, timeout, store, schedule } = settings
  checkFlag(id, "idempotent", idempotent)
  checkFlag(id, "store", store)
  return {
    id,
    options: Object.freeze({
      retentionTime: secondsOf(id, "retentionTime", retentionTime, 0),
      idempotent: idempotent === true,
      timeout: secondsOf(id, "timeout", timeout, 0.001),
      schedule: schedule === undefined || schedule === null ? null : scheduleOf(id, schedule),
    }),
  }
}

const OPTIONS = ["name", "retentionTime", "idempotent", "timeout", "store", "schedule"]
const SCHEDULE_OPTIONS = ["cron", "interval", "timeZone", "numberOfExecutions", "concurrency"]
const LONGEST_SECONDS = 10 * 365 * 86_400
const SHORTEST_INTERVAL_MS = 1_000

function scheduleOf(id: string, given: unknown): WorkflowSchedule {
  const schedule = typeof given === "string" ? { cron: given } : given
  if (!isRecord(schedule))
    throw new InvalidInputError(
      expected(`the \`schedule\` of workflow \`${id}\` to be a cron expression or an object`, given),
    )
  checkFields(`the \`schedule\` of workflow \`${id}\``, schedule, SCHEDULE_OPTIONS)
  const { cron, interval, timeZone = "UTC", numberOfExecutions, concurrency = "forbid" } = schedule
  if ((cron === undefined) === (interval === undefined))
    throw new InvalidInputError(
      `Expected the \`schedule\` of workflow \`${id}\` to have \`cron\` or \`interval\`, got ${cron === undefined ? "neither" : "both"}.`,
    )
  const fits = (name: string, what: string, value: unknown, holds: boolean) => {
    if (!holds)
      throw new InvalidInputError(
        expected(`\`${name}\` in the schedule of workflow \`${id}\` to be ${what}`, value),
      )
  }
  fits("timeZone", "an IANA time zone, as `Europe/Berlin`", timeZone, isTimeZone(timeZone))
  if (cron !== undefined) checkCron(id, cron, timeZone as string)
  else
    fits(
      "interval",
      `a whole number of milliseconds from ${SHORTEST_INTERVAL_MS} up`,
      interval,
      isWhole(interval, SHORTEST_INTERVAL_MS),
    )
  const most = numberOfExecutions ?? null
  fits("numberOfExecutions", "a whole number from 1 up", most, most === null || isWhole(most, 1))
  fits("concurrency", '"allow" or "forbid"', concurrency, concurrency === "allow" || concurrency === "forbid")
  return Object.freeze({
    cron: (cron as string | undefined) ?? null,
    interval: (interval as number | undefined) ?? null,
    timeZone: timeZone as string,
    numberOfExecutions: most as number | null,
    concurrency: concurrency as WorkflowSchedule["concurrency"],
  })
}

function checkCron(id: string, cron: unknown, timeZone: string): void {
  const what = `\`cron\` in the schedule of workflow \`${id}\` to be a cron expression, as \`0 3 * * *\``
  if (typeof cron !== "string") throw new InvalidInputError(expected(what, cron))
  try {
    if (isCron(cron, timeZone)) return
  } catch (error) {
    throw new InvalidInputError(`${expected(what, cron)} ${(error as Error).message}`, { cause: error })
  }
  throw new InvalidInputError(`${expected(what, cron)} It never comes.`)
}

/** False for one that never comes, as the 30th of February; it throws for one that is none. */
function isCron(cron: string, timezone: string): boolean {
  return new Cron(cron, { timezone, paused: true }).nextRun() !== null
}

function isTimeZone(value: unknown): boolean {
  if (typeof value !== "string" || value === "") return false
  try {
    new Intl.DateTimeFormat("en", { timeZone: value })
    return true
  } catch {
    return false // there is no such zone: that is the answer
  }
}

function checkFlag(id: string, name: string, value: unknown): void {
  if (value !== undefined && typeof value !== "boolean")
    throw new InvalidInputError(expected(`\`${name}\` of workflow \`${id}\` to be true or false`, value))
}

function secondsOf(id: string, name: string, value: unknown, least: number): number | null {
  if (value === undefined || value === null) return null
  if (typeof value === "number" && value >= least && value <= LONGEST_SECONDS) return value
  throw new InvalidInputError(
    expected(`\`${name}\` of workflow \`${id}\` to be a number of seconds from ${least} to ten years`, value),
  )
}

function checkFields(whose: string, given: object, names: readonly string[]): void {
  for (const field of Object.keys(given)) {
    if (names.includes(field)) continue
    const near = nearestName(field, names)
    const mend = near === null ? `There is ${names.join(", ")}.` : `Did you mean \`${near}\`?`
    throw new InvalidInputError(`Expected ${whose} to have known options, got \`${field}\`. ${mend}`)
  }
}

function isWhole(value: unknown, least: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
