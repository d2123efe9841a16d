/** What each subscription of a batch has done: how many deliveries, how long together, the longest. */
export type BatchOutcome = Readonly<
  Record<number, readonly [count: number, totalMs: number, longestMs: number]>
>

/** At most so many deliveries of one subscription wait in one row. */
export const PART_SIZE = 100

/** The third taker does not run a batch: twice its worker died, so somebody in it is poison. */
export const TAKES_BEFORE_ISOLATION = 3

/** Crashes after which a job runs isolated, and after which it is a dead letter. */
export const CRASHES_BEFORE_ISOLATION = 2
export const CRASHES_BEFORE_DEATH = 5

export function slices<T>(items: readonly T[], size: number): T[][] {
  const result: T[][] = []
  for (let i = 0; i < items.length; i += size) result.push(items.slice(i, i + size))
  return result
}
