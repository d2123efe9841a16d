// Promise: a process that is frozen past its lease and thawed again writes nothing over its successor.
import { setTimeout as sleep } from "node:timers/promises"
import { readBook } from "./book.ts"
import { read, settled } from "./observer.ts"
import type { ActorPlan } from "./plans.ts"
import { inOneLine, type Tally, tally } from "./tally.ts"
import { Troupe } from "./troupe.ts"

export interface FrozenTally extends Tally {
  readonly freezes: number
  readonly settledTwice: number // jobs with two delivered attempts in their history
  readonly handledBySuccessor: number
  readonly takenOver: number // rows that a second worker took because their first was given up for dead
}

export interface FrozenOptions {
  readonly recovery?: boolean
  readonly freezes?: readonly (string | null)[] // a named point, or null = at some moment
  readonly frozenMs?: number
  readonly stillMs?: number
}

const SUBSCRIBERS = [
  { id: "stock", event: "order.placed" },
  { id: "mail", event: "order.placed", ms: 400, policy: { retries: 3, initialBackoffDelay: 50 } },
]

/** Batches that are still run from memory, jobs born of a spill, and settles under way are all frozen once. */
export async function frozen({
  recovery = true,
  freezes = [
    "commit.before=stop@6",
    "settle.middle=stop@4",
    "handlers.after=stop@4",
    "spill.before=stop@2",
    "spill.after=stop@20",
    null,
  ],
  frozenMs = 1_800,
  stillMs = 5_000,
}: FrozenOptions = {}): Promise<FrozenTally> {
  const troupe = new Troupe({ recovery })
  try {
    const successor = troupe.start({ ...actor("successor"), emits: null })
    await successor.ready
    for (const fault of freezes) await freezeOnce(troupe, fault, frozenMs)
    await settled(troupe, stillMs)
    const book = readBook(troupe.book)
    await successor.stop()
    return {
      ...tally(
        troupe,
        SUBSCRIBERS.map((each) => each.id),
      ),
      // A process that is frozen repeats as much as one that dies.
      cap: freezes.length * troupe.mostRepeated,
      freezes: freezes.length,
      settledTwice: read(
        troupe.database,
        `SELECT id FROM jobs WHERE (SELECT count(*) FROM json_each(history) WHERE value ->> 'outcome' = 'delivered') > 1`,
      ).length,
      handledBySuccessor: book.filter((each) => each.verb === "done" && each.who.startsWith("successor"))
        .length,
      takenOver: read(
        troupe.database,
        `SELECT no FROM batches WHERE takes > 1 UNION ALL SELECT no FROM parts WHERE takes > 1
         UNION ALL SELECT no FROM jobs WHERE crashes > 0`,
      ).length,
    }
  } finally {
    await troupe.close()
  }
}

async function freezeOnce(troupe: Troupe, fault: string | null, frozenMs: number): Promise<void> {
  const victim = troupe.start(actor("victim"), fault === null ? {} : { fault })
  await victim.ready
  await sleep(500)
  victim.signal("SIGSTOP")
  await sleep(frozenMs)
  victim.signal("SIGCONT")
  victim.tell("hush")
  await sleep(700)
  await victim.stop()
}

function actor(name: string): Omit<ActorPlan, "database" | "book" | "mostRepeated"> {
  return {
    name,
    works: true,
    subscribers: SUBSCRIBERS,
    emits: { names: ["order.placed"], each: 3, lanes: 2, pauseMs: 15, failEvery: 40 },
  }
}

if (import.meta.main) {
  const result = await frozen()
  console.log(
    inOneLine("frozen", result),
    `freezes ${result.freezes}, settled twice ${result.settledTwice}, taken over ${result.takenOver}`,
  )
}
