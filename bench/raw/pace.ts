import { setTimeout as sleep } from "node:timers/promises"

/** Does something so many times, so often a second or without a pause (null), and says how long each time took. */
export async function paced(
  times: number,
  perSecond: number | null,
  act: (index: number) => unknown,
): Promise<Float64Array> {
  const took = new Float64Array(times)
  const startedAt = performance.now()

  for (let index = 0; index < times; index += 1) {
    const waitMs = perSecond === null ? 0 : startedAt + (index * 1_000) / perSecond - performance.now()
    if (waitMs > 0) await sleep(waitMs)
    const before = performance.now()
    const answer = act(index)
    if (answer instanceof Promise) await answer
    took[index] = performance.now() - before
  }
  return took
}
