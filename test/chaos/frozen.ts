// Promise: a process that is frozen past its lease and thawed again writes nothing over its successor.
import { setTimeout as sleep } from "node:timers/promises"
import type { TraceRows } from "../../src/engine/queries.ts"
import { readBook } from "./book.ts"
import { jobs, settled, traces } from "./observer.ts"
import { type EngineName, engineAsked } from "./store.ts"
import { inOneLine, type Tally, tally } from "./tally.ts"
import { type Actor, type Role, Troupe } from "./troupe.ts"

export interface FrozenTally extends Tally {
  readonly freezes: number
  readonly settledTwice: number // jobs with two delivered attempts in their history
  readonly handledBySuccessor: number
  readonly takenOver: number // rows that a second worker took because their first was given up for dead
}

export interface FrozenOptions {
  readonly engine?: EngineName
  readonly recovery?: boolean
  readonly freezes?: readonly (string | null)[] // a named point, or null = at some moment
  readonly frozenMs?: number
  readonly stillMs?: number
}

const SUBSCRIBERS = [
  { id: "stock", event: "order.placed" },
  { id: "mail", event: "order.placed", ms: 400, policy: { retries: 3, initialBackoffDelay: 50 } },
]

/** A server goes through the middle of a commit without us. */
const FREEZES = {
  sqlite: [
    "commit.before=stop@6",
    "settle.middle=stop@4",
    "handlers.after=stop@4",
    "spill.before=stop@2",
    "spill.after=stop@20",
    null,
  ],
  postgres: [
    "commit.before=stop@6",
    "commit.after=stop@4",
    "handlers.after=stop@4",
    "spill.before=stop@2",
    "spill.after=stop@20",
    null,
  ],
} as const

/** Batches that are still run from memory, jobs born of a spill, and settles under way are all frozen once. */
export async function frozen({
  engine = "sqlite",
  recovery = true,
  freezes = FREEZES[engine],
  frozenMs = 2_500,
  stillMs = 5_000,
}: FrozenOptions = {}): Promise<FrozenTally> {
  const troupe = await Troupe.gather({ engine, recovery })
  try {
    const successor = troupe.start({ ...actor("successor"), emits: null })
    await successor.begun()
    for (const fault of freezes) await freezeOnce({ troupe, fault, frozenMs, turns: recovery ? 10 : 1 })
    await settled(troupe, stillMs)
    const book = readBook(troupe.book)
    await successor.stop()
    const store = await troupe.store()
    return {
      ...(await tally(
        troupe,
        SUBSCRIBERS.map((each) => each.id),
      )),
      // A process that is frozen repeats as much as one that dies.
      cap: freezes.length * troupe.mostRepeated,
      freezes: freezes.length,
      settledTwice: (await jobs(store)).filter(
        ({ history }) => history.filter((each) => each.outcome === "delivered").length > 1,
      ).length,
      handledBySuccessor: book.filter((each) => each.verb === "done" && each.who.startsWith("successor"))
        .length,
      takenOver: takenOver(await traces(store)),
    }
  } finally {
    await troupe.close()
  }
}

interface Freeze {
  readonly troupe: Troupe
  readonly fault: string | null
  readonly frozenMs: number
  readonly turns: number
}

/** Whoever is frozen in a transaction on a file lets nobody write that it is given up: it is frozen again. */
async function freezeOnce({ troupe, fault, frozenMs, turns }: Freeze): Promise<void> {
  const victim = troupe.start(actor("victim"), fault === null ? {} : { fault })
  await victim.begun()
  if (fault === null) await sleep(500)
  else await hasStopped(victim)
  for (let turn = 0, isOver = false; turn < turns && !isOver; turn++) {
    victim.signal("SIGSTOP")
    isOver = await isGivenUp(troupe, frozenMs)
    victim.signal("SIGCONT")
    if (!isOver) await sleep(Math.random() * 100)
  }
  await victim.hush()
  await sleep(700)
  await victim.stop()
}

async function hasStopped(victim: Actor): Promise<void> {
  const startedAt = performance.now()
  while (performance.now() - startedAt < PATIENCE_MS) if (!(await victim.answers(300))) return
  throw new Error("Expected the process to stop itself, it goes on.")
}

const PATIENCE_MS = 20_000

/** Does the store know no worker but the successor, within this time? */
async function isGivenUp(troupe: Troupe, withinMs: number): Promise<boolean> {
  const { queries } = await troupe.store()
  const endsAt = performance.now() + withinMs
  while ((await queries.workers()).length > 1) {
    if (performance.now() >= endsAt) return false
    await sleep(50)
  }
  return true
}

/** A batch stands in the trace of each of its events, and is counted once. */
function takenOver(all: readonly TraceRows[]): number {
  const rows = all.flatMap(({ batches, parts, jobs: own }) => [
    ...batches.filter((row) => row.takes > 1).map((row) => `batch ${row.no}`),
    ...parts.filter((row) => row.takes > 1).map((row) => `part ${row.no}`),
    ...own.filter((row) => row.crashes > 0).map((row) => `job ${row.no}`),
  ])
  return new Set(rows).size
}

function actor(name: string): Role {
  return {
    name,
    works: true,
    subscribers: SUBSCRIBERS,
    emits: { names: ["order.placed"], each: 3, lanes: 2, pauseMs: 15, failEvery: 40 },
  }
}

if (import.meta.main) {
  const result = await frozen({ engine: engineAsked() })
  console.log(
    inOneLine("frozen", result),
    `freezes ${result.freezes}, settled twice ${result.settledTwice}, taken over ${result.takenOver}`,
  )
}
