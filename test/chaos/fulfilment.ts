// Promise: runs with children, steps side by side, waits for events, responses and times, and callers who
// cancel end wholly done or wholly undone, whoever is killed or frozen meanwhile.
import { readBook } from "./book.ts"
import { chance } from "./chance.ts"
import { type FulfilmentVerdict, judgeFulfilment } from "./fulfilment-judge.ts"
import { type OrdersOptions, type OrdersTally, ordersInOneLine } from "./orders.ts"
import { engineAsked } from "./store.ts"
import { calm, disturb } from "./storm.ts"
import { tallyOf } from "./tally.ts"
import { type Role, Troupe } from "./troupe.ts"

export interface FulfilmentTally extends OrdersTally, FulfilmentVerdict {}

const LANES = 6

export async function fulfilment({
  engine = "sqlite",
  orders: count = 200,
  kills = 20,
  workers = engine === "sqlite" ? 2 : 3,
  recovery = true,
  seed = Date.now() % 1_000_000,
  stillMs = 8_000,
}: OrdersOptions = {}): Promise<FulfilmentTally> {
  const troupe = await Troupe.gather({ engine, recovery, mostRepeated: 120 })
  const all = Array.from({ length: count }, (_, i) => `ord_${seed + i}`)
  const shares = Array.from({ length: workers }, (_, worker) => all.filter((_, i) => i % workers === worker))
  const roles = shares.map((share, i) => shop(`shop${i}`, share))
  const storm = { troupe, draw: chance(seed), kills, freezes: 0 }
  try {
    await Promise.all(roles.map((role) => disturb(storm, role)))
    const redriven = await calm(troupe, roles, stillMs)
    const book = readBook(troupe.book)
    const verdict = await judgeFulfilment(await troupe.store(), book, all)
    const tally = await tallyOf(book, troupe, () => [])
    const cap = (troupe.kills + storm.freezes) * troupe.mostRepeated
    const { stuck: lost, repeats: duplicates } = verdict
    // What the outside hears is known by its run, which nobody emits.
    return { ...tally, ...verdict, stray: 0, lost, duplicates, cap, freezes: storm.freezes, redriven }
  } finally {
    await troupe.close()
  }
}

function shop(name: string, share: readonly string[]): Role {
  const orders = { workflow: "fulfil-order", orders: share, lanes: LANES } as const
  return { name, works: true, subscribers: [], emits: null, orders }
}

export function fulfilmentInOneLine(title: string, book: FulfilmentTally): string {
  return `${ordersInOneLine(title, book)}, cancelled ${book.cancelled}, late ${book.late}`
}

if (import.meta.main) {
  const [, , from, times, kills] = process.argv.filter((word) => word !== "postgres")
  const first = Number(from ?? Date.now() % 1_000_000)
  for (let i = 0; i < Number(times ?? 1); i++) {
    const seed = first + i * 1_000
    const book = await fulfilment({ engine: engineAsked(), seed, kills: Number(kills ?? 20) })
    console.log(fulfilmentInOneLine(`fulfilment ${seed}`, book), book.wrong.slice(0, 8))
  }
}
