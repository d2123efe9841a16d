// Promise: workflows whose processes are killed and frozen at any moment end done or wholly undone; the
// outside acts once for each step, and exactly the orders that are done are announced.
import { setTimeout as sleep } from "node:timers/promises"
import type { Engine } from "../../src/engine/engine.ts"
import type { FaultPoint } from "../../src/engine/faults.ts"
import { readBook } from "./book.ts"
import { chance } from "./chance.ts"
import { jobs, settled } from "./observer.ts"
import { judge, type Verdict } from "./orders-judge.ts"
import { type EngineName, engineAsked } from "./store.ts"
import { inOneLine, type Tally, tallyOf } from "./tally.ts"
import { type Actor, type Role, Troupe } from "./troupe.ts"

export interface OrdersTally extends Tally, Verdict {
  readonly freezes: number
  readonly redriven: number // runs that lost five processes without coming further in any
}

export interface OrdersOptions {
  readonly engine?: EngineName
  readonly orders?: number
  readonly kills?: number
  readonly workers?: number
  readonly recovery?: boolean
  readonly seed?: number
  readonly stillMs?: number
}

const POINTS: readonly FaultPoint[] = ["step.after", "checkpoint.after", "run.ending", "release.middle"]
const LANES = 6

/** Each process places its share of the orders, and is killed or frozen again and again while it does. */
export async function orders({
  engine = "sqlite",
  orders: count = 300,
  kills = 20,
  workers = engine === "sqlite" ? 2 : 3,
  recovery = true,
  seed = Date.now() % 1_000_000,
  stillMs = 8_000,
}: OrdersOptions = {}): Promise<OrdersTally> {
  const troupe = await Troupe.gather({ engine, recovery, mostRepeated: 80 })
  const draw = chance(seed)
  const all = Array.from({ length: count }, (_, i) => `ord_${seed + i}`)
  const shares = Array.from({ length: workers }, (_, worker) => all.filter((_, i) => i % workers === worker))
  const roles = shares.map((share, i) => shop(`shop${i}`, share))
  const storm = { troupe, draw, kills, freezes: 0 }
  try {
    await Promise.all(roles.map((role) => disturb(storm, role)))
    const last = roles.map((role) => troupe.start(role))
    const placed = Promise.all(last.map((actor) => actor.answer("placed")))
    await Promise.all(last.map((actor) => actor.ready))
    let redriven = 0
    for (let dead = -1; dead !== 0; redriven += dead) {
      await Promise.race([placed, still(troupe, stillMs)])
      await settled(troupe, stillMs)
      dead = await redriveDead(await troupe.store())
    }
    await Promise.all(last.map((actor) => actor.stop()))
    const book = readBook(troupe.book)
    const verdict = await judge(await troupe.store(), book, all)
    const tally = await tallyOf(book, troupe, () => [])
    const cap = (troupe.kills + storm.freezes) * troupe.mostRepeated
    const { stuck: lost, repeats: duplicates } = verdict
    return { ...tally, ...verdict, lost, duplicates, cap, freezes: storm.freezes, redriven }
  } finally {
    await troupe.close()
  }
}

/** What an operator does with runs that were given up as murderous. */
async function redriveDead(store: Engine): Promise<number> {
  const nos = (await jobs(store, { state: "dead", kind: "run" })).map((job) => job.no)
  if (nos.length > 0) await store.commit([{ kind: "redrive", nos }])
  return nos.length
}

interface Storm {
  readonly troupe: Troupe
  readonly draw: (below: number) => number
  readonly kills: number
  freezes: number
}

async function disturb(storm: Storm, role: Role): Promise<void> {
  const { troupe, draw, kills } = storm
  while (troupe.kills < kills) {
    const point = POINTS[draw(POINTS.length)]
    const how = ["kill", "stop", "moment", "moment"][draw(4)]
    const fault = how === "moment" ? undefined : `${point}=${how}@${1 + draw(25)}`
    const victim = troupe.start(role, { fault })
    await victim.ready
    await Promise.race([victim.ended, sleep(150 + draw(700))])
    if (how === "stop" || draw(3) === 0) {
      storm.freezes++
      await freeze(victim, 1_300 + draw(900))
      await sleep(draw(400))
    }
    await victim.kill()
    troupe.kills++
  }
}

/** Longer than its lease, so that others take over what it believes to have. */
async function freeze(actor: Actor, ms: number): Promise<void> {
  actor.signal("SIGSTOP")
  await sleep(ms)
  actor.signal("SIGCONT")
}

/** Resolves when nothing has been written for so long that nothing will. */
async function still(troupe: Troupe, ms: number): Promise<void> {
  for (let lines = -1; ; ) {
    const now = readBook(troupe.book).length
    if (now === lines) return
    lines = now
    await sleep(ms)
  }
}

function shop(name: string, share: readonly string[]): Role {
  return { name, works: true, subscribers: [], emits: null, orders: { orders: share, lanes: LANES } }
}

export function ordersInOneLine(title: string, book: OrdersTally): string {
  const { done, reverted, stuck, freezes, redriven } = book
  return `${inOneLine(title, book)}; done ${done}, reverted ${reverted}, stuck ${stuck}, freezes ${freezes}, redriven ${redriven}`
}

if (import.meta.main) {
  const [, , from, times, kills] = process.argv.filter((word) => word !== "postgres")
  const first = Number(from ?? Date.now() % 1_000_000)
  for (let i = 0; i < Number(times ?? 1); i++) {
    const seed = first + i * 1_000
    const book = await orders({ engine: engineAsked(), seed, kills: Number(kills ?? 20) })
    console.log(ordersInOneLine(`orders ${seed}`, book), book.wrong.slice(0, 8))
  }
}
