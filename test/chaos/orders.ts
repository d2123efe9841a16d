// Promise: workflows whose processes are killed and frozen at any moment end done or wholly undone; the
// outside acts once for each step, and exactly the orders that are done are announced.
import { readBook } from "./book.ts"
import { chance } from "./chance.ts"
import { judge, type Verdict } from "./orders-judge.ts"
import { type EngineName, engineAsked } from "./store.ts"
import { calm, disturb } from "./storm.ts"
import { inOneLine, type Tally, tallyOf } from "./tally.ts"
import { type Role, Troupe } from "./troupe.ts"

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
    const redriven = await calm(troupe, roles, stillMs)
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

function shop(name: string, share: readonly string[]): Role {
  return {
    name,
    works: true,
    subscribers: [],
    emits: null,
    orders: { workflow: "place-order", orders: share, lanes: LANES },
  }
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
