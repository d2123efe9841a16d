/** A number to reach, and what was reached; null where it was not measured. */
export interface Target {
  readonly work: string
  readonly goal: string
  readonly reached: string
  readonly isReached: boolean | null
}

type Format = (value: number) => string

export function atLeast(
  work: string,
  goal: string,
  value: number | null,
  least: number,
  format: Format,
): Target {
  return target(work, `at least ${goal}`, value, value === null ? null : value >= least, format)
}

export function atMost(
  work: string,
  goal: string,
  value: number | null,
  most: number,
  format: Format,
): Target {
  return target(work, `at most ${goal}`, value, value === null ? null : value <= most, format)
}

function target(
  work: string,
  goal: string,
  value: number | null,
  isReached: boolean | null,
  format: Format,
): Target {
  return { work, goal, reached: value === null ? "not measured" : format(value), isReached }
}

export function times(factor: number, value: number | null): number | null {
  return value === null ? null : factor * value
}

export const asPercent: Format = (value) => `${Math.round(value * 100)} %`
export const asTimes: Format = (value) => `${value.toFixed(1)} times`
export const asMs: Format = (value) => `${value.toFixed(1)} ms`
export const asMb: Format = (value) => `${value.toFixed(1)} MB`
export const asIs: Format = (value) => value.toFixed(2)
