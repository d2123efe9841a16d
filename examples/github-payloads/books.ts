/** What one subscriber saw. An attempt that fails for the last time makes a dead letter. */
export interface Book {
  readonly delivered: Set<number>
  readonly dead: Set<number>
  attempts: number
  retried: number
}

export interface Sums {
  readonly delivered: number
  readonly dead: number
  readonly attempts: number
  readonly retried: number
}

export function openBook(): Book {
  return { delivered: new Set(), dead: new Set(), attempts: 0, retried: 0 }
}

export function sumsOf({ delivered, dead, attempts, retried }: Book): Sums {
  return { delivered: delivered.size, dead: dead.size, attempts, retried }
}

/** What has to stand in a book after `total` webhooks when none was lost and none came twice. */
export function expectedSums(
  total: number,
  attemptsAllowed: number,
  fails: (webhook: number, attempt: number) => boolean,
): Sums {
  const sums = { delivered: 0, dead: 0, attempts: 0, retried: 0 }
  for (let webhook = 0; webhook < total; webhook += 1) {
    let failures = 0
    while (failures < attemptsAllowed && fails(webhook, failures + 1)) failures += 1
    const isDead = failures === attemptsAllowed
    sums.delivered += isDead ? 0 : 1
    sums.dead += isDead ? 1 : 0
    sums.attempts += isDead ? failures : failures + 1
    sums.retried += isDead ? failures - 1 : failures
  }
  return sums
}
