import { expected, InvalidInputError } from "./errors.ts"

/** How urgent an event is; within a class the oldest goes first. */
export type PriorityName = "high" | "normal" | "low"

/** The stored form of a {@link PriorityName}: 0 is high, 1 normal, 2 low. */
export type PriorityClass = 0 | 1 | 2

/**
 * The class of a priority given by name, or by number as Medusa does: below 100
 * is high (`CRITICAL` 10, `HIGH` 50), from 100 normal (`DEFAULT` 100), from 500
 * low (`LOW` 500, `LOWEST` 2097152). Absent is normal.
 *
 * With `warn`, a number outside 1 to 2097152 is normal after a warning, as in
 * Medusa; without, it is refused like any other value.
 *
 * @throws InvalidInputError for anything else
 */
export function priorityClass(value: unknown, warn?: (message: string) => void): PriorityClass {
  if (value === undefined || value === null || value === "normal") return 1
  if (value === "high") return 0
  if (value === "low") return 2
  if (typeof value === "number" && value >= 1 && value <= lowestNumber) return classOfNumber(value)
  const message = expected('the priority to be "high", "normal", "low" or a number from 1 to 2097152', value)
  if (typeof value !== "number" || warn === undefined) throw new InvalidInputError(message)
  warn(`${message} It counts as normal.`)
  return 1
}

const lowestNumber = 2_097_152

function classOfNumber(value: number): PriorityClass {
  if (value < 100) return 0
  return value < 500 ? 1 : 2
}

const highFirst: readonly PriorityClass[] = Object.freeze([0, 1, 2] as const)
const normalFirst: readonly PriorityClass[] = Object.freeze([1, 0, 2] as const)
const lowFirst: readonly PriorityClass[] = Object.freeze([2, 0, 1] as const)

// Seven of ten rounds begin with high, two with normal, one with low: a flood of
// high leaves the others a share that is small but never nothing.
const rounds = [
  highFirst,
  highFirst,
  normalFirst,
  highFirst,
  highFirst,
  lowFirst,
  highFirst,
  highFirst,
  normalFirst,
  highFirst,
] as const

/** The order in which claim round `round` (a whole number from 0) asks the classes for work. */
export function pickOrder(round: number): readonly PriorityClass[] {
  return rounds[round % rounds.length] ?? highFirst
}
