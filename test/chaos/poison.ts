// Promise: one event that kills whoever handles it becomes a dead letter, and its 999 neighbours are delivered.
import { setTimeout as sleep } from "node:timers/promises"
import { readBook } from "./book.ts"
import { deadLetters, open } from "./observer.ts"
import type { EventData } from "./plans.ts"
import { type EngineName, engineAsked } from "./store.ts"
import { inOneLine, type Tally, tally } from "./tally.ts"
import { type Actor, Troupe } from "./troupe.ts"

export type Poison = "exit" | "memory" | "loop"

export interface PoisonTally extends Tally {
  readonly crashes: number // processes that died of it
  readonly attempts: number // at the poisonous event
  readonly deadLetters: readonly { readonly n: string; readonly reason: string }[]
}

export interface PoisonOptions {
  readonly engine?: EngineName
  readonly recovery?: boolean
  readonly good?: number
  readonly limitMs?: number
  readonly workers?: number
  readonly hung?: boolean // another subscription's handlers never end
}

const SUBSCRIBERS = [{ id: "stock", event: "order.placed" }]
const HUNG = { id: "hung", event: "brand.created", policy: { timeout: 60_000 } }

/** Several workers, each started again whenever it dies, and ended when it does not answer. */
export async function poison(
  kind: Poison,
  {
    engine = "sqlite",
    recovery = true,
    good = 999,
    limitMs = 120_000,
    workers = 3,
    hung = false,
  }: PoisonOptions = {},
): Promise<PoisonTally> {
  const troupe = await Troupe.gather({ engine, recovery, mostRepeated: 4_000 })
  const watch = { over: false, crashes: 0 }
  try {
    const producer = troupe.start({ name: "producer", works: false, subscribers: [], emits: null })
    const subscribers = hung ? [...SUBSCRIBERS, HUNG] : SUBSCRIBERS
    const begin = () =>
      troupe.start(
        { name: "worker", works: true, subscribers, emits: null },
        { execArgv: ["--max-old-space-size=48"] },
      )
    const first = Array.from({ length: workers }, begin)
    await Promise.all([producer.ready, ...first.map((worker) => worker.ready)])
    const watches = first.map((worker) => supervise(worker, begin, watch))
    if (hung)
      await producer.ask("emit", "emitted", [{ name: HUNG.event, data: { n: "hung", poison: "hang" } }])
    await producer.ask(
      "emit",
      "emitted",
      Array.from({ length: good + 1 }, (_, i) => ({
        name: "order.placed",
        data: { n: `ord_${i}`, ...(i === Math.floor(good / 2) ? { poison: kind } : undefined) },
      })),
    )
    const startedAt = performance.now()
    while (performance.now() - startedAt < limitMs && !(await isOver(troupe, good))) await sleep(100)
    watch.over = true
    await Promise.all(watches)
    troupe.kills = watch.crashes
    const book = await tally(troupe, ["stock"])
    return {
      ...book,
      // What hangs on purpose is open and not lost.
      lost: hung ? book.lost - 1 : book.lost,
      crashes: watch.crashes,
      attempts: readBook(troupe.book).filter(
        (each) => each.verb === "begin" && each.event === `ord_${Math.floor(good / 2)}`,
      ).length,
      deadLetters: (await deadLetters(await troupe.store())).map(({ reason, data }) => ({
        n: (JSON.parse(data) as EventData).n,
        reason,
      })),
    }
  } finally {
    await troupe.close()
  }
}

/** With no dead letter yet it cannot be over, whatever is open at the moment. */
async function isOver(troupe: Troupe, good: number): Promise<boolean> {
  const store = await troupe.store()
  const { batches, parts, jobs } = await open(store)
  if ((await deadLetters(store)).length === 0 || batches + parts > 0 || jobs > 1) return false
  const done = readBook(troupe.book).filter((each) => each.verb === "done")
  return new Set(done.map((each) => each.event)).size === good
}

async function supervise(
  first: Actor,
  begin: () => Actor,
  watch: { over: boolean; crashes: number },
): Promise<void> {
  let worker = first
  while (!watch.over) {
    await Promise.race([worker.ended, sleep(200)])
    if (!worker.isOver && !(await worker.answers(1_500))) await worker.kill()
    if (!worker.isOver) continue
    watch.crashes++
    if (watch.over) return
    worker = begin()
    await worker.ready
  }
  await worker.kill()
}

if (import.meta.main) {
  for (const kind of ["exit", "memory", "loop"] as const) {
    const result = await poison(kind, { engine: engineAsked() })
    console.log(inOneLine(`poison (${kind})`, result), `crashes ${result.crashes}`, result.deadLetters)
  }
}
