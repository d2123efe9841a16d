// Promise: processes on one file wake each other at once, share a backlog, and none starves another's emits.
import { setTimeout as sleep } from "node:timers/promises"
import { type Entry, readBook } from "./book.ts"
import { settled } from "./observer.ts"
import { type EngineName, engineAsked } from "./store.ts"
import { inOneLine, type Tally, tally } from "./tally.ts"
import { Troupe } from "./troupe.ts"

const SUBSCRIBERS = [{ id: "stock", event: "order.placed", ms: 5, policy: { concurrency: 20 } }]

export interface ShareOptions {
  readonly engine?: EngineName
  readonly emits?: number
}

/** By itself the other worker looks so seldom that what begins before came by a hint. */
const POLL_MS = 20_000

/** How long a worker in another process takes to begin what is emitted here, in milliseconds. */
export async function wakeUp({ engine = "sqlite", emits = 20 }: ShareOptions = {}): Promise<{
  begun: number
  median: number
  worst: number
}> {
  const troupe = await Troupe.gather({ engine })
  try {
    const worker = troupe.start({
      name: "worker",
      works: true,
      subscribers: SUBSCRIBERS,
      emits: null,
      options: { pollMs: POLL_MS, leaseMs: 3 * POLL_MS, heartbeatMs: POLL_MS }, // a heartbeat is a look as well
    })
    const producer = troupe.start({ name: "producer", works: false, subscribers: [], emits: null })
    await Promise.all([worker.ready, producer.ready])
    await sleep(500)
    for (let i = 0; i < emits; i++) {
      await producer.ask("emit", "emitted", [{ name: "order.placed", data: { n: `ord_${i}` } }])
      await sleep(120 + Math.random() * 60)
    }
    await settled(troupe, 3_000)
    const book = readBook(troupe.book)
    const waits = book
      .filter((each) => each.verb === "begin")
      .map((begun) => begun.at - timeOf(book, "emit", begun.event))
      .sort((a, b) => a - b)
    const median = waits[Math.floor(waits.length / 2)] as number
    return { begun: waits.length, median, worst: waits.at(-1) as number }
  } finally {
    await troupe.close()
  }
}

function timeOf(book: readonly Entry[], verb: Entry["verb"], event: string): number {
  return book.find((each) => each.verb === verb && each.event === event)?.at as number
}

/** A backlog that two processes find: which part of it the busier and the idler one did. */
export async function share({
  engine = "sqlite",
  emits: events = 4_000,
}: ShareOptions = {}): Promise<Tally & { readonly least: number }> {
  const troupe = await Troupe.gather({ engine })
  try {
    const first = troupe.start({ name: "first", works: true, subscribers: SUBSCRIBERS, emits: null })
    const second = troupe.start({ name: "second", works: true, subscribers: SUBSCRIBERS, emits: null })
    await Promise.all([first.ready, second.ready]) // who subscribes later hears only what comes later
    const producer = troupe.start({
      name: "producer",
      works: false,
      subscribers: [],
      emits: { names: ["order.placed"], each: 50, lanes: 4, most: events },
    })
    await producer.ready
    await emitted(troupe, events)
    await settled(troupe, 4_000)
    const done = readBook(troupe.book).filter((each) => each.verb === "done")
    const byFirst = done.filter((each) => each.who.startsWith("first")).length / done.length
    await Promise.all([first, second, producer].map((each) => each.stop()))
    return { ...(await tally(troupe, ["stock"])), least: Math.min(byFirst, 1 - byFirst) }
  } finally {
    await troupe.close()
  }
}

/** Nothing is open before the first emit either: what is to be settled must have been emitted. */
async function emitted(troupe: Troupe, events: number): Promise<void> {
  for (let looks = 0; looks < 300; looks++) {
    if (readBook(troupe.book).filter((each) => each.verb === "ack").length >= events) return
    await sleep(100)
  }
}

/** Single emits beside a process that writes as fast as it can: how long they took, and how much of it went before them. */
export async function besideSaturation({ engine = "sqlite", emits = 100 }: ShareOptions = {}): Promise<{
  median: number // milliseconds, as is the next
  p99: number
  writes: number // of the other
  overtaken: number // the most of these while one single emit waited
}> {
  const troupe = await Troupe.gather({ engine })
  try {
    const hog = troupe.start({
      name: "hog",
      works: true,
      subscribers: [{ id: "quick", event: "stock.counted" }],
      emits: { names: ["stock.counted"], each: 100, lanes: 8 },
    })
    const single = troupe.start({ name: "single", works: false, subscribers: [], emits: null })
    await Promise.all([hog.ready, single.ready])
    await sleep(500)
    for (let i = 0; i < emits; i++) {
      await single.ask("emit", "emitted", [{ name: "order.placed", data: { n: `ord_${i}` } }])
      await sleep(10)
    }
    await hog.kill()
    const book = readBook(troupe.book)
    const waits = book
      .filter((each) => each.verb === "ack" && each.who.startsWith("single"))
      .map(({ event, at }) => ({ from: timeOf(book, "emit", event), to: at }))
    const times = waits.map(({ from, to }) => to - from).sort((a, b) => a - b)
    const writes = book.filter((each) => each.verb === "ack" && each.who.startsWith("hog"))
    const meanwhile = waits.map(({ from, to }) => writes.filter(({ at }) => at > from && at < to).length)
    return {
      median: times[Math.floor(times.length / 2)] as number,
      p99: times[Math.floor(times.length * 0.99)] as number,
      writes: writes.length,
      overtaken: Math.max(...meanwhile),
    }
  } finally {
    await troupe.close()
  }
}

if (import.meta.main) {
  const engine = engineAsked()
  console.log("wake-up (ms):", JSON.stringify(await wakeUp({ engine })))
  const shared = await share({ engine })
  console.log(inOneLine("share", shared), `least ${Math.round(shared.least * 100)} %`)
  console.log("beside saturation (ms):", JSON.stringify(await besideSaturation({ engine })))
}
