// Promise: `npm run chaos` kills two processes two hundred times and more on SQLite, disturbs all that a
// fleet on PostgreSQL is made of, and no acknowledged event is lost.
import { setTimeout as sleep } from "node:timers/promises"
import { each } from "./each.ts"
import { allOnPostgres } from "./long-postgres.ts"
import { settled } from "./observer.ts"
import type { SubscriberPlan } from "./plans.ts"
import { show } from "./show.ts"
import { POINTS } from "./sigkill.ts"
import { type Tally, tally } from "./tally.ts"
import { type Role, Troupe } from "./troupe.ts"

const MORE_POINTS = [...POINTS.sqlite, "spill.before", "spill.after", "release.middle"] as const

const RETRIES = { retries: 6, initialBackoffDelay: 30, jitter: 0.2 }
const SUBSCRIBERS: readonly SubscriberPlan[] = [
  { id: "stock", event: "order.*", policy: RETRIES },
  { id: "mail", event: "order.*", policy: RETRIES },
  { id: "ledger", event: "order.*", policy: { ...RETRIES, order: "hold" } },
]

/** Two processes that emit, stage, release, fail and retry, each killed again and again at a point or a moment. */
export async function long(kills: number): Promise<Tally> {
  const troupe = await Troupe.gather()
  try {
    await Promise.all([killAgain(troupe, "east", kills), killAgain(troupe, "west", kills)])
    const last = troupe.start({ name: "last", works: true, subscribers: SUBSCRIBERS, emits: null })
    await last.ready
    await settled(troupe, 10_000)
    const book = await tally(
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

function actor(name: string): Role {
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
  await each("sqlite")
  await allOnPostgres()
}

if (import.meta.main) await all()
