// Promise: whatever happens to workers, producers, connections and the server, no acknowledged event is
// lost, each group handles each event, and what is handled twice stays within what crashes may repeat.
import { setTimeout as sleep } from "node:timers/promises"
import { Cluster } from "../support/cluster.ts"
import { PgBouncer } from "../support/pgbouncer.ts"
import { TcpProxy } from "../support/proxy.ts"
import { Acknowledged, type Entry, readBook } from "./book.ts"
import { chance } from "./chance.ts"
import { DISTURBANCES, type Disturbance, type Scene } from "./disturbances.ts"
import { settled } from "./observer.ts"
import type { SubscriberPlan } from "./plans.ts"
import { Post } from "./post.ts"
import { inOneLine, type Tally, tallyOf } from "./tally.ts"
import { type Role, Troupe } from "./troupe.ts"

export interface ServerTally extends Tally {
  readonly seed: number
  readonly groups: Readonly<Record<string, number>> // events that each group handled
  readonly disturbances: Readonly<Record<string, number>>
  readonly refusals: Readonly<Record<string, number>> // emits that were rejected, by the error's code
  readonly deaths: readonly string[] // of processes that nobody killed
}

export interface ServerOptions {
  readonly recovery?: boolean
  readonly events?: number // acknowledged ones, at least
  readonly disturbances?: readonly Disturbance[]
  readonly pauseMs?: number // between two disturbances
  readonly workersEach?: number // of a group
  readonly leaseMs?: number
  readonly seed?: number
  readonly stillMs?: number
}

const RETRIES = { retries: 8, initialBackoffDelay: 50 }
const GROUPS: Readonly<Record<string, readonly SubscriberPlan[]>> = {
  shop: [{ id: "stock", event: "order.*", policy: RETRIES }],
  billing: [{ id: "ledger", event: "order.*", policy: { ...RETRIES, concurrency: 50 } }],
  search: [
    { id: "index", event: "order.*", policy: RETRIES },
    { id: "shelf", event: "stock.counted", policy: { ...RETRIES, order: "hold" } },
  ],
}
const NAMES = [
  ...Array.from({ length: 19 }, (_, i) => (i % 2 === 0 ? "order.placed" : "order.paid")),
  "stock.counted",
]

/**
 * Three groups of several workers and two producers of their own: straight, over a proxy that cuts, over
 * one that goes silent, and through a pooler where one is installed.
 */
export async function server({
  recovery = true,
  events = 100_000,
  disturbances = Object.keys(DISTURBANCES) as Disturbance[],
  pauseMs = 1_500,
  workersEach = 2,
  leaseMs = 3_000,
  seed = Date.now() % 1_000_000,
  stillMs = 15_000,
}: ServerOptions = {}): Promise<ServerTally> {
  const cluster = await Cluster.start()
  const [cutting, silent] = await Promise.all([TcpProxy.open(cluster.url()), TcpProxy.open(cluster.url())])
  const pooler = PgBouncer.missing() === null ? await PgBouncer.start(cluster.url()) : null
  const troupe = await Troupe.gather({ database: cluster.url(), recovery })
  try {
    const pooled = pooler === null ? [] : [`${pooler.url()}?pooler=true`]
    const roads = [cluster.url(), cutting.url, silent.url, ...pooled]
    const options = { leaseMs, heartbeatMs: Math.floor(leaseMs / 4), pollMs: 200, graceMs: 2_000 }
    const workers = Object.entries(GROUPS).flatMap(([group, subscribers], g) =>
      Array.from({ length: workersEach }, (_, w) => ({
        ...worker(group, subscribers),
        database: roads[(g + w) % roads.length],
        options: { ...options, group },
      })),
    )
    const producers = ["east", "west"].map((name, i) => ({ ...producer(name), database: roads[i], options }))
    const scene: Scene = {
      cluster,
      cutting,
      silent,
      workers: await Post.fill(troupe, workers),
      producers: await Post.fill(troupe, producers),
      leaseMs,
      draw: chance(seed),
    }
    const disturbed = await disturb(scene, { events, disturbances, pauseMs, book: troupe.book })
    await Promise.all(scene.producers.map((post) => post.stop()))
    await settled(troupe, stillMs)
    await Promise.all(scene.workers.map((post) => post.stop()))
    const deaths = [...scene.workers, ...scene.producers].flatMap((post) => post.deaths)
    return { ...(await judge(troupe, disturbed)), seed, deaths }
  } finally {
    await troupe.close()
    await Promise.all([cutting.close(), silent.close(), pooler?.close()])
    await cluster.close()
  }
}

