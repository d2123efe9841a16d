// Promise: while the server is away emits wait; when it is back they are written, and whoever worked
// works on. When it stays away too long they are refused by an error that says so.
import { setTimeout as sleep } from "node:timers/promises"
import { Cluster } from "../support/cluster.ts"
import { TcpProxy } from "../support/proxy.ts"
import { readBook } from "./book.ts"
import { settled } from "./observer.ts"
import { Post } from "./post.ts"
import { inOneLine, type Tally, tally } from "./tally.ts"
import { type Role, Troupe } from "./troupe.ts"

export interface OutageTally extends Tally {
  readonly refusals: readonly string[] // codes of the emits that were rejected
  readonly waited: number // events that were emitted before the server was back, and acknowledged after
  readonly deaths: readonly string[]
}

export interface OutageOptions {
  readonly awayMs?: number
  readonly emitTimeoutMs?: number // how long an emit may wait for the server
  /** How it goes: it is stopped, killed, or the network before it swallows all that is said. */
  readonly how?: "fast" | "immediate" | "kill" | "silence"
}

const SUBSCRIBERS = [
  { id: "stock", event: "order.placed" },
  { id: "mail", event: "order.placed", ms: 20, policy: { retries: 5, initialBackoffDelay: 100 } },
]

export async function outage({
  awayMs = 5_000,
  emitTimeoutMs = 30_000,
  how = "fast",
}: OutageOptions = {}): Promise<OutageTally> {
  const cluster = await Cluster.start()
  const proxy = await TcpProxy.open(cluster.url())
  const troupe = await Troupe.gather({ database: cluster.url() })
  try {
    const database = proxy.url
    const worker = { ...actor("worker", emitTimeoutMs), database }
    const producer = { ...actor("producer", emitTimeoutMs), database, works: false, subscribers: [] }
    const posts = [...(await Post.fill(troupe, [worker])), ...(await Post.fill(troupe, [producer]))]
    await sleep(1_000)
    const comeBack = await goAway(how, cluster, proxy)
    await sleep(awayMs)
    const backAt = Date.now()
    await comeBack()
    await sleep(2_000)
    await Promise.all(posts.map((post) => post.actor.hush()))
    await settled(troupe, 6_000)
    await Promise.all(posts.map((post) => post.stop()))
    const book = readBook(troupe.book)
    const late = book.filter(({ verb, at }) => verb === "ack" && at >= backAt).map((each) => each.event)
    const begun = new Set(
      book.filter(({ verb, at }) => verb === "emit" && at < backAt).map((each) => each.event),
    )
    return {
      ...(await tally(
        troupe,
        SUBSCRIBERS.map((each) => each.id),
      )),
      cap: posts.length * troupe.mostRepeated, // the lease ran out meanwhile
      refusals: [...new Set(book.filter((each) => each.verb === "refuse").map((each) => each.event))],
      waited: late.filter((event) => begun.has(event)).length,
      deaths: posts.flatMap((post) => post.deaths),
    }
  } finally {
    await troupe.close()
    await proxy.close()
    await cluster.close()
  }
}

/** Says how it comes back. After a silence the old connections are dead, and nobody tells. */
async function goAway(
  how: NonNullable<OutageOptions["how"]>,
  cluster: Cluster,
  proxy: TcpProxy,
): Promise<() => Promise<void>> {
  if (how === "silence") {
    proxy.silence()
    return async () => proxy.forget()
  }
  if (how === "kill") await cluster.kill()
  else await cluster.stop(how)
  return () => cluster.start()
}

function actor(name: string, emitTimeoutMs: number): Role {
  return {
    name,
    works: true,
    subscribers: SUBSCRIBERS,
    emits: { names: ["order.placed"], each: 3, lanes: 3, pauseMs: 20, failEvery: 40 },
    options: { emitTimeoutMs, postgres: { answerTimeoutMs: 1_500 } },
  }
}

if (import.meta.main) {
  for (const options of [{}, { how: "kill" }, { how: "silence" }, { emitTimeoutMs: 1_000 }] as const) {
    const result = await outage(options)
    const { refusals, waited, deaths } = result
    console.log(
      inOneLine(`outage ${JSON.stringify(options)}`, result),
      JSON.stringify({ refusals, waited, deaths }),
    )
  }
}
