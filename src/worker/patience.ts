/** Real time, here and below: what is waited for is the store, or a supervisor that waits for us. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

/** Resolves with the work, or after so long without it. */
export async function within(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work, limit])
  clearTimeout(timer)
}

const CLOCKS_DIFFER_MS = 100

/**
 * For one who looks until nothing is left: nothing was found, and yet something is due, for a claim looks
 * at so much at once and then wants to be asked again. The store's clock is not quite ours, so what it
 * calls due is due within a moment.
 */
export class Patience {
  #since: number | null = null

  restore(): void {
    this.#since = null
  }

  async isWorthLookingAgain(dueAt: number | null, now: number): Promise<boolean> {
    if (dueAt === null || dueAt > now + CLOCKS_DIFFER_MS) return false
    if (dueAt <= now) return true
    this.#since ??= performance.now()
    if (performance.now() - this.#since > CLOCKS_DIFFER_MS) return false
    await pause(dueAt - now)
    return true
  }
}
