// Promise: a worker whose wall clock is an hour wrong steals nothing, starves nobody, is not starved, and
// what it puts off comes at its time.
import { setTimeout as sleep } from "node:timers/promises"
import { readBook } from "./book.ts"
import { settled, traces } from "./observer.ts"
import type { EngineName } from "./store.ts"
import { inOneLine, type Tally, tallyOf } from "./tally.ts"
import { type Actor, type Role, Troupe } from "./troupe.ts"

export interface SkewTally extends Tally {
  readonly least: number // the smaller share of the backlog that one of the two workers did
  readonly takenOver: number // rows that were taken more than once: somebody was given up for dead
  readonly early: number // retries and delayed deliveries that came before their time
}

const MOST_EARLY_MS = 10
const HOUR_MS = 3_600_000
const RETRY_MS = 700
const DELAY_MS = 900

const SUBSCRIBERS = [
  { id: "stock", event: "order.placed", ms: 5, policy: { concurrency: 20 } },
  {
    id: "mail",
    event: "order.paid",
    policy: { retries: 2, initialBackoffDelay: RETRY_MS, exponentialBackoffCoefficient: 1, jitter: 0 },
  },
]

/** A worker and a producer whose clocks are right, beside a worker and a producer whose clocks are not. */
export async function skew({
  engine = "postgres",
  shiftMs = HOUR_MS,
  backlog = 1_500,
}: {
  engine?: EngineName
  shiftMs?: number
  backlog?: number
} = {}): Promise<SkewTally> {
  const troupe = await Troupe.gather({ engine })
  try {
    const [right, wrong] = [troupe.start(worker("right", 0)), troupe.start(worker("wrong", shiftMs))]
    const producers = [troupe.start(producer("east", 0)), troupe.start(producer("west", shiftMs))]
    await Promise.all([right, wrong, ...producers].map((actor) => actor.ready))
    await Promise.all(producers.map((actor, i) => emitAll(actor, `${i}`, backlog)))
    await sleep(DELAY_MS)
    await settled(troupe, 6_000)
    await Promise.all([right, wrong, ...producers].map((actor) => actor.stop()))
    return await judge(troupe, shiftMs)
  } finally {
    await troupe.close()
  }
}

async function emitAll(producer: Actor, name: string, backlog: number): Promise<void> {
  const stock = Array.from({ length: backlog }, (_, i) => ({
    name: "order.placed",
    data: { n: `stock-${name}-${i}` },
  }))
  for (let from = 0; from < backlog; from += 50)
    await producer.ask("emit", "emitted", stock.slice(from, from + 50))
  const failing = Array.from({ length: 20 }, (_, i) => ({
    name: "order.paid",
    data: { n: `mail-${name}-${i}`, fails: 1 },
  }))
  const delayed = failing.map(({ name: event, data }) => ({
    name: event,
    data: { n: `late-${data.n}` },
    delay: DELAY_MS,
  }))
  await producer.ask("emit", "emitted", [...failing, ...delayed])
}

/** Each process writes its own time in the book; the wrong ones are put right. */
async function judge(troupe: Troupe, shiftMs: number): Promise<SkewTally> {
  const isWrong = (who: string) => who.startsWith("wrong") || who.startsWith("west")
  const book = readBook(troupe.book).map((each) => ({
    ...each,
    at: isWrong(each.who) ? each.at - shiftMs : each.at,
  }))
  const timeOf = new Map(book.map((each) => [`${each.verb} ${each.event} ${each.attempt}`, each.at]))
  const retries = book
    .filter(({ verb, attempt }) => verb === "begin" && attempt === 2)
    .map(({ at, event }) => at - (timeOf.get(`fail ${event} 1`) as number) - RETRY_MS)
  const delays = book
    .filter(({ verb, event, attempt }) => verb === "begin" && attempt === 1 && event.startsWith("late"))
    .map(({ at, event }) => at - (timeOf.get(`emit ${event} 0`) as number) - DELAY_MS)
  const stock = book.filter(({ verb, subscriber }) => verb === "done" && subscriber === "stock")
  const byWrong = stock.filter((each) => isWrong(each.who)).length / stock.length
  const rows = (await traces(await troupe.store())).flatMap(({ batches, parts }) => [...batches, ...parts])
  const subscriberOf = (event: string) => (event.startsWith("stock") ? ["stock"] : ["mail"])
  return {
    ...(await tallyOf(book, troupe, subscriberOf)),
    least: Math.min(byWrong, 1 - byWrong),
    takenOver: new Set(rows.filter((row) => row.takes > 1).map((row) => row.no)).size,
    // How far off the server's clock is, a process knows to half a round trip, which is long on a busy machine.
    early: [...retries, ...delays].filter((late) => late < -MOST_EARLY_MS).length,
  }
}

function worker(name: string, clockShiftMs: number): Role {
  const options = { leaseMs: 8_000, heartbeatMs: 500 } // a busy machine costs nobody the lease
  return { name, clockShiftMs, works: true, subscribers: SUBSCRIBERS, emits: null, options }
}

function producer(name: string, clockShiftMs: number): Role {
  return { name, clockShiftMs, works: false, subscribers: [], emits: null }
}

if (import.meta.main) {
  for (const shiftMs of [HOUR_MS, -HOUR_MS]) {
    const result = await skew({ shiftMs })
    const { least, takenOver, early } = result
    console.log(inOneLine(`skew ${shiftMs / HOUR_MS} h`, result), JSON.stringify({ least, takenOver, early }))
  }
}
