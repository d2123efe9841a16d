import { UsageError } from "./output.ts"

/** An event pattern, as it is typed. What is wrong in it is said where it is used. */
export function patternOf(json: string | undefined): unknown {
  if (json === undefined) return undefined
  try {
    return JSON.parse(json)
  } catch {
    throw new UsageError(
      `Expected --filter to be an event pattern as JSON, such as '{"data":{"total":[{"numeric":[">",100]}]}}'.`, // what came may be personal
    )
  }
}
