import type { Running, Work } from "../contender.ts"
import type { BenchEvent } from "../payloads.ts"

/** The ideal for slow handlers: lanes in memory and nothing else, so that the timers' own lateness is in it too. */
export async function start({ settings, handle }: Work): Promise<Running> {
  const waiting: BenchEvent[] = []
  const idle: (() => void)[] = []
  let next = 0
  let stopped = false

  const lane = async () => {
    while (!stopped) {
      const event = waiting[next]
      if (event === undefined) {
        await new Promise<void>((resolve) => idle.push(resolve))
        continue
      }
      next += 1
      await handle(0, event)
    }
  }
  for (let index = 0; index < (settings.concurrency ?? 100); index += 1) void lane()

  return {
    emit: async (events) => {
      for (const event of [events].flat()) {
        waiting.push(event)
        idle.pop()?.()
      }
    },
    settled: async () => {},
    stop: async () => {
      stopped = true
      for (const wake of idle) wake()
    },
  }
}
