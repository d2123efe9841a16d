import { expected, InvalidInputError } from "../core/errors.ts"
import type { StepOutput } from "./create-step.ts"
import { currentComposition } from "./current-composition.ts"
import { settingsOf } from "./step-config.ts"
import { templateOf } from "./template.ts"

/** How long a run sleeps: one of the three. */
export interface SleepStepInput {
  readonly ms?: number
  readonly seconds?: number
  readonly until?: Date | string | number
}

/**
 * Lets the run sleep, for milliseconds or years: nothing is held in memory meanwhile, and no restart shortens it.
 *
 * A time that has passed is no error.
 *
 * @throws InvalidInputError outside of a composer, and for what is no time; for values of the run, in the run
 * @example
 * ```ts
 * sleepStep({ seconds: 3 * 24 * 60 * 60 }).config({ name: "wait-three-days" })
 * ```
 */
export function sleepStep(input: SleepStepInput): StepOutput<undefined> {
  const { read, needs, isFixed } = templateOf(input)
  if (isFixed) lengthOf(input)
  const output = currentComposition("`sleepStep`").add({
    ...settingsOf("sleep-step"),
    kind: "sleep",
    input: {
      read: (values) => {
        const value = read(values)
        return value instanceof Promise ? value.then(lengthOf) : lengthOf(value)
      },
      needs,
      isFixed,
    },
    action: { kind: "sleep" },
    isWanted: null,
  })
  return output as StepOutput<undefined>
}

const LONGEST_SLEEP_MS = 10 * 365 * 86_400_000

/** Milliseconds, or a date. */
function lengthOf(input: unknown): number | Date {
  const { ms, seconds, until } = (input ?? {}) as SleepStepInput
  const given = [ms, seconds, until].filter((each) => each !== undefined && each !== null)
  if (given.length !== 1)
    throw new InvalidInputError(
      `Expected \`sleepStep\` to be told one of \`ms\`, \`seconds\` and \`until\`, got ${given.length} of them.`,
    )
  if (until !== undefined && until !== null) {
    const date = new Date(until)
    if (!Number.isNaN(date.getTime())) return date
    throw new InvalidInputError(expected("`until` of `sleepStep` to be a date", until))
  }
  const length = ms ?? (typeof seconds === "number" ? seconds * 1_000 : seconds)
  if (typeof length === "number" && length >= 0 && length <= LONGEST_SLEEP_MS) return length
  throw new InvalidInputError(
    expected(
      ms === undefined
        ? "`seconds` of `sleepStep` to be a number from 0 to ten years"
        : "`ms` of `sleepStep` to be a number from 0 to ten years",
      given[0],
    ),
  )
}