interface Disturbing {
  readonly events: number
  readonly disturbances: readonly Disturbance[]
  readonly pauseMs: number
  readonly book: string
}

interface Disturbed {
  readonly counts: Record<string, number>
  readonly leases: number // that it may have cost
}

/** One disturbance after another, until so many events are acknowledged and each has come once. */
async function disturb(
  scene: Scene,
  { events, disturbances, pauseMs, book }: Disturbing,
): Promise<Disturbed> {
  const acknowledged = new Acknowledged(book)
  const counts: Record<string, number> = {}
  let leases = 0
  const startedAt = performance.now()
  for (let i = 0; acknowledged.count() < events || i < disturbances.length; i++) {
    if (performance.now() - startedAt > LIMIT_MS) throw new Error(`Got ${acknowledged.count()} events only.`)
    await sleep(pauseMs / 2 + scene.draw(pauseMs))
    const name = disturbances[i < disturbances.length ? i : scene.draw(disturbances.length)] as Disturbance
    counts[name] = (counts[name] ?? 0) + 1
    leases += await DISTURBANCES[name](scene)
  }
  return { counts, leases }
}

const LIMIT_MS = 15 * 60_000

async function judge(
  troupe: Troupe,
  { counts, leases }: Disturbed,
): Promise<Omit<ServerTally, "seed" | "deaths">> {
  const book = readBook(troupe.book)
  return {
    ...(await tallyOf(book, troupe, wantedBy)),
    cap: (troupe.kills + leases) * troupe.mostRepeated,
    groups: Object.fromEntries(
      Object.entries(GROUPS).map(([group, subscribers]) => [group, handledBy(book, subscribers)]),
    ),
    disturbances: counts,
    refusals: countBy(
      book.filter((each) => each.verb === "refuse"),
      (each) => each.event,
    ),
  }
}

/** The event's number in its process says which name it had. */
function wantedBy(event: string): readonly string[] {
  const no = Number(/-(\d+)/.exec(event)?.[1])
  return NAMES[no % NAMES.length] === "stock.counted" ? ["shelf"] : ["stock", "ledger", "index"]
}

function countBy<T>(items: readonly T[], wordOf: (item: T) => string): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const item of items) counts[wordOf(item)] = (counts[wordOf(item)] ?? 0) + 1
  return counts
}

function handledBy(book: readonly Entry[], subscribers: readonly SubscriberPlan[]): number {
  const ids = new Set(subscribers.map((each) => each.id))
  const done = book.filter((each) => each.verb === "done" && ids.has(each.subscriber))
  return new Set(done.map((each) => `${each.event} ${each.subscriber}`)).size
}

function worker(group: string, subscribers: readonly SubscriberPlan[]): Role {
  return { name: group, works: true, subscribers, emits: null }
}

function producer(name: string): Role {
  return {
    name,
    works: false,
    subscribers: [],
    emits: {
      names: NAMES,
      each: 20,
      lanes: 4,
      pauseMs: 40,
      keys: 100,
      failEvery: 50,
      slowEvery: 1_000,
      slowMs: 300,
      groupEvery: 100,
    },
  }
}

if (import.meta.main) {
  const [, , events = 100_000, seed] = process.argv.map(Number)
  const result = await server({ events, ...(seed === undefined ? {} : { seed }) })
  const { groups, disturbances, refusals, deaths } = result
  console.log(inOneLine(`server ${result.seed}`, result))
  console.log(JSON.stringify({ groups, disturbances, refusals, deaths }, null, 2))
}
