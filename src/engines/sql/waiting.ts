/**
 * All jobs that wait, as the partial indexes know them: what has ended, which is most, is not waded
 * through. Each job that waits is in one of them.
 */
export const WAITING_JOBS = [
  "state = 0 AND key IS NULL AND isolated = 0",
  "state = 0 AND isolated = 1",
  "state < 2 AND state = 0 AND key IS NOT NULL AND isolated = 0",
]
