import type { Clock } from "./core/clock.ts"

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout: (fn, ms) => setTimeout(fn, Math.min(ms, LONGEST_TIMER_MS)),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout | undefined),
}

/** Node fires longer timers at once; whoever waits longer looks again. */
const LONGEST_TIMER_MS = 2 ** 31 - 1
