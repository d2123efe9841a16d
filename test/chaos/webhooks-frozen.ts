// Promise: a sender that is frozen past its lease and thawed again settles nothing over its successor, and what it
// has sent is counted once.
import { setTimeout as sleep } from "node:timers/promises"
import { jobs, settled } from "./observer.ts"
import { type EngineName, engineAsked } from "./store.ts"
import { inOneLine } from "./tally.ts"
import type { Actor } from "./troupe.ts"
import { inOneLine as moreInOneLine, WebhookStage, type WebhookTally } from "./webhook-stage.ts"

export interface FrozenWebhooksTally extends WebhookTally {
  readonly takenOver: number // deliveries whose sender was given up for dead
  readonly freezes: number
}

export interface FrozenWebhooksOptions {
  readonly engine?: EngineName
  readonly recovery?: boolean
  readonly faults?: readonly string[]
  readonly stillMs?: number
}

/** Before something is sent, when it was answered, and while that is written. */
const FAULTS = [
  "handler.before=stop@20",
  "notify.after=stop@20",
  "notify.after=stop@60",
  "commit.before=stop@15",
]

/** A successor takes over what each frozen sender holds, and goes on beside it when it is thawed. */
export async function frozenWebhooks({
  engine = "sqlite",
  recovery = true,
  faults = FAULTS,
  stillMs = 6_000,
}: FrozenWebhooksOptions = {}): Promise<FrozenWebhooksTally> {
  const stage = await WebhookStage.set({ engine, recovery }, 3)
  const { troupe } = stage
  try {
    const successor = troupe.start(stage.sender("successor", null))
    await successor.begun()
    for (const fault of faults) await freeze(stage, fault, recovery)
    await settled(troupe, stillMs)
    await successor.stop()
    const store = await troupe.store()
    const takenOver = (await jobs(store)).filter(
      ({ history, crashes }) => crashes > 0 || isTakenOver(history),
    )
    const cap = faults.length * troupe.mostRepeated
    return { ...(await stage.judge()), cap, freezes: faults.length, takenOver: takenOver.length }
  } finally {
    await stage.strike()
  }
}

function isTakenOver(history: readonly { readonly outcome: string }[]): boolean {
  return history.some(({ outcome }) => outcome === "crashed")
}

/** Whoever is frozen in a transaction on a file lets nobody write that it is given up: it is frozen again. */
async function freeze({ troupe, sender }: WebhookStage, fault: string, recovery: boolean): Promise<void> {
  const victim = troupe.start(sender("victim"), { fault })
  await victim.begun()
  await hasStopped(victim)
  for (let turn = 0, isOver = false; !isOver; turn++) {
    if (turn === MOST_TURNS) throw new Error("Nobody gave up who was frozen.")
    victim.signal("SIGSTOP")
    isOver = (await isGivenUp(troupe)) || !recovery
    victim.signal("SIGCONT")
    if (!isOver) await sleep(Math.random() * 100)
  }
  await victim.hush()
  await sleep(700)
  await victim.stop()
}

async function hasStopped(victim: Actor): Promise<void> {
  const startedAt = performance.now()
  while (performance.now() - startedAt < PATIENCE_MS) if (!(await victim.answers(500))) return
  throw new Error("Expected the process to stop itself, it goes on.")
}

/** Does the store know no worker but the successor, well after the lease of the frozen one? */
async function isGivenUp(troupe: WebhookStage["troupe"]): Promise<boolean> {
  const { queries } = await troupe.store()
  const endsAt = performance.now() + FROZEN_MS
  while ((await queries.workers()).length > 1) {
    if (performance.now() >= endsAt) return false
    await sleep(50)
  }
  return true
}

const FROZEN_MS = 2_500
const MOST_TURNS = 10
const PATIENCE_MS = 30_000

if (import.meta.main) {
  const book = await frozenWebhooks({ engine: engineAsked() })
  console.log(inOneLine("webhooks frozen", book), moreInOneLine(book), `taken over ${book.takenOver}`)
}
