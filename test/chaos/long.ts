// Promise: `npm run chaos` kills two processes two hundred times and more, and no acknowledged event is lost.
import { setTimeout as sleep } from "node:timers/promises"
import { deploy } from "./deploy.ts"
import { frozen } from "./frozen.ts"
import { settled } from "./observer.ts"
import { order } from "./order.ts"
import type { ActorPlan, SubscriberPlan } from "./plans.ts"
import { poison } from "./poison.ts"
import { random } from "./random.ts"
import { again, release } from "./release.ts"
import { POINTS } from "./sigkill.ts"
import { spill } from "./spill.ts"
import { inOneLine, type Tally, tally } from "./tally.ts"
import { Troupe } from "./troupe.ts"

const MORE_POINTS = [...POINTS, "spill.before", "spill.after", "release.middle"] as const

const RETRIES = { retries: 6, initialBackoffDelay: 30, jitter: 0.2 }
const SUBSCRIBERS: readonly SubscriberPlan[] = [
  { id: "stock", event: "order.*", policy: RETRIES },
  { id: "mail", event: "order.*", policy: RETRIES },
  { id: "ledger", event: "order.*", policy: { ...RETRIES, order: "hold" } },
]

/** Two processes that emit, stage, release, fail and retry, each killed again and again at a point or a moment. */
export async function long(kills: number): Promise<Tally> {
  const troupe = new Troupe()
  try {
    await Promise.all([killAgain(troupe, "east", kills), killAgain(troupe, "west", kills)])
    const last = troupe.start({ name: "last", works: true, subscribers: SUBSCRIBERS, emits: null })
    await last.ready
    await settled(troupe, 10_000)
    const book = tally(
      troupe,
      SUBSCRIBERS.map((each) => each.id),
    )
    await last.stop()
    return book
  } finally {
    await troupe.close()
  }
}

async function killAgain(troupe: Troupe, name: string, kills: number): Promise<void> {
  while (troupe.kills < kills) {
    const point = MORE_POINTS[Math.floor(Math.random() * MORE_POINTS.length)]
    const fault = Math.random() < 0.6 ? `${point}=kill@${1 + Math.floor(Math.random() * 60)}` : undefined
    const victim = troupe.start(actor(name), { fault })
    await victim.ready
    await Promise.race([victim.ended, sleep(200 + Math.random() * (fault === undefined ? 600 : 1_500))])
    await victim.kill()
    troupe.kills++
  }
}

function actor(name: string): Omit<ActorPlan, "database" | "book" | "mostRepeated"> {
  return {
    name,
    works: true,
    subscribers: SUBSCRIBERS,
    emits: {
      names: ["order.placed", "order.paid"],
      each: 4,
      lanes: 2,
      pauseMs: 25,
      keys: 40,
      failEvery: 40,
      slowEvery: 90,
      slowMs: 280,
      groupEvery: 3,
    },
  }
}

async function all(): Promise<void> {
  const kills = Number(process.argv[2] ?? 200)
  await show("long", () => long(kills))
  if (process.argv.includes("--only")) return
  await show("frozen", () => frozen())
  await show("spill", () => spill())
  for (const kind of ["exit", "memory", "loop"] as const) await show(`poison (${kind})`, () => poison(kind))
  await show("poison beside a handler that hangs", () => poison("exit", { workers: 1, hung: true }))
  await show("order", () => order({ kills: 20 }))
  await show("deploy", () => deploy())
  await show("release", () => release({ events: 5_000 }))
  await show("again", () => again())
  const first = Date.now() % 1_000_000
  for (let seed = first; seed < first + 10; seed++) {
    for (const fastPath of [true, false])
      await show(`random ${seed} (${fastPath ? "fast" : "jobs"})`, () =>
        random({ seed, fastPath, steps: 30 }),
      )
  }
}

/** Its book in a line; what it lost, or that it came to no end, is the run's failure. */
async function show(
  title: string,
  run: () => Promise<Tally & { readonly wrong?: readonly string[] }>,
): Promise<void> {
  try {
    const book = await run()
    console.log(inOneLine(title, book))
    const { wrong = [] } = book
    if (wrong.length > 0) console.error(wrong.join("\n"))
    if (book.lost + book.stray + wrong.length > 0) process.exitCode = 1
  } catch (error) {
    console.error(`${title}: ${(error as Error).stack}`)
    process.exitCode = 1
  }
}

if (import.meta.main) await all()
