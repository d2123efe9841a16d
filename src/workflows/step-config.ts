import { expected, InvalidInputError } from "../core/errors.ts"
import { nearestName } from "../core/pattern.ts"
import type { StepConfig } from "../runs/definition.ts"

/** How a step is tried, timed and undone: given to `createStep` instead of its name, or to `.config({ ... })`. */
export interface StepSettings {
  /** Another name, for a step that is called twice in one workflow. */
  readonly name?: string
  /** How often it is tried again after a failure; its compensation, too. @defaultValue 0 */
  readonly maxRetries?: number
  /** Seconds from a failure to the next attempt. @defaultValue 0 (at once) */
  readonly retryInterval?: number
  /** `false`: after a failure the run waits until `retryStep` is called. @defaultValue true */
  readonly autoRetry?: boolean
  /** Seconds an attempt may take; then its `signal` is aborted, and the step has failed for good. @defaultValue none */
  readonly timeout?: number
  /**
   * The step ends when somebody calls `setStepSuccess` or `setStepFailure`, or when its function answers with a
   * `StepResponse`.
   *
   * @defaultValue false
   */
  readonly async?: boolean
  /** Nothing is called to undo it. @defaultValue false */
  readonly noCompensation?: boolean
  /** When it has failed for good the run goes on; what it would have answered is undefined. @defaultValue false */
  readonly continueOnPermanentFailure?: boolean
  /** When it has failed for good, skip all that follows, or what stands before the named step. @defaultValue false */
  readonly skipOnPermanentFailure?: boolean | string
  /** What follows begins without it; the run still ends after it. @defaultValue false */
  readonly noWait?: boolean
  /** What other engines ask for and this one does not need: every step is stored, and its answer with it. */
  readonly saveResponse?: boolean
  readonly store?: boolean
  readonly nested?: boolean
  readonly backgroundExecution?: boolean
  readonly retryIntervalAwaiting?: number
  readonly maxAwaitingRetries?: number
}

const DEFAULTS: StepConfig = Object.freeze({
  maxRetries: 0,
  retryInterval: 0,
  timeout: null,
  async: false,
  noCompensation: false,
  continueOnPermanentFailure: false,
  skipOnPermanentFailure: false,
  noWait: false,
  autoRetry: true,
})

/** A step's name and settings, from what stands in the first argument of `createStep`. */
export function settingsOf(nameOrSettings: unknown): { readonly name: string; readonly config: StepConfig } {
  if (typeof nameOrSettings === "string") return { name: checkName(nameOrSettings), config: DEFAULTS }
  if (!isRecord(nameOrSettings))
    throw new InvalidInputError(expected("a step's name, or `{ name, ...settings }`", nameOrSettings))
  return withSettings({ name: checkName(nameOrSettings.name), config: DEFAULTS }, nameOrSettings)
}

/** The same step with these settings on top of those it has. @throws InvalidInputError */
export function withSettings(
  step: { readonly name: string; readonly config: StepConfig },
  settings: unknown,
): { readonly name: string; readonly config: StepConfig } {
  if (!isRecord(settings))
    throw new InvalidInputError(expected(`the settings of step \`${step.name}\` to be an object`, settings))
  const given = Object.entries(settings).filter(([, value]) => value !== undefined)
  for (const [field, value] of given) checkField(step.name, field, value)
  const known = given.filter(([field]) => Object.hasOwn(DEFAULTS, field))
  return {
    name: settings.name === undefined ? step.name : checkName(settings.name),
    config: Object.freeze({ ...step.config, ...Object.fromEntries(known) }),
  }
}

/** Names stand in keys, tables and lists. */
export function checkName(name: unknown, what = "a step's name"): string {
  const fits =
    typeof name === "string" &&
    name.trim() === name &&
    name.length > 0 &&
    name.length <= LONGEST_NAME &&
    !/\p{Cc}/u.test(name) &&
    name.isWellFormed()
  if (!fits)
    throw new InvalidInputError(
      expected(
        `${what} to be a text of 1 to ${LONGEST_NAME} characters, without control characters and blanks at its ends`,
        name,
      ),
    )
  return name
}

const LONGEST_NAME = 200

interface Rule {
  readonly what: string
  readonly holds: (value: unknown) => boolean
}

const flag: Rule = { what: "true or false", holds: (value) => typeof value === "boolean" }
const ignored: Rule = { what: "anything", holds: () => true }

const rules: Readonly<Record<keyof StepSettings, Rule>> = {
  name: ignored, // looked at by itself
  maxRetries: {
    what: "a whole number from 0 to 10000",
    holds: (value) => Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= 10_000,
  },
  retryInterval: seconds(0, 30 * 86_400),
  timeout: orNull(seconds(0.001, 365 * 86_400)),
  autoRetry: flag,
  async: flag,
  noCompensation: flag,
  continueOnPermanentFailure: flag,
  skipOnPermanentFailure: {
    what: "true, false or the name of a later step",
    holds: (value) => typeof value === "boolean" || (typeof value === "string" && value !== ""),
  },
  noWait: flag,
  saveResponse: ignored,
  store: ignored,
  nested: ignored,
  backgroundExecution: ignored,
  retryIntervalAwaiting: ignored,
  maxAwaitingRetries: ignored,
}

function checkField(step: string, field: string, value: unknown): void {
  const rule = Object.hasOwn(rules, field) ? rules[field as keyof StepSettings] : undefined
  if (rule === undefined)
    throw new InvalidInputError(`A step has no setting \`${field}\` (step \`${step}\`). ${mendOf(field)}`)
  if (!rule.holds(value))
    throw new InvalidInputError(expected(`\`${field}\` of step \`${step}\` to be ${rule.what}`, value))
}

function mendOf(field: string): string {
  const mend = MENDS[field]
  if (mend !== undefined) return mend
  const names = Object.keys(rules)
  const near = nearestName(field, names)
  return near === null ? `It may have ${names.join(", ")}.` : `Did you mean \`${near}\`?`
}

const MENDS: Readonly<Record<string, string>> = {
  retries: "Did you mean `maxRetries`?",
  compensateAsync: "A compensation is over when its function is: await in it what it has to wait for.",
}

function seconds(from: number, to: number): Rule {
  return {
    what: `a number of seconds from ${from} to ${to}`,
    holds: (value) => typeof value === "number" && value >= from && value <= to,
  }
}

function orNull(rule: Rule): Rule {
  return { what: `null or ${rule.what}`, holds: (value) => value === null || rule.holds(value) }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
